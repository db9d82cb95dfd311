"""Las rutas: la API HTTP de Consul y nuestras páginas."""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from stack.consul.embedded import pages, responses
from stack.consul.embedded.api.agent import AgentApi
from stack.consul.embedded.api.catalog import CatalogApi
from stack.consul.embedded.api.kv import KeyValueApi
from stack.consul.embedded.api.query import require_common
from stack.consul.embedded.api.session import SessionApi
from stack.consul.embedded.coverage import COVERAGE, UNCOVERED
from stack.consul.embedded.errors import NotCovered, Refused
from stack.consul.embedded.server import Server
from stack.web import create_app

_HERE = Path(__file__).parent
Handler = Callable[[Request], Awaitable[Response]]
_NAV = (("Servicios", "/ui/dc1/services"), ("Claves", "/ui/dc1/kv"), ("Sesiones", "/ui/dc1/sessions"))


def application(server: Server) -> Starlette:
    """La aplicación entera; vigila los servicios mientras viva."""
    agent, catalog, kv, session = AgentApi(server), CatalogApi(server), KeyValueApi(server), SessionApi(server)
    get: dict[str, Handler] = {
        "status/leader": agent.leader,
        "status/peers": agent.peers,
        "agent/self": agent.self,
        "agent/members": agent.members,
        "agent/services": agent.services,
        "agent/service/{name:path}": agent.service,
        "agent/health/service/id/{name:path}": agent.health_by_id,
        "agent/health/service/name/{name:path}": agent.health_by_name,
        "agent/checks": agent.checks,
        "catalog/datacenters": catalog.datacenters,
        "catalog/nodes": catalog.nodes,
        "catalog/services": catalog.services,
        "catalog/service/{name:path}": catalog.service,
        "catalog/node/{name:path}": catalog.node,
        "health/service/{name:path}": catalog.health_service,
        "health/checks/{name:path}": catalog.health_checks,
        "health/state/{name:path}": catalog.health_state,
        "health/node/{name:path}": catalog.health_node,
        "session/info/{name:path}": session.info,
        "session/node/{name:path}": session.of_node,
        "session/list": session.list,
    }
    put: dict[str, Handler] = {
        "agent/service/register": agent.register,
        "agent/service/deregister/{name:path}": agent.deregister,
        "agent/service/maintenance/{name:path}": agent.service_maintenance,
        "agent/maintenance": agent.node_maintenance,
        "agent/check/register": agent.register_check,
        "agent/check/deregister/{name:path}": agent.deregister_check,
        "agent/check/pass/{name:path}": agent.check_pass,
        "agent/check/warn/{name:path}": agent.check_warn,
        "agent/check/fail/{name:path}": agent.check_fail,
        "agent/check/update/{name:path}": agent.check_update,
        "session/create": session.create,
        "session/destroy/{name:path}": session.destroy,
        "session/renew/{name:path}": session.renew,
    }
    # Las de escribir van delante: `agent/service/{…}` se las quedaría.
    routes = [
        *(Route(f"/v1/{path}", _Endpoint({"PUT": handler})) for path, handler in put.items()),
        *(Route(f"/v1/{path}", _Endpoint({"GET": handler})) for path, handler in get.items()),
        Route("/v1/kv/{key:path}", _Endpoint({"GET": kv.get, "PUT": kv.put, "DELETE": kv.delete})),
        Route("/v1/{rest:path}", _Unknown()),
        Route("/", lambda request: RedirectResponse("/ui/", 301)),
        *pages.routes(),
        Mount("/_consul", StaticFiles(directory=_HERE / "static")),
    ]
    app = create_app(COVERAGE, routes, templates=_HERE / "templates", nav=_NAV)
    app.state.server = server
    app.router.lifespan_context = _lifespan
    pages.prepare(app)
    return app


@asynccontextmanager
async def _lifespan(app: Any) -> AsyncIterator[None]:
    server: Server = app.state.server
    chores = [asyncio.create_task(one) for one in (server.agent.keep_reaping(), server.agent.keep_syncing())]
    yield
    for chore in chores:
        chore.cancel()
    server.agent.stop()


class _Anyhow:
    """Una ruta para cualquier método (a una función Starlette le pondría por su cuenta GET y HEAD).

    Como en Go, a una dirección con `//` o `..` se contesta cuál es la buena. Cuidado: muchos clientes van a ella
    con GET, y lo que se quería escribir no se escribe.
    """

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive, send)
        path = scope["path"]
        clean = posixpath.normpath(path) + ("/" if path.endswith("/") else "")
        response = await self._answer(request) if clean == path else _elsewhere(request, clean)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        raise NotImplementedError


def _elsewhere(request: Request, path: str) -> Response:
    query = request.url.query
    return RedirectResponse(quote(path) + (f"?{query}" if query else ""), 301)


class _Endpoint(_Anyhow):
    """Una ruta de la API: los métodos que admite, y los fallos como los escribe Consul."""

    def __init__(self, methods: Mapping[str, Handler]) -> None:
        self._methods = methods

    async def _answer(self, request: Request) -> Response:
        allowed = ",".join(["OPTIONS", *self._methods])
        if request.method == "OPTIONS":
            return responses.empty(200, {"Allow": allowed})
        if request.method not in self._methods:
            return responses.plain(f"method {request.method} not allowed", 405, {"Allow": allowed})
        try:
            require_common(request.query_params)
            return await self._methods[request.method](request)
        except Refused as refusal:
            return responses.plain(str(refusal), refusal.status)
        except NotCovered as problem:
            return responses.body({"error": f"{problem} En /cobertura está qué cubre y qué no."}, 501)


class _Unknown(_Anyhow):
    """Lo que Consul atiende y el suplente no, 501; lo que no existe tampoco en Consul, 404 como allí."""

    async def _answer(self, request: Request) -> Response:
        path = request.path_params["rest"]
        if any(
            route.path.startswith(f"/v1/{path}/{{") for route in request.app.routes if isinstance(route, Route)
        ):
            return _elsewhere(request, f"/v1/{path}/")
        if path.startswith(UNCOVERED):
            said = f"El suplente de Consul no atiende {request.method} /v1/{path}."
            return responses.body({"error": f"{said} En /cobertura está qué cubre y qué no."}, 501)
        return PlainTextResponse("Invalid URL path: not a recognized HTTP API endpoint\n", 404)
