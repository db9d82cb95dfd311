"""Las direcciones: dónde escucha cada puerto y cómo se llama cada dato en una plantilla.

Un puerto tiene dos direcciones: la de la *máquina* (procesos de aquí, el navegador) y la de la *red* (vista
desde un contenedor). Las plantillas se escriben `${NOMBRE}` y los nombres son:

====================================  ====================================================================
`${KAFKA_BROKER_ADDRESS}`             `host:puerto` del puerto `broker` de `kafka`, para quien lee la plantilla
`${…_URL}` `${…_HOST}` `${…_PORT}`    lo mismo como URL, solo el nombre, solo el número
`${…_BROWSER_URL}`                    siempre la dirección de la máquina: para enlaces que abre una persona
`${…_BROWSER_ADDRESS}`                lo mismo, sin esquema (`localhost` no: 127.0.0.1)
`${HTTP_FROM_CONSUL_ADDRESS}` `…URL`   su propio puerto `http`, como lo ve `consul` desde donde corre: es la
                                      dirección que hay que darle para que pueda llamar
`${LISTEN_HOST}` `${LISTEN_UI_PORT}`  dónde debe escuchar el propio servicio (su puerto `ui`)
`${CONFIG_DIR}` `${DATA_DIR}`         sus dos carpetas
`${PYTHON}`                           el intérprete con que corre stacklab
`${KAFKA_FIDELITY}` …                 quién contesta por cada servicio: docker, binary o embedded
`${KAFKA_PRODUCT}` …                  y qué programa es: «Apache Kafka 4.3.1»
`${HOST_PORTS}`                       dónde ven los contenedores lo que corre fuera: «20101:7101 …»
`${NETWORK_INTERFACE}`                la interfaz de red por la que se llega a los contenedores
`${PROGRAM}`                          el programa real encontrado (solo en `Binary`)
`${FREE_ALGO}`                        un puerto libre, elegido al arrancar; con el mismo nombre, el mismo
`${MINIO_ACCESS_KEY}` …               las credenciales, en mayúsculas
====================================  ====================================================================

Solo se sustituyen nombres en mayúsculas, así que `${__data.fields.traceID}` de Grafana llega intacto.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from stack.errors import ConfigError

_PLACEHOLDER = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
FREE = "FREE_"
"""Así empieza el nombre de los puertos que se eligen al arrancar: `render` los deja como están."""


class Viewpoint(StrEnum):
    """Desde dónde se mira una dirección."""

    HOST = "host"
    NETWORK = "network"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Dónde está un puerto. Sin contenedores, la dirección de red es la misma que la de la máquina."""

    service: str
    port: str
    scheme: str
    host: str
    number: int
    network_host: str
    network_number: int

    def address(self, viewpoint: Viewpoint) -> tuple[str, int]:
        """`(nombre, puerto)` según desde dónde se mire."""
        if viewpoint is Viewpoint.NETWORK:
            return self.network_host, self.network_number
        return self.host, self.number


def variables(endpoints: Iterable[Endpoint], viewpoint: Viewpoint) -> dict[str, str]:
    """Todas las variables de dirección que ve quien está en `viewpoint`."""
    names: dict[str, str] = {}
    for endpoint in endpoints:
        prefix = f"{endpoint.service}_{endpoint.port}".upper().replace("-", "_")
        host, number = endpoint.address(viewpoint)
        names[f"{prefix}_HOST"] = host
        names[f"{prefix}_PORT"] = str(number)
        names[f"{prefix}_ADDRESS"] = f"{host}:{number}"
        names[f"{prefix}_URL"] = f"{endpoint.scheme}://{host}:{number}"
        names[f"{prefix}_BROWSER_ADDRESS"] = f"{endpoint.host}:{endpoint.number}"
        names[f"{prefix}_BROWSER_URL"] = f"{endpoint.scheme}://{endpoint.host}:{endpoint.number}"
    return names


def render(template: str, names: Mapping[str, str], *, where: str) -> str:
    """Sustituye cada `${NOMBRE}`; un nombre desconocido es un `ConfigError` que dice en qué sitio está.

    Los `${FREE_…}` que no estén en `names` se quedan sin sustituir: `free_names` los encuentra después.
    """

    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        if name.startswith(FREE) and name not in names:
            return match.group(0)
        if name not in names:
            raise ConfigError(
                cause=f"{where} usa ${{{name}}} y no hay ningún dato con ese nombre",
                meaning="La plantilla está mal escrita o le falta un servicio del que depende.",
                command="stacklab doctor",
            )
        return names[name]

    return _PLACEHOLDER.sub(replace, template)


def free_names(template: str) -> set[str]:
    """Los `FREE_…` que quedan por sustituir en `template`."""
    return {name for name in _PLACEHOLDER.findall(template) if name.startswith(FREE)}
