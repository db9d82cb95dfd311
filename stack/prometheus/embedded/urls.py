"""Las rutas: la API de consulta de Prometheus y las páginas."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from stack.prometheus.embedded import api, pages, responses, status
from stack.prometheus.embedded.coverage import COVERAGE
from stack.prometheus.embedded.parameters import BadParameter, Parameters, parameters
from stack.prometheus.embedded.promql import BadQuery, ExecutionError, QueryTimeout
from stack.prometheus.embedded.server import Server
from stack.web import charts, create_app

Handler = Callable[[Request, Parameters], Any]

_API: dict[str, Handler] = {
    "label/{name}/values": api.label_values,
    "targets": status.targets,
    "targets/metadata": api.targets_metadata,
    "metadata": api.metadata,
    "rules": status.rules,
    "alerts": status.alerts,
    "status/buildinfo": status.buildinfo,
    "status/config": status.config,
    "status/flags": status.flags,
    "status/runtimeinfo": status.runtimeinfo,
    "status/tsdb": status.tsdb,
}
# Las consultas largas no caben en una dirección: Prometheus las admite también como formulario.
_API_WITH_FORM: dict[str, Handler] = {
    "query": api.instant,
    "query_range": api.over_time,
    "series": api.series,
    "labels": api.labels,
}
_NAV = (
    ("Consultar", "/query"),
    ("Objetivos", "/targets"),
    ("Alertas", "/alerts"),
    ("Reglas", "/rules"),
    ("Estado", "/status"),
)


def application(server: Server) -> Starlette:
    """La aplicación entera; lee métricas y calcula reglas mientras viva."""
    routes = [
        Route("/", lambda request: RedirectResponse("/query")),
        Route(
            "/graph", lambda request: RedirectResponse(request.url.replace(path="/query", scheme="", netloc=""))
        ),
        Route("/-/ready", lambda request: PlainTextResponse("Prometheus Server is Ready.\n")),
        Route("/-/healthy", lambda request: PlainTextResponse("Prometheus Server is Healthy.\n")),
        Route("/-/reload", _reload, methods=["POST", "PUT"]),
        Route("/metrics", status.metrics),
        *(Route(f"/api/v1/{path}", _guarded(handler)) for path, handler in _API.items()),
        *(
            Route(f"/api/v1/{path}", _guarded(handler), methods=["GET", "POST"])
            for path, handler in _API_WITH_FORM.items()
        ),
        Route("/query", pages.query),
        Route("/targets", pages.targets),
        Route("/alerts", pages.alerts),
        Route("/rules", pages.rules),
        Route("/status", pages.status),
        *charts.routes(),
    ]
    app = create_app(COVERAGE, routes, templates=Path(__file__).parent / "templates", nav=_NAV)
    app.state.server = server
    app.router.lifespan_context = _lifespan
    pages.prepare(app)
    return app


@asynccontextmanager
async def _lifespan(app: Any) -> AsyncIterator[None]:
    server: Server = app.state.server
    server.start()
    yield
    await server.stop()


async def _reload(request: Request) -> Response:
    return status.reload(request)


def _guarded(handler: Handler) -> Any:
    async def answer(request: Request) -> Response:
        try:
            data = handler(request, await parameters(request))
            return responses.success(await data if inspect.isawaitable(data) else data)
        except (BadParameter, BadQuery) as error:
            return responses.failure("bad_data", str(error), 400)
        except QueryTimeout as error:
            return responses.failure("timeout", str(error), 503)
        except ExecutionError as error:
            return responses.failure("execution", str(error), 422)

    return answer
