"""Las rutas: la API de consulta de Prometheus y las páginas."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from stack.prometheus.embedded import pages, responses
from stack.prometheus.embedded.config import Config, ConfigProblem, duration_s
from stack.prometheus.embedded.coverage import COVERAGE
from stack.prometheus.embedded.promql import (
    BadQuery,
    ExecutionError,
    Matcher,
    NotCovered,
    query,
    query_range,
    selector,
)
from stack.prometheus.embedded.scrape import Scraper
from stack.prometheus.embedded.storage import Storage
from stack.web import charts, create_app

MAX_POINTS = 11_000
_FIVE_MINUTES_MS = 5 * 60 * 1000


class _Bad(Exception):
    """Un parámetro que no vale; el mensaje es para quien llamó."""


def application(config: Config, storage: Storage, scraper: Scraper) -> Starlette:
    """La aplicación entera, con el lector de métricas en marcha mientras viva."""
    api = {
        "query": _query,
        "query_range": _query_range,
        "series": _series,
        "labels": _labels,
        "label/{name}/values": _label_values,
        "targets": _targets,
        "targets/metadata": _targets_metadata,
        "metadata": _metadata,
        "rules": _rules,
        "alerts": _alerts,
        "status/buildinfo": _buildinfo,
        "status/config": _config,
        "status/runtimeinfo": _runtimeinfo,
    }
    routes = [
        Route("/", lambda request: RedirectResponse("/query")),
        Route("/-/ready", lambda request: PlainTextResponse("Prometheus Server is Ready.\n")),
        Route("/-/healthy", lambda request: PlainTextResponse("Prometheus Server is Healthy.\n")),
        *(Route(f"/api/v1/{path}", _guarded(handler), methods=["GET", "POST"]) for path, handler in api.items()),
        Route("/query", pages.query),
        Route("/graph", pages.query),
        Route("/targets", pages.targets),
        Route("/alerts", pages.alerts),
        *charts.routes(),
    ]
    app = create_app(
        COVERAGE,
        routes,
        templates=Path(__file__).parent / "templates",
        nav=(("Consultar", "/query"), ("Objetivos", "/targets"), ("Alertas", "/alerts")),
    )
    app.state.config, app.state.storage, app.state.scraper = config, storage, scraper
    app.router.lifespan_context = _lifespan
    return app


@asynccontextmanager
async def _lifespan(app: Any) -> AsyncIterator[None]:
    app.state.started = time.time()
    app.state.scraper.start()
    yield
    await app.state.scraper.stop()


def _guarded(handler: Any) -> Any:
    async def answer(request: Request) -> Response:
        values = dict(request.query_params)
        if request.method == "POST":
            form = await request.form()
            values |= {name: str(value) for name, value in form.items()}
            request.state.many = [str(one) for one in form.getlist("match[]")] + request.query_params.getlist(
                "match[]"
            )
        else:
            request.state.many = request.query_params.getlist("match[]")
        try:
            return handler(request, values)  # type: ignore[no-any-return]
        except (_Bad, BadQuery) as error:
            return responses.failure("bad_data", str(error), 400)
        except (NotCovered, ExecutionError) as error:
            return responses.failure("execution", str(error), 422)

    return answer


def instant_ms(text: str | None, name: str, default: float) -> int:
    """Una hora de la API (segundos o RFC 3339) en milisegundos."""
    if not text:
        return round(default * 1000)
    try:
        value = float(text)
    except ValueError:
        try:
            value = datetime.fromisoformat(text).timestamp()
        except ValueError:
            raise _Bad(f'invalid parameter "{name}": cannot parse "{text}" to a valid timestamp') from None
    if not math.isfinite(value):
        raise _Bad(f'invalid parameter "{name}": cannot parse "{text}" to a valid timestamp')
    return round(value * 1000)


def _step_ms(text: str | None) -> int:
    try:
        seconds = float(text or "")
    except ValueError:
        try:
            seconds = duration_s(text or "", "step")
        except ConfigProblem:
            raise _Bad(f'invalid parameter "step": cannot parse "{text}" to a valid duration') from None
    if not (seconds > 0 and math.isfinite(seconds)):
        raise _Bad('invalid parameter "step": zero or negative query resolution step widths are not accepted.')
    return max(1, round(seconds * 1000))


def _query(request: Request, values: Mapping[str, str]) -> Response:
    value = query(
        values.get("query", ""), request.app.state.storage, instant_ms(values.get("time"), "time", time.time())
    )
    return responses.success(responses.instant(value))


def _query_range(request: Request, values: Mapping[str, str]) -> Response:
    for name in ("start", "end"):
        if not values.get(name):
            raise _Bad(f'invalid parameter "{name}": cannot parse "" to a valid timestamp')
    start, end = instant_ms(values["start"], "start", 0), instant_ms(values["end"], "end", 0)
    step = _step_ms(values.get("step"))
    if end < start:
        raise _Bad('invalid parameter "end": end timestamp must not be before start time')
    if (end - start) / step > MAX_POINTS:
        raise _Bad(
            "exceeded maximum resolution of 11,000 points per timeseries. "
            "Try decreasing the query resolution (?step=XX)"
        )
    result = query_range(values.get("query", ""), request.app.state.storage, start, end, step)
    return responses.success(responses.matrix(result))


def _selected(request: Request, values: Mapping[str, str]) -> list[dict[str, str]]:
    now = time.time()
    many: list[list[Matcher]] = [list(selector(text)) for text in request.state.many]
    start = instant_ms(values.get("start"), "start", now - 3600)
    end = instant_ms(values.get("end"), "end", now)
    storage: Storage = request.app.state.storage
    return storage.labels(many, start, end)


def _series(request: Request, values: Mapping[str, str]) -> Response:
    if not request.state.many:
        raise _Bad("no match[] parameter provided")
    return responses.success(_selected(request, values))


def _labels(request: Request, values: Mapping[str, str]) -> Response:
    return responses.success(sorted({name for labels in _selected(request, values) for name in labels}))


def _label_values(request: Request, values: Mapping[str, str]) -> Response:
    name = request.path_params["name"]
    found = {labels[name] for labels in _selected(request, values) if name in labels}
    return responses.success(sorted(found))


def _targets(request: Request, values: Mapping[str, str]) -> Response:
    rows = [responses.target(visit) for visit in request.app.state.scraper.visits]
    return responses.success({"activeTargets": rows, "droppedTargets": [], "droppedTargetCounts": {}})


def _metadata(request: Request, values: Mapping[str, str]) -> Response:
    return responses.success(responses.metadata(request.app.state.scraper.visits, values.get("metric")))


def _targets_metadata(request: Request, values: Mapping[str, str]) -> Response:
    wanted = values.get("metric")
    rows = [
        {
            "target": dict(visit.target.labels),
            "metric": one.name,
            "type": one.kind,
            "help": one.help,
            "unit": one.unit,
        }
        for visit in request.app.state.scraper.visits
        for one in visit.metadata
        if wanted in (None, "", one.name)
    ]
    return responses.success(rows)


def _rules(request: Request, values: Mapping[str, str]) -> Response:
    return responses.success({"groups": []})


def _alerts(request: Request, values: Mapping[str, str]) -> Response:
    return responses.success({"alerts": []})


def _buildinfo(request: Request, values: Mapping[str, str]) -> Response:
    facts = {"version": "3.16.0-stacklab", "revision": "", "branch": "", "buildUser": "stacklab", "buildDate": ""}
    return responses.success(facts | {"goVersion": ""})


def _config(request: Request, values: Mapping[str, str]) -> Response:
    return responses.success({"yaml": request.app.state.config.text})


def _runtimeinfo(request: Request, values: Mapping[str, str]) -> Response:
    return responses.success(
        {
            "startTime": responses.when(request.app.state.started),
            "timeSeriesCount": len(request.app.state.storage),
            "storageRetention": "1h",
            "reloadConfigSuccess": True,
        }
    )
