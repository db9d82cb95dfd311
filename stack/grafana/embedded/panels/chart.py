"""El panel de series temporales, como lo dibuja `stack.web.charts`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from stack.grafana.embedded.fields import Field, color_of
from stack.grafana.embedded.frames import Frame
from stack.grafana.embedded.panels.context import Context
from stack.grafana.embedded.reduce import reduce, title

_MOST_SERIES = 60


def timeseries(context: Context) -> Mapping[str, Any]:
    """El `spec` de la gráfica. Con más de 60 series se dibujan las primeras y la leyenda dice cuántas faltan."""
    shown = context.frames[:_MOST_SERIES]
    fields = [context.field(frame) for frame in shown]
    first = fields[0]
    legend = context.options.get("legend") or {}
    calcs = [str(name) for name in legend.get("calcs") or ()]
    custom = first.custom
    stacked = (custom.get("stacking") or {}).get("mode") in ("normal", "percent")
    fill_opacity = custom.get("fillOpacity")
    spec: dict[str, Any] = {
        "series": [_series(context, frame, field, calcs) for frame, field in zip(shown, fields, strict=True)],
        "unit": first.unit,
        "decimals": first.decimals,
        "from": context.time.start,
        "to": context.time.end,
        "step": max((frame.interval_ms for frame in shown), default=0) or None,
        "min": first.minimum,
        "max": first.maximum,
        "style": "bars" if custom.get("drawStyle") == "bars" else "line",
        "stepped": custom.get("lineInterpolation") in ("stepAfter", "stepBefore"),
        "stacked": stacked,
        "legend": _legend_mode(legend),
        "label": context.panel.title,
        "empty": "Sin datos todavía: hay series, pero ningún número (un percentil sin tráfico da eso).",
        "suggestedMax": custom.get("axisSoftMax"),
    }
    if fill_opacity is not None:
        spec["fill"] = float(fill_opacity) / 100
    if (custom.get("thresholdsStyle") or {}).get("mode") not in (None, "off"):
        spec["thresholds"] = [
            {"value": limit, "color": color} for limit, color in first.steps if not math.isinf(limit)
        ]
    if len(context.frames) > len(shown):
        spec["more"] = len(context.frames) - len(shown)
    return {"chart": spec}


def _series(context: Context, frame: Frame, field: Field, calcs: list[str]) -> dict[str, Any]:
    series: dict[str, Any] = {
        "name": context.name(frame, field),
        "points": [
            [at, None if value is None or math.isinf(value) else value]
            for at, value in zip(frame.times, frame.values, strict=True)
        ],
        "stats": [[title(name), field.text(reduce(frame.values, name))] for name in calcs],
    }
    if field.color_mode == "fixed" and field.fixed_color:
        series["color"] = color_of(field.fixed_color)
    return series


def _legend_mode(legend: Mapping[str, Any]) -> str:
    if legend.get("showLegend") is False or legend.get("displayMode") == "hidden":
        return "hidden"
    return "table" if legend.get("displayMode") == "table" else "list"
