"""`/v1/session/…`: crear, renovar, mirar y acabar sesiones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from stack.consul.embedded import decoding, responses
from stack.consul.embedded.api.query import Result, answer, options
from stack.consul.embedded.decoding import fields, text, texts
from stack.consul.embedded.errors import Refused
from stack.consul.embedded.golang import SECOND_NS
from stack.consul.embedded.server import Server
from stack.consul.embedded.state.catalog import NODE_CHECK
from stack.consul.embedded.state.sessions import Session

_DEFAULT_LOCK_DELAY_NS = 15 * SECOND_NS
_BARE_NUMBER_BELOW = 1000


class SessionApi:
    """Las operaciones sobre sesiones."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def create(self, request: Request) -> Response:
        """Una nueva; contesta su identificador."""
        options(request.query_params)
        session = _read(await request.body(), self._server)
        return responses.body({"ID": self._server.create_session(session)})

    async def destroy(self, request: Request) -> Response:
        """Se acaba; que no exista no es un error."""
        options(request.query_params)
        self._server.destroy_session(_named(request))
        return responses.body(True)

    async def renew(self, request: Request) -> Response:
        """Vuelve a contar su TTL desde ahora."""
        options(request.query_params)
        session_id = _named(request)
        session = self._server.sessions.renew(session_id)
        if session is None:
            raise Refused(404, f"Session id '{session_id}' not found")
        return responses.body([responses.session(session)])

    async def info(self, request: Request) -> Response:
        """Una, o ninguna."""
        session_id = _named(request)
        return await self._list(request, lambda one: one.id == session_id)

    async def of_node(self, request: Request) -> Response:
        """Las de un nodo."""
        node = request.path_params["name"]
        if not node:
            raise Refused(400, "Missing node name")
        return await self._list(request, lambda one: one.node.lower() == node.lower())

    async def list(self, request: Request) -> Response:
        """Todas."""
        return await self._list(request, lambda one: True)

    async def _list(self, request: Request, wanted: Callable[[Session], bool]) -> Response:
        sessions = self._server.sessions

        def ask() -> Result:
            found = [one for one in sessions.all() if wanted(one)]
            return Result(sessions.index, found, found)

        result = await answer(self._server.log, request, options(request.query_params), ask)
        return responses.body([responses.session(one) for one in result.value], headers=responses.meta(result))


def _named(request: Request) -> str:
    session_id: str = request.path_params["name"]
    if not session_id:
        raise Refused(400, "Missing session")
    return session_id


def _read(body: bytes, server: Server) -> Session:
    """El cuerpo de `session/create`. Sin él: este nodo, `release` y 15 s de espera."""
    found = fields(
        decoding.parse(body) if body else {},
        {
            "Name": text,
            "Node": text,
            "LockDelay": _lock_delay,
            "Behavior": text,
            "TTL": text,
            "NodeChecks": texts,
            "ServiceChecks": _service_checks,
            "Checks": texts,
        },
        strict=False,
    )
    # `Checks` es de antes de que hubiera `NodeChecks`; Consul los concilia así.
    checks = found.get("Checks", (NODE_CHECK,))
    node_checks = found.get("NodeChecks", (NODE_CHECK,))
    if not checks:
        node_checks = ()
    elif checks == (NODE_CHECK,) or not node_checks:
        checks = ()
    if not (node := found.get("Node", server.node)):
        raise Refused(500, "Must provide Node")
    return Session(
        name=found.get("Name", ""),
        node=node,
        lock_delay_ns=found.get("LockDelay", _DEFAULT_LOCK_DELAY_NS),
        behavior=found.get("Behavior") or "release",
        ttl=found.get("TTL", ""),
        node_checks=node_checks,
        service_checks=found.get("ServiceChecks", ()),
        checks=checks,
    )


def _lock_delay(value: Any, name: str) -> int:
    """Una duración; un número pequeño son segundos."""
    delay = decoding.duration(value, name)
    return delay * SECOND_NS if delay < _BARE_NUMBER_BELOW else delay


def _service_checks(value: Any, name: str) -> tuple[dict[str, str], ...]:
    if not isinstance(value, list):
        raise decoding.bad("json: cannot unmarshal value into Go struct field .Alias.ServiceChecks")
    read = (fields(one, {"ID": text, "Namespace": text}, strict=False) for one in value)
    return tuple({"ID": one.get("ID", "")} for one in read)
