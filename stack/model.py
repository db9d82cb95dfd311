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
    """Qué papel hace el proceso: servicio de la guía, microservicio de un flujo o página de stacklab."""

    SERVICE = "service"
    MICROSERVICE = "microservice"
    CONSOLE = "console"


@dataclass(frozen=True, slots=True)
class Port:
    """Un puerto de un servicio.

    `number` es el puerto conocido (Redis, 6379): el que se usa si está libre y, en Docker, el de dentro.
    `scheme` es el del URL (`http`, `redis`, `smtp`…).
    """

    name: str
    number: int
    scheme: str = "http"


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


Probe = HttpProbe | RedisProbe | KafkaProbe


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
class Service:
    """Un servicio, igual para todos los runtimes.

    `depends_on` son nombres de servicios que han de estar listos antes. `credentials` son los nombres de
    las credenciales que lee (se generan en el primer `up`). `exports` son las variables que enseña
    `stacklab env`: nombre → plantilla.
    """

    name: str
    title: str
    summary: str
    ports: tuple[Port, ...]
    probe: Probe
    embedded: Embedded
    kind: Kind = Kind.SERVICE
    depends_on: tuple[str, ...] = ()
    config: tuple[ConfigFile, ...] = ()
    credentials: tuple[str, ...] = ()
    exports: Mapping[str, str] = field(default_factory=dict)
    links: tuple[Link, ...] = ()

    def port(self, name: str) -> Port:
        """El puerto que se llama `name`; `KeyError` si no existe."""
        for port in self.ports:
            if port.name == name:
                return port
        raise KeyError(f"{self.name} no tiene un puerto «{name}»")
