"""Las sesiones: la prueba de vida con que un proceso tiene un cerrojo.

Sigue https://developer.hashicorp.com/consul/docs/dynamic-app-config/sessions. Una sesión con TTL que nadie renueva
caduca; Consul promete que no antes de su TTL y, por prudencia, espera el doble: aquí también.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from stack.consul.embedded.golang import SECOND_NS, parse_duration

MAX_LOCK_DELAY_NS = 60 * SECOND_NS
TTL_MULTIPLIER = 2


@dataclass(frozen=True, slots=True)
class Session:
    """Una sesión. Las duraciones son nanosegundos; `ttl` es el texto que se pidió.

    `checks` es el campo antiguo de la API, y `service_checks` son los identificadores de las comprobaciones de
    servicios; unos y otros, con `node_checks`, la tiran si se ponen en crítico.
    """

    name: str
    node: str
    lock_delay_ns: int
    behavior: str
    ttl: str
    node_checks: tuple[str, ...]
    service_checks: tuple[dict[str, str], ...] = ()
    checks: tuple[str, ...] = ()
    created: int = 0
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def ttl_ns(self) -> int:
        """El TTL; 0 si no caduca. `BadDuration` si el texto no vale."""
        return parse_duration(self.ttl) if self.ttl else 0

    def depends_on(self) -> list[str]:
        """Las comprobaciones de las que depende."""
        return [*self.checks, *self.node_checks, *(one["ID"] for one in self.service_checks)]


class Sessions:
    """Las sesiones vivas y sus relojes. `expired` es a quien se avisa de la que caduca, con su identificador."""

    def __init__(self, expired: Callable[[str], None]) -> None:
        self._expired = expired
        self._alive: dict[str, Session] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self.index = 0

    def get(self, session_id: str) -> Session | None:
        """La sesión, si vive."""
        return self._alive.get(session_id)

    def all(self) -> list[Session]:
        """Todas, por identificador."""
        return sorted(self._alive.values(), key=lambda one: one.id)

    def add(self, index: int, session: Session) -> None:
        """Una nueva; su reloj empieza a contar."""
        self._alive[session.id] = replace(session, created=index)
        self.index = index
        self.renew(session.id)

    def renew(self, session_id: str) -> Session | None:
        """Vuelve a poner en hora su reloj; `None` si ya no existe."""
        session = self._alive.get(session_id)
        if session is not None and (ttl_ns := session.ttl_ns):
            self._stop(session_id)
            seconds = ttl_ns / SECOND_NS * TTL_MULTIPLIER
            self._timers[session_id] = asyncio.get_running_loop().call_later(seconds, self._expired, session_id)
        return session

    def remaining_s(self, session_id: str) -> float | None:
        """Cuánto le queda si nadie la renueva; `None` si no caduca."""
        timer = self._timers.get(session_id)
        return None if timer is None else max(0.0, timer.when() - asyncio.get_running_loop().time())

    def remove(self, index: int, session_id: str) -> Session | None:
        """Deja de existir; devuelve la que era."""
        session = self._alive.pop(session_id, None)
        if session is not None:
            self._stop(session_id)
            self.index = index
        return session

    def _stop(self, session_id: str) -> None:
        if timer := self._timers.pop(session_id, None):
            timer.cancel()
