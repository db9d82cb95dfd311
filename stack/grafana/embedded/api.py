"""La API que usan los programas: salud, búsqueda, tableros, fuentes de datos y consultas."""

from __future__ import annotations

import json
import posixpath
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from stack.grafana.embedded import queries, responses
from stack.grafana.embedded.models import Datasource, Library
from stack.grafana.embedded.prometheus import Prometheus, QueryError
from stack.grafana.embedded.queries import DEFAULT_POINTS, Asking
from stack.grafana.embedded.times import BadTime, TimeRange, parse_range

_POSTS = ("api/v1/query", "api/v1/query_range", "api/v1/series", "api/v1/labels", "api/v1/query_exemplars")
_MOST_BODY = 1 << 20
_NO_SOURCE = "Data source not found"


class Api:
    """Las rutas de `/api` sobre una biblioteca ya aprovisionada."""

    def __init__(self, library: Library, client: Prometheus) -> None:
        self._library, self._client = library, client
        self._loaded = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

    def routes(self) -> list[BaseRoute]:
        """Todas las rutas."""
        both = ["GET", "POST"]
        return [
            Route("/api/health", self.health),
            Route("/api/search", self.search),
            Route("/api/dashboards/uid/{uid}", self.dashboard),
            Route("/api/datasources", self.datasources),
            Route("/api/datasources/uid/{uid}", self.datasource),
            Route("/api/datasources/uid/{uid}/health", self.datasource_health),
            Route("/api/datasources/proxy/uid/{uid}/{path:path}", self.proxy, methods=both),
            Route("/api/datasources/uid/{uid}/resources/{path:path}", self.proxy, methods=both),
            Route("/api/ds/query", self.query, methods=["POST"]),
        ]

    async def health(self, _: Request) -> Response:
        """`GET /api/health`: por aquí se sabe que ya está listo."""
        return JSONResponse(responses.health())

    async def search(self, request: Request) -> Response:
        """`GET /api/search?query=&tag=&dashboardUIDs=&type=`."""
        asked = request.query_params
        if asked.get("type", "dash-db") != "dash-db":
            return JSONResponse([])
        items = responses.found(
            self._library.dashboards,
            text=asked.get("query", ""),
            tags=asked.getlist("tag"),
            uids=[uid for uids in asked.getlist("dashboardUIDs") for uid in uids.split(",")],
        )
        return JSONResponse([responses.search_item(item) for item in items])

    async def dashboard(self, request: Request) -> Response:
        """`GET /api/dashboards/uid/{uid}`."""
        item = self._library.dashboard(request.path_params["uid"])
        if item is None:
            return JSONResponse(responses.message("Dashboard not found", status="not-found"), 404)
        return JSONResponse(responses.dashboard(item, self._loaded))

    async def datasources(self, _: Request) -> Response:
        """`GET /api/datasources`."""
        return JSONResponse([responses.datasource(item) for item in self._library.datasources])

    async def datasource(self, request: Request) -> Response:
        """`GET /api/datasources/uid/{uid}`."""
        item = self._by_uid(request)
        if item is None:
            return JSONResponse(responses.message(_NO_SOURCE), 404)
        return JSONResponse(responses.datasource(item))

    def datasource_health(self, request: Request) -> Response:
        """`GET /api/datasources/uid/{uid}/health`: si Prometheus contesta a una consulta."""
        item = self._by_uid(request)
        if item is None:
            return JSONResponse(responses.message(_NO_SOURCE), 404)
        if item.type != "prometheus":
            return JSONResponse(responses.message("Este suplente solo pregunta a Prometheus."), 501)
        try:
            self._client.instant(item, "1", int(time.time() * 1000))
        except QueryError as error:
            return JSONResponse(responses.message(f"{error.message} {error.hint}".strip(), status="ERROR"), 400)
        return JSONResponse(responses.message("Successfully queried the Prometheus API.", status="OK"))

    async def proxy(self, request: Request) -> Response:
        """Pasa la petición a la API de Prometheus: lectura con GET, y con POST solo las consultas."""
        item = self._by_uid(request)
        if item is None:
            return JSONResponse(responses.message(_NO_SOURCE), 404)
        path = posixpath.normpath(request.path_params["path"]).lstrip("/")
        allowed = path in _POSTS if request.method == "POST" else path.startswith("api/v1/")
        if item.type != "prometheus" or not allowed:
            return JSONResponse(responses.message("Este suplente solo deja leer la API de Prometheus."), 403)
        body = await _body(request)
        if body is None:
            return JSONResponse(responses.message("La petición es demasiado grande."), 413)
        form = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        params = request.query_params.multi_items()
        try:
            status, kind, content = await run_in_threadpool(
                self._client.forward, item, request.method, path, params, form
            )
        except QueryError as error:
            return JSONResponse(responses.message(f"{error.message} {error.hint}".strip()), error.status)
        return Response(content, status, headers={"content-type": kind})

    async def query(self, request: Request) -> Response:
        """`POST /api/ds/query`: cada consulta por su `refId`, con sus data frames o su error."""
        body = await _body(request)
        try:
            asked = json.loads(body or b"")
            time_range = parse_range(
                str(asked.get("from", "now-1h")), str(asked.get("to", "now")), int(time.time() * 1000)
            )
            queries_asked = [(dict(target), _asking(time_range, target)) for target in asked["queries"]]
        except BadTime as error:
            return JSONResponse(responses.message(str(error)), 400)
        except (ValueError, TypeError, KeyError, AttributeError):
            return JSONResponse(responses.message("bad request data"), 400)
        if not queries_asked:
            return JSONResponse(responses.message("no queries found"), 400)
        results: dict[str, dict[str, Any]] = {}
        for target, asking in queries_asked:
            source = self._library.datasource(target.get("datasource"))
            if source is None:
                return JSONResponse(responses.message(_NO_SOURCE), 404)
            ref_id = str(target.get("refId") or "A")
            results[ref_id] = await run_in_threadpool(self._one, source, target, asking)
        content, status = responses.query_answer(results)
        return JSONResponse(content, status)

    def _one(self, source: Datasource, target: dict[str, Any], asking: Asking) -> dict[str, Any]:
        try:
            return responses.query_result(queries.run(self._client, source, target, asking))
        except QueryError as error:
            return responses.query_failure(error)

    def _by_uid(self, request: Request) -> Datasource | None:
        uid = request.path_params["uid"]
        return next((item for item in self._library.datasources if item.uid == uid), None)


def _asking(time_range: TimeRange, target: Mapping[str, Any]) -> Asking:
    points = int(target.get("maxDataPoints") or DEFAULT_POINTS)
    return Asking(time_range, points, int(target.get("intervalMs") or 0))


async def _body(request: Request) -> bytes | None:
    """El cuerpo entero, o `None` si pasa de un mega."""
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > _MOST_BODY:
            return None
    return content
