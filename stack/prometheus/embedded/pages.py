"""Las páginas: consultar, objetivos, alertas, reglas y estado."""

from __future__ import annotations

import math
import time
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from stack.prometheus.embedded import wording
from stack.prometheus.embedded.fields import duration_text
from stack.prometheus.embedded.promql import BadQuery, ExecutionError, Matrix, Scalar, String
from stack.prometheus.embedded.server import Server
from stack.prometheus.embedded.storage import KEEP_MS, MAX_SAMPLES, MAX_SERIES
from stack.spanish import number
from stack.web import page
from stack.web.charts import timeseries

EXAMPLES = (
    ("up", "¿Quién contesta? 1 es sí; 0, no."),
    ("sum by (result) (avatar_uploads_total)", "Fotos subidas, según cómo acabaron."),
    ("rate(avatar_uploads_total[1m])", "Subidas por segundo, de media en el último minuto."),
    (
        "histogram_quantile(0.95, sum by (le) (rate(avatar_upload_duration_seconds_bucket[5m])))",
        "Cuánto tarda una subida: el 95 % acaba antes de este tiempo, en segundos.",
    ),
    ("sum by (code) (kong_http_requests_total)", "Peticiones que pasaron por Kong, según su respuesta."),
)
WINDOWS = (("5 minutos", 300), ("15 minutos", 900), ("1 hora", 3600))
_POINTS = 150
_MAX_CHART, _MAX_ROWS = 20, 500
_HEALTH = {"up": ("ok", "contesta"), "down": ("bad", "no contesta"), "unknown": ("warn", "por leer")}
_STATES = {"firing": ("bad", "avisando"), "pending": ("warn", "esperando"), "inactive": ("ok", "en calma")}


def prepare(app: Starlette) -> None:
    """Lo que las plantillas usan por su nombre."""
    app.state.templates.filters |= {
        "amount": wording.amount,
        "clock": wording.clock,
        "duration": wording.duration,
        "promduration": duration_text,
        "series": wording.series,
        "thousands": number,
    }
    app.state.templates.globals |= {"health_words": _HEALTH, "state_words": _STATES}


async def query(request: Request) -> Response:
    """La caja de PromQL, con la gráfica y la tabla de lo que se pida (`q`, o `g0.expr` como en Prometheus)."""
    text = (request.query_params.get("q") or request.query_params.get("g0.expr") or "").strip()
    span = _span(request.query_params.get("ventana"))
    context: dict[str, Any] = {"text": text, "examples": EXAMPLES, "windows": WINDOWS, "span": span}
    context |= {"rows": [], "more": 0, "error": "", "chart": None, "hidden": 0}
    if text:
        now = int(time.time() * 1000)
        calculator = _server(request).calculator
        try:
            value = await calculator.instant(text, now, lambda found: found)
            rows = _rows(value)
            context["rows"], context["more"] = rows[:_MAX_ROWS], len(rows[_MAX_ROWS:])
            if not isinstance(value, Matrix | String):
                step = max(1000, span * 1000 // _POINTS)
                # Los puntos caen en múltiplos del paso, para que al recargar la gráfica no tiemble.
                end = now - now % step
                result = await calculator.over_time(text, end - span * 1000, end, step, lambda found: found)
                context["chart"] = _chart(result, step, now - span * 1000, now) if result.series else None
                context["hidden"] = len(result.series[_MAX_CHART:])
        except (BadQuery, ExecutionError) as error:
            context["error"] = str(error)
    return page(request, "query.html", **context)


async def targets(request: Request) -> Response:
    """Cada objetivo: si contesta, cuándo fue la última lectura y qué pasó."""
    scraper = _server(request).scraper
    jobs: dict[str, list[Any]] = {job.name: [] for job in _server(request).config.jobs}
    for one in scraper.visits:
        jobs.setdefault(one.target.job.name, []).append(one)
    return page(request, "targets.html", jobs=jobs, dropped=len(scraper.dropped))


async def alerts(request: Request) -> Response:
    """Las reglas que avisan y los avisos vivos de cada una."""
    groups = _server(request).evaluator.groups
    return page(request, "alerts.html", rules=[one for _, many in groups for one in many if one.rule.alert])


async def rules(request: Request) -> Response:
    """Todas las reglas, por grupos."""
    return page(request, "rules.html", groups=_server(request).evaluator.groups)


async def status(request: Request) -> Response:
    """Cuánto guarda, cuánto cabe, y el fichero que ha leído."""
    server = _server(request)
    return page(
        request,
        "status.html",
        server=server,
        age_s=time.time() - server.started_s,
        limits={"series": MAX_SERIES, "samples": MAX_SAMPLES, "hours": KEEP_MS // 3_600_000},
        metrics=sorted(server.storage.counts().items(), key=lambda pair: (-pair[1], pair[0]))[:10],
    )


def _rows(value: Any) -> list[tuple[dict[str, str], str, str]]:
    """Etiquetas, valor para leer y valor exacto de cada fila."""
    match value:
        case Scalar():
            return [({}, wording.amount(value.value), repr(value.value))]
        case String():
            return [({}, value.value, value.value)]
        case Matrix():
            return [
                (labels, " · ".join(wording.amount(one) for _, one in points[-8:]), f"{len(points)} muestras")
                for labels, points in value.series
            ]
    return [(one.labels, wording.amount(one.value), repr(one.value)) for one in value.samples]


def _chart(result: Matrix, step: int, start: int, end: int) -> dict[str, Any]:
    shown = result.series[:_MAX_CHART]
    # En la leyenda solo lo que distingue a una serie de otra; si es una sola, su nombre entero.
    common = set.intersection(*(set(labels.items()) for labels, _ in shown)) if len(shown) > 1 else set()
    series = [
        (
            wording.series({name: value for name, value in labels.items() if (name, value) not in common}),
            [(at / 1000, value if math.isfinite(value) else None) for at, value in points],
        )
        for labels, points in shown
    ]
    extremes: dict[str, Any] = {"from": start, "to": end}
    return dict(timeseries(series, label="Resultado de la consulta", step=step, **extremes))


def _span(text: str | None) -> int:
    known = {seconds for _, seconds in WINDOWS}
    return int(text) if text and text.isdecimal() and int(text) in known else 300


def _server(request: Request) -> Server:
    server: Server = request.app.state.server
    return server
