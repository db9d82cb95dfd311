"""Los errores de stacklab. Cada uno dice la causa, qué significa y la orden siguiente.

    StacklabError                 1  algo no salió; la causa está en el mensaje
    ├── UsageError                2  la orden está mal escrita (nombre de flujo, servicio u opción)
    ├── StartError                3  un servicio no pudo arrancar
    │   ├── PortTaken             3  el puerto pedido lo usa otro
    │   └── NotReady              3  arrancó, pero no llegó a estar listo a tiempo (o se murió)
    ├── StateError                3  la carpeta de estado no se puede leer o escribir
    ├── StopError                 3  quedó algo por parar
    └── OwnFault                  4  el fallo es nuestro
        └── ConfigError           4  una configuración del propio laboratorio está mal

El número es el código de salida de la orden. Ctrl-C sale con 130.
"""

from __future__ import annotations

from collections.abc import Iterable


class StacklabError(Exception):
    """Raíz del árbol. `cause` qué pasó; `meaning` qué significa; `command` qué teclear ahora (o `None`).

    `details` son líneas que ayudan a entenderlo y que no caben en una frase: el final de un log, las órdenes
    que faltan por dar.
    """

    exit_code = 1

    def __init__(
        self, cause: str, meaning: str = "", command: str | None = None, details: Iterable[str] = ()
    ) -> None:
        super().__init__(cause)
        self.cause = cause
        self.meaning = meaning
        self.command = command
        self.details = tuple(details)


class UsageError(StacklabError):
    """La orden está mal escrita."""

    exit_code = 2


class StartError(StacklabError):
    """Un servicio no pudo arrancar."""

    exit_code = 3


class PortTaken(StartError):
    """El puerto pedido lo usa otro."""


class NotReady(StartError):
    """Un servicio arrancó y no llegó a estar listo a tiempo, o su proceso terminó."""


class StateError(StacklabError):
    """La carpeta de estado no se puede leer o escribir."""

    exit_code = 3


class StopError(StacklabError):
    """Quedó algo por parar; el mensaje trae las órdenes para el resto."""

    exit_code = 3


class OwnFault(StacklabError):
    """El fallo es nuestro: se escribe un informe."""

    exit_code = 4


class ConfigError(OwnFault):
    """Una configuración del propio laboratorio está mal."""
