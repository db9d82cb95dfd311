"""Los paneles de un solo número por serie: el número grande (`stat`) y la aguja (`gauge`)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stack.grafana.embedded.fields import Field, css_color
from stack.grafana.embedded.frames import Frame
from stack.grafana.embedded.panels.context import Context, data_builtins, links
from stack.grafana.embedded.reduce import reduce

_RADIUS = 80.0


@dataclass(frozen=True, slots=True)
class Reading:
    """Un número ya escrito, con su color y su enlace."""

    name: str
    value: float | None
    text: str
    color: str
    fraction: float
    link: tuple[str, str, bool] | None
    frame: Frame
    field: Field


def readings(context: Context) -> Iterator[Reading]:
    """Un número por serie y cálculo (o por valor, si el panel pide todos)."""
    options = context.options.get("reduceOptions") or {}
    for frame in context.frames:
        field = context.field(frame)
        name = context.name(frame, field)
        if options.get("values"):
            numbers: Sequence[float | None] = frame.values[: int(options.get("limit") or 25)]
        else:
            numbers = [reduce(frame.values, calculation) for calculation in context.calculations()]
        for value in numbers:
            text = field.text(value)
            extra = data_builtins(frame, name, value, frame.times[-1] if frame.times else None, text)
            found = links(field.links, context.values, context.time, extra)
            color = css_color(field.color(value))
            yield Reading(
                name, value, text, color, field.fraction(value), found[0] if found else None, frame, field
            )


def stat(context: Context) -> Mapping[str, Any]:
    """Números grandes; con `graphMode: area`, una pequeña gráfica detrás."""
    items = list(readings(context))
    spark = context.options.get("graphMode", "area") == "area"
    mode = str(context.options.get("textMode") or "auto")
    named = mode in ("value_and_name", "name") or (mode == "auto" and len(items) > 1)
    return context.render(
        "stat.html",
        items=[(item, sparkline(item.frame) if spark else None) for item in items],
        named=named,
        valued=mode != "name",
        background=str(context.options.get("colorMode") or "value").startswith("background"),
        plain=context.options.get("colorMode") == "none",
    )


def sparkline(frame: Frame, width: float = 100, height: float = 30) -> tuple[str, str] | None:
    """Las dos líneas SVG (el trazo y el relleno) de una serie, o `None` si tiene menos de dos puntos."""
    points = [
        (at, value)
        for at, value in zip(frame.times, frame.values, strict=True)
        if value is not None and not math.isinf(value)
    ]
    if len(points) < 2:
        return None
    first, last = points[0][0], points[-1][0]
    low, high = min(v for _, v in points), max(v for _, v in points)
    span = (high - low) or 1.0
    places = [
        ((at - first) / (last - first) * width, height - 1 - (value - low) / span * (height - 3))
        for at, value in points
    ]
    line = "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return line, f"{line}L{places[-1][0]:.1f},{height:g}L{places[0][0]:.1f},{height:g}Z"


def gauge(context: Context) -> Mapping[str, Any]:
    """Medias circunferencias con el arco de los umbrales por fuera."""
    items = list(readings(context))
    return context.render(
        "gauge.html",
        items=[(item, arc(0, item.fraction), _bands(item.field)) for item in items],
        track=arc(0, 1),
        named=len(items) > 1,
        labels=context.options.get("showThresholdLabels", False),
    )


def arc(start: float, end: float, radius: float = _RADIUS) -> str:
    """El arco SVG entre dos fracciones de la media circunferencia, con el centro en (100, 100)."""
    start, end = max(0.0, start), min(1.0, end)
    if end - start < 0.002:
        return ""
    (x1, y1), (x2, y2) = (
        (100 - radius * math.cos(math.pi * part), 100 - radius * math.sin(math.pi * part)) for part in (start, end)
    )
    return f"M{x1:.2f},{y1:.2f}A{radius:g},{radius:g} 0 0 1 {x2:.2f},{y2:.2f}"


def _bands(field: Field) -> list[tuple[str, str]]:
    percent = field.thresholds_mode == "percentage"
    limits = [
        0.0 if math.isinf(limit) else limit / 100 if percent else field.fraction(limit) for limit, _ in field.steps
    ]
    ends = [*limits[1:], 1.0]
    bands = [
        (arc(start, end, _RADIUS + 11), css_color(color))
        for start, end, (_, color) in zip(limits, ends, field.steps, strict=True)
    ]
    return [band for band in bands if band[0]]
