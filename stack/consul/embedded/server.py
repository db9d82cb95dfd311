"""El servidor entero en un objeto: lo que guarda, y lo que un cambio arrastra (sesiones, cerrojos)."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable

from stack.consul.embedded.agent.local import Agent
from stack.consul.embedded.errors import Refused
from stack.consul.embedded.golang import SECOND_NS, BadDuration, format_duration
from stack.consul.embedded.settings import Settings
from stack.consul.embedded.state.catalog import CRITICAL, Catalog, Check, Service
from stack.consul.embedded.state.kv import KeyValues
from stack.consul.embedded.state.log import Log
from stack.consul.embedded.state.sessions import MAX_LOCK_DELAY_NS, Session, Sessions

VERSION = "1.16.2"
"""El Consul con que se ha comparado."""
DATACENTER = "dc1"
_TTL_MAX_NS = 24 * 3600 * SECOND_NS


class Server:
    """Lo que está en marcha. `port` es el de la API, el único que hay."""

    def __init__(self, settings: Settings, port: int) -> None:
        self.settings = settings
        self.port = port
        self.host = os.environ.get("STACKLAB_LISTEN_HOST", "127.0.0.1")
        self.node_id = str(uuid.uuid4())
        self.log = Log()
        own = Service("consul", "consul", port=port, meta={"version": VERSION})
        self.catalog = Catalog(own, self.log.next())
        self.kv = KeyValues()
        self.sessions = Sessions(expired=self.destroy_session)
        self.agent = Agent(self)

    @property
    def node(self) -> str:
        """El nombre del único nodo."""
        return self.settings.node_name

    @property
    def address(self) -> str:
        """Quién es el líder: `dirección:puerto`."""
        return f"{self.host}:{self.port}"

    def wake_everyone(self) -> None:
        """Se va a parar: contesta ya a quien esté esperando un cambio."""
        self.log.close()

    # --- Lo que el agente apunta en el catálogo

    def register(self, service: Service, checks: Iterable[Check]) -> None:
        """Apunta una instancia con sus comprobaciones, todo en la misma escritura."""
        index = self.log.next()
        self.catalog.put_service(index, service)
        for check in checks:
            self._put_check(index, check)

    def put_check(self, check: Check) -> None:
        """Apunta una comprobación; si está en crítico caen las sesiones que dependan de ella."""
        self._put_check(self.log.next(), check)

    def check(self, check_id: str) -> Check | None:
        """Una comprobación, como la tiene el catálogo."""
        return self.catalog.checks.get(check_id)

    def deregister(self, service_id: str) -> None:
        """Borra una instancia y sus comprobaciones."""
        index = self.log.next()
        for check_id in self.catalog.delete_service(index, service_id):
            self._fail(index, check_id)

    def delete_check(self, check_id: str) -> None:
        """Borra una comprobación."""
        index = self.log.next()
        if self.catalog.delete_check(index, check_id):
            self._fail(index, check_id)

    def _put_check(self, index: int, check: Check) -> None:
        self.catalog.put_check(index, check)
        if check.status == CRITICAL:
            self._fail(index, check.id)

    def _fail(self, index: int, check_id: str) -> None:
        for session in self.sessions.all():
            if check_id in session.depends_on():
                self._end(index, session.id)

    # --- Sesiones

    def create_session(self, session: Session) -> str:
        """Una sesión nueva; devuelve su identificador.

        Raises:
            Refused: el TTL, el comportamiento, el nodo o alguna comprobación no valen.
        """
        if session.behavior not in ("release", "delete"):
            raise Refused(500, f"Invalid Behavior setting '{session.behavior}'")
        try:
            ttl_ns = session.ttl_ns
        except BadDuration as error:
            raise Refused(500, f"Session TTL '{session.ttl}' invalid: {error}") from error
        shortest = self.settings.session_ttl_min_ns
        if ttl_ns and not shortest <= ttl_ns <= _TTL_MAX_NS:
            bounds = f"[{format_duration(shortest)}={format_duration(_TTL_MAX_NS)}]"
            raise Refused(500, f"Invalid Session TTL '{ttl_ns}', must be between {bounds}")
        if session.node.lower() != self.node.lower():
            raise Refused(500, "apply failed: Missing node registration")
        for check_id in session.depends_on():
            check = self.catalog.checks.get(check_id)
            if check is None:
                raise Refused(500, f"apply failed: Missing check '{check_id}' registration")
            if check.status == CRITICAL:
                raise Refused(500, f"apply failed: Check '{check_id}' is in critical state")
        self.sessions.add(self.log.next(), session)
        return session.id

    def destroy_session(self, session_id: str) -> None:
        """Se acaba una sesión: porque se pide o porque caducó. Si no existe no pasa nada."""
        if self.sessions.get(session_id) is not None:
            self._end(self.log.next(), session_id)

    def _end(self, index: int, session_id: str) -> None:
        session = self.sessions.remove(index, session_id)
        if session is not None:
            delay_s = min(session.lock_delay_ns, MAX_LOCK_DELAY_NS) / SECOND_NS
            self.kv.abandon(index, session_id, delete=session.behavior == "delete", delay_s=delay_s)
