"""Las maneras de estropear un paso de verdad, y solo ese paso.

Cada una es un dato que el flujo declara junto al paso; `scenarios.engine.faults` sabe aplicarlas y deshacerlas.
Ninguna deja nada que sobreviva a un corte de luz: o mueren con la ejecución, o solo tocan datos de esa ejecución,
o cambian la descripción de un servicio, y el siguiente `up` la ve distinta de la buena y lo arranca como debe ser.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scenarios.engine.flow import HoldPoint

if TYPE_CHECKING:
    from scenarios.engine.context import Run
    from stack.model import Service

Undo = Callable[[], None]


@dataclass(frozen=True, slots=True)
class DropCall:
    """La llamada parada en `at` no llega a hacerse: quien la hacía ve que la conexión se corta.

    Con `moment="end"` la llamada sí se hizo y lo que se pierde es la respuesta. Con `crash`, en vez de cortarse la
    conexión, el código se rompe ahí mismo.
    """

    title: str
    at: HoldPoint
    crash: bool = False


@dataclass(frozen=True, slots=True)
class StallCall:
    """Quien está parado en `at` se queda parado hasta que la ejecución termina."""

    title: str
    at: HoldPoint


@dataclass(frozen=True, slots=True)
class Tamper:
    """Alguien cambia lo guardado justo cuando el sistema pasa por `at`. `change` devuelve cómo deshacerlo."""

    title: str
    at: HoldPoint
    change: Callable[[Run], Undo]


@dataclass(frozen=True, slots=True)
class Misconfigure:
    """El servicio `service` corre con otra configuración. `change` recibe su descripción y da la estropeada."""

    title: str
    service: str
    change: Callable[[Run, Service], Service]


@dataclass(frozen=True, slots=True)
class BadClient:
    """Quien llama hace mal su parte; `fault` es el nombre que entiende el `drive` del flujo."""

    title: str
    fault: str


Sabotage = DropCall | StallCall | Tamper | Misconfigure | BadClient
