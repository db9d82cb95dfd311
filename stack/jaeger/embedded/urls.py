"""Las rutas del puerto `ui`: la API de consulta de Jaeger y nuestras páginas."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from stack.jaeger.embedded import otlp, pages, query, responses, skew
from stack.jaeger.embedded.coverage import COVERAGE
from stack.jaeger.embedded.models import Store, Trace
from stack.web import create_app

_HERE = Path(__file__).parent
_NOT_FOUND = "trace not found"
Handler = Callable[[Request], Awaitable[Response]]


def query_app(store: Store) -> Starlette:
    """La aplicación que contesta preguntas sobre `store` y lo enseña en páginas."""
    api = _Api(store)
    app = create_app(
        COVERAGE,
        [
            Route("/", _home),
            Route("/search", pages.search),
            Route("/trace/{trace_id}", pages.trace),
            Route("/dependencies", pages.dependencies),
            Route("/api/services", api.services),
            Route("/api/operations", api.operations),
            Route("/api/services/{service:path}/operations", api.operation_names),
            Route("/api/traces", _checked(api.traces)),
            Route("/api/traces/{trace_id}", _checked(api.trace)),
            Route("/api/dependencies", _checked(api.dependencies)),
            Route("/api/v3/services", api.services_v3),
            Route("/api/v3/operations", api.operations_v3),
            Route("/api/v3/traces", _checked(api.traces_v3, responses.error_v3)),
            Route("/api/v3/traces/{trace_id}", _checked(api.trace_v3, responses.error_v3)),
            Mount("/_jaeger", StaticFiles(directory=_HERE / "static")),
        ],
        templates=_HERE / "templates",
        nav=(("Buscar", "/search"), ("Quién llama a quién", "/dependencies")),
    )
    app.state.store = store
    pages.prepare(app)
    return app


def _checked(handler: Handler, refuse: Callable[[str, int], Response] = responses.error) -> Handler:
    """Un parámetro que no se entiende se contesta con el sobre de Jaeger."""

    async def guarded(request: Request) -> Response:
        try:
            return await handler(request)
        except query.BadQuery as error:
            return refuse(str(error), error.status)

    return guarded


async def _home(_: Request) -> Response:
    return RedirectResponse("/search")


class _Api:
    """Cada pregunta de la API (https://www.jaegertracing.io/docs/2.13/architecture/apis/)."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def services(self, _: Request) -> Response:
        return responses.listed(self.store.services())

    async def operations(self, request: Request) -> Response:
        service = request.query_params.get("service")
        if not service:
            return responses.error("parameter 'service' is required", 400)
        found = self._operations(service, request.query_params.get("spanKind", ""))
        return responses.structured([{"name": name, "spanKind": kind} for name, kind in found], total=len(found))

    async def operation_names(self, request: Request) -> Response:
        service = unquote(request.path_params["service"])
        return responses.listed(sorted({name for name, _ in self._operations(service)}))

    async def traces(self, request: Request) -> Response:
        wanted = request.query_params.getlist("traceID")
        pretty = request.query_params.get("prettyPrint", "false") not in ("", "false")
        if not wanted:
            found = self.store.search(query.search(request.query_params))
            return responses.structured([responses.trace(trace) for trace in found], pretty=pretty)
        known, errors = [], []
        for text in wanted:
            trace_id = query.trace_id(text)
            trace = self.store.get(trace_id)
            if trace:
                known.append(responses.trace(trace))
            else:
                errors.append({"msg": _NOT_FOUND, "traceID": responses.short(trace_id)})
        return responses.structured(known, errors=errors or None, pretty=pretty)

    async def trace(self, request: Request) -> Response:
        # Jaeger los usa para buscar menos; aquí no hacen falta, y mal escritos se dicen igual.
        for name in ("start", "end"):
            query.instant_ns(request.query_params, name, 1000, 0)
        trace = self.store.get(query.trace_id(request.path_params["trace_id"]))
        if trace is None:
            return responses.error(_NOT_FOUND, 404)
        pretty = request.query_params.get("prettyPrint", "false") not in ("", "false")
        return responses.structured([responses.trace(trace)], pretty=pretty)

    async def dependencies(self, request: Request) -> Response:
        calls = self.store.dependencies(*query.dependency_window(request.query_params))
        service = request.query_params.get("service", "")
        return responses.structured(
            [
                {"parent": parent, "child": child, "callCount": count}
                for (parent, child), count in sorted(calls.items())
                if not service or service in (parent, child)
            ]
        )

    async def services_v3(self, _: Request) -> Response:
        return responses.plain({"services": self.store.services()})

    async def operations_v3(self, request: Request) -> Response:
        service, kind = request.query_params.get("service", ""), request.query_params.get("span_kind", "")
        found = self._operations(service, kind)
        return responses.plain(
            {"operations": [{"name": name} | ({"spanKind": kind} if kind else {}) for name, kind in found]}
        )

    async def trace_v3(self, request: Request) -> Response:
        for name in ("start_time", "end_time"):
            if text := request.query_params.get(name):
                query.moment_ns(text, name)
        with query.naming("trace_id"):
            trace_id = query.trace_id(request.path_params["trace_id"])
        trace = self.store.get(trace_id)
        return self._found_v3([trace] if trace else [])

    async def traces_v3(self, request: Request) -> Response:
        return self._found_v3(self.store.search(query.search_v3(request.query_params)))

    def _found_v3(self, found: Sequence[Trace]) -> Response:
        if not found:
            return responses.error_v3("No traces found", 404)
        each = (otlp.to_json(trace.in_order(), skew.of_otlp(trace)) for trace in found)
        return responses.plain(
            {"result": {"resourceSpans": [one for data in each for one in data["resourceSpans"]]}}
        )

    def _operations(self, service: str, kind: str = "") -> list[tuple[str, str]]:
        found = ((name, query.KIND_NAMES.get(number, "")) for name, number in self.store.operations(service))
        return [(name, its_kind) for name, its_kind in found if kind in ("", its_kind)]
