"""Las páginas: la lista de tableros, un tablero, un panel solo, y los datos de cada panel para refrescarlo."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from stack.grafana.embedded import variables
from stack.grafana.embedded.interpolation import Values, fill
from stack.grafana.embedded.models import Dashboard, Library, Panel
from stack.grafana.embedded.panels import Viewer
from stack.grafana.embedded.panels.context import links
from stack.grafana.embedded.prometheus import Prometheus
from stack.grafana.embedded.times import BadTime, TimeRange, parse_range
from stack.grafana.embedded.variables import Variable
from stack.web import page

_STATIC = Path(__file__).parent / "static"
_PRESETS = (
    *(("now-5m", "Últimos 5 minutos"), ("now-15m", "Últimos 15 minutos"), ("now-30m", "Última media hora")),
    *(("now-1h", "Última hora"), ("now-3h", "Últimas 3 horas"), ("now-6h", "Últimas 6 horas")),
    *(("now-12h", "Últimas 12 horas"), ("now-24h", "Últimas 24 horas"), ("now-7d", "Últimos 7 días")),
)
_REFRESHES = (
    *(("", "Sin refresco"), ("1s", "Cada segundo"), ("5s", "Cada 5 s"), ("10s", "Cada 10 s")),
    *(("30s", "Cada 30 s"), ("1m", "Cada minuto"), ("5m", "Cada 5 min")),
)


class Pages:
    """Las páginas sobre una biblioteca ya aprovisionada."""

    def __init__(self, library: Library, client: Prometheus) -> None:
        self._library, self._client = library, client

    def routes(self) -> list[BaseRoute]:
        """Todas las rutas."""
        return [
            Route("/", lambda _: RedirectResponse("/dashboards", 302)),
            Route("/dashboards", self.index),
            Route("/d/{uid}", self.dashboard),
            Route("/d/{uid}/{slug}", self.dashboard),
            Route("/d-solo/{uid}", self.solo),
            Route("/d-solo/{uid}/{slug}", self.solo),
            Route("/_panels/{uid}/{panel_id:int}", self.panel),
            Mount("/_grafana", StaticFiles(directory=_STATIC)),
        ]

    async def index(self, request: Request) -> Response:
        """La lista de tableros, con un buscador por título y etiqueta."""
        text, tag = request.query_params.get("query", ""), request.query_params.get("tag", "")
        shown = [
            item
            for item in self._library.dashboards
            if text.casefold() in item.title.casefold() and (not tag or tag in item.tags)
        ]
        return page(
            request, "index.html", dashboards=shown, query=text, tag=tag, total=len(self._library.dashboards)
        )

    def dashboard(self, request: Request) -> Response:
        """Un tablero, o uno de sus paneles a toda página con `viewPanel=panel-{id}`."""
        item = self._dashboard(request)
        wanted = request.query_params.get("viewPanel")
        panel = _panel(item, wanted) if wanted else None
        return self._page(request, item, panel, bare="kiosk" in request.query_params)

    def solo(self, request: Request) -> Response:
        """Un panel sin nada alrededor, para ponerlo en otra página."""
        item = self._dashboard(request)
        panel = _panel(item, request.query_params.get("panelId", ""))
        return self._page(request, item, panel, bare=True, solo=True)

    def panel(self, request: Request) -> Response:
        """Lo que enseña un panel ahora mismo, en JSON: es lo que pide la página en cada refresco."""
        item = self._dashboard(request)
        panel = item.panel(request.path_params["panel_id"])
        if panel is None:
            raise HTTPException(404, f"El tablero «{item.title}» no tiene ese panel.")
        try:
            start, end = _asked_range(request, item)
            time_range = parse_range(start, end, _now())
        except BadTime as error:
            return JSONResponse({"error": str(error)}, 400)
        _, values = self._variables(request, item, time_range)
        viewer = Viewer(self._library, self._client, request.app.state.templates)
        width = request.query_params.get("width", "")
        view = viewer.view(
            panel, time_range, values, width=int(width) if re.fullmatch(r"[0-9]{1,5}", width) else 800
        )
        return JSONResponse({"title": fill(panel.title, values), "at": _now(), **view.wire()})

    def _dashboard(self, request: Request) -> Dashboard:
        uid = request.path_params["uid"]
        item = self._library.dashboard(uid)
        if item is None:
            raise HTTPException(404, f"No hay ningún tablero con el uid «{uid}».")
        return item

    def _variables(
        self, request: Request, item: Dashboard, time_range: TimeRange
    ) -> tuple[list[Variable], Values]:
        asked: dict[str, list[str]] = {}
        for key, value in request.query_params.multi_items():
            if key.startswith("var-"):
                asked.setdefault(key.removeprefix("var-"), []).append(value)
        return variables.resolve(item, self._library, self._client, asked, time_range)

    def _page(
        self, request: Request, item: Dashboard, panel: Panel | None, *, bare: bool, solo: bool = False
    ) -> Response:
        start, end = _asked_range(request, item)
        problem = ""
        try:
            time_range = parse_range(start, end, _now())
        except BadTime as error:
            problem, start, end = str(error), "now-5m", "now"
            time_range = parse_range(start, end, _now())
        shown, values = self._variables(request, item, time_range)
        refresh = request.query_params.get("refresh", str(item.source.get("refresh") or ""))
        presets = [(text, label) for text, label in _PRESETS]
        return page(
            request,
            "dashboard.html",
            dashboard=item,
            sections=[] if panel else item.sections(),
            single=panel,
            bare=bare,
            solo=solo,
            start=start,
            end=end,
            presets=presets,
            custom=end != "now" or start not in dict(presets),
            refresh=refresh,
            refreshes=_with(refresh, _REFRESHES),
            variables=[variable for variable in shown if not variable.hidden],
            problem=problem,
            links=_dashboard_links(item, values, time_range, request),
            title_of=lambda p: fill(p.title, values),
            note_of=lambda p: fill(str(p.source.get("description") or ""), values),
            links_of=lambda p: links(p.source.get("links") or (), values, time_range),
            query=lambda **changes: _query(request, changes),
        )


def _now() -> int:
    return int(time.time() * 1000)


def _asked_range(request: Request, item: Dashboard) -> tuple[str, str]:
    saved = item.source.get("time") or {}
    asked = request.query_params
    return asked.get("from") or str(saved.get("from") or "now-1h"), asked.get("to") or str(
        saved.get("to") or "now"
    )


def _panel(item: Dashboard, wanted: str) -> Panel:
    match = re.fullmatch(r"(?:panel-)?(\d{1,9})", wanted)
    panel = item.panel(int(match[1])) if match else None
    if panel is None:
        raise HTTPException(404, f"El tablero «{item.title}» no tiene el panel «{wanted}».")
    return panel


def _dashboard_links(
    item: Dashboard, values: Values, time_range: TimeRange, request: Request
) -> Sequence[tuple[str, str, bool]]:
    plain = [link for link in item.source.get("links") or () if link.get("type", "link") == "link"]
    return links(plain, values, time_range)


def _with(value: str, options: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    return options if value in dict(options) else [*options, (value, f"Cada {value}")]


def _query(request: Request, changes: Mapping[str, Any]) -> str:
    """La consulta de la dirección de ahora con `changes`; un `None` quita ese dato."""
    kept = [(key, value) for key, value in request.query_params.multi_items() if key not in changes]
    return urlencode([*kept, *((key, value) for key, value in changes.items() if value is not None)])
