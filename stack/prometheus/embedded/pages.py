"""Las páginas: consultar, objetivos y alertas."""

from __future__ import annotations

import math
import time
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from stack.prometheus.embedded.promql import BadQuery, ExecutionError, Matrix, Scalar, String, query_range
from stack.prometheus.embedded.promql import query as evaluate
from stack.prometheus.embedded.promql.formatting import number
from stack.web import page
from stack.web.charts import timeseries

EXAMPLES = (
    ("up", "¿Quién contesta? 1 sí, 0 no."),
    ("sum by (result) (avatar_uploads_total)", "Subidas, según cómo acabaron."),
    ("rate(avatar_uploads_total[1m])", "Subidas por segundo, de media en el último minuto."),
    (
        "histogram_quantile(0.95, sum by (le) (rate(avatar_upload_duration_seconds_bucket[5m])))",
        "El 95 % de las subidas tarda menos de esto.",
    ),
    ("sum by (code) (kong_http_requests_total)", "Peticiones que pasaron por Kong, según la respuesta."),
)
WINDOWS = (("5 minutos", 300), ("15 minutos", 900), ("1 hora", 3600))
_POINTS = 150


async def query(request: Request) -> Response:
    """La caja de PromQL, con la tabla y la gráfica de lo que se pida."""
    text = request.query_params.get("q") or request.query_params.get("g0.expr") or ""
    span = _span(request.query_params.get("ventana"))
    context: dict[str, Any] = {"text": text, "examples": EXAMPLES, "windows": WINDOWS, "span": span}
    context |= {"rows": [], "error": "", "chart": None}
    if text.strip():
        now = int(time.time() * 1000)
        storage = request.app.state.storage
        try:
            value = evaluate(text, storage, now)
            context["rows"] = _rows(value)
            if not isinstance(value, Matrix | String):
                step = max(1000, span * 1000 // _POINTS)
                context["chart"] = _chart(
                    query_range(text, storage, now - span * 1000, now, step), step, span, now
                )
        except (BadQuery, ExecutionError) as error:
            context["error"] = str(error)
    return page(request, "query.html", **context)


async def targets(request: Request) -> Response:
    """Cada objetivo: si contesta, cuándo fue la última lectura y qué pasó."""
    rows = [
        {
            "job": visit.target.job,
            "url": visit.target.url,
            "health": visit.health,
            "error": visit.error,
            "labels": visit.target.labels,
            "when": _clock(visit.at_s),
            "took": f"{visit.took_s * 1000:.0f} ms" if visit.at_s else "—",
            "samples": len(visit.seen),
        }
        for visit in request.app.state.scraper.visits
    ]
    return page(request, "targets.html", rows=rows)


async def alerts(request: Request) -> Response:
    """Todavía no hay reglas de alerta: la página dice por qué está vacía."""
    return page(request, "alerts.html")


def _rows(value: Any) -> list[tuple[str, str]]:
    match value:
        case Scalar():
            return [("número", number(value.value))]
        case String():
            return [("texto", value.value)]
        case Matrix():
            return [
                (_name(labels), " · ".join(f"{number(one)} a las {_clock(at / 1000)}" for at, one in points[-5:]))
                for labels, points in value.series
            ]
    return [(_name(one.labels), number(one.value)) for one in value.samples]


def _chart(result: Matrix, step: int, span: int, now: int) -> dict[str, Any]:
    series = [
        (_name(labels), [(at / 1000, value if math.isfinite(value) else None) for at, value in points])
        for labels, points in result.series[:20]
    ]
    extremes: dict[str, Any] = {"from": now - span * 1000, "to": now}
    return dict(timeseries(series, label="Resultado de la consulta", step=step, **extremes))


def _name(labels: dict[str, str]) -> str:
    inside = ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()) if name != "__name__")
    return (
        f"{labels.get('__name__', '')}{{{inside}}}" if inside or "__name__" not in labels else labels["__name__"]
    )


def _span(text: str | None) -> int:
    known = {seconds for _, seconds in WINDOWS}
    return int(text) if text and text.isdigit() and int(text) in known else 300


def _clock(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds):%H:%M:%S}" if seconds else "todavía no"
