"""Qué es un plugin: un nombre, una prioridad, su configuración y lo que hace en cada fase de la petición.

Las fases son las de Kong: `access` (antes de llamar al servicio; puede contestar él y acabar), `header_filter`
(las cabeceras de la respuesta, venga de quien venga) y `log` (cuando ya se ha contestado). En `access` van de
mayor a menor prioridad: por eso el JWT se comprueba antes que el límite de llamadas.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from stack.kong.embedded.schema import EntityCheck, Record

if TYPE_CHECKING:
    from stack.kong.embedded.exchange import Exchange
    from stack.kong.embedded.headers import Headers
    from stack.kong.embedded.metrics import Metrics
    from stack.kong.embedded.models import Config, PluginConfig
    from stack.kong.embedded.otlp import Exporters
    from stack.kong.embedded.plugins.counters import Counters
    from stack.kong.embedded.replies import Reply


@dataclass(frozen=True, slots=True)
class Runtime:
    """Lo que los plugins comparten. `config()` da la configuración vigente; `clock()`, segundos desde 1970."""

    config: Callable[[], Config]
    clock: Callable[[], float]
    counters: Counters
    metrics: Metrics
    exporters: Exporters


class Plugin:
    """La base de todos. `per_consumer` dice si Kong deja configurarlo para un consumidor."""

    name: ClassVar[str]
    priority: ClassVar[int]
    config: ClassVar[Record]
    checks: ClassVar[Sequence[EntityCheck]] = ()
    per_consumer: ClassVar[bool] = False

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    async def access(self, x: Exchange, conf: PluginConfig) -> Reply | None:
        """Antes de llamar al servicio. Una respuesta termina la petición; `None` la deja seguir."""
        return None

    def header_filter(self, x: Exchange, conf: PluginConfig, headers: Headers) -> None:
        """Cambia las cabeceras de la respuesta."""

    def log(self, x: Exchange, conf: PluginConfig) -> None:
        """Cuando la respuesta ya salió."""

    def has(self, phase: str) -> bool:
        """Si hace algo en esa fase."""
        return getattr(type(self), phase) is not getattr(Plugin, phase)
