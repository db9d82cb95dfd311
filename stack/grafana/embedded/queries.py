"""Hace una consulta de un panel: rellena los intervalos, pregunta a Prometheus y da nombre a las series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stack.grafana.embedded import frames
from stack.grafana.embedded.frames import Frame
from stack.grafana.embedded.interpolation import Values, fill
from stack.grafana.embedded.models import Datasource
from stack.grafana.embedded.prometheus import Prometheus, QueryError
from stack.grafana.embedded.times import (
    BadTime,
    TimeRange,
    format_duration,
    parse_duration,
    query_interval,
    rate_interval,
)

DEFAULT_POINTS = 1000
_MOST_POINTS = 11_000  # Prometheus no da más


@dataclass(frozen=True, slots=True)
class Asking:
    """Qué se pregunta y cuándo: el intervalo, cuántos puntos caben y el valor de cada variable."""

    time: TimeRange
    max_points: int = DEFAULT_POINTS
    interval_ms: int = 0
    values: Values | None = None


def run(client: Prometheus, source: Datasource, target: Mapping[str, Any], asking: Asking) -> list[Frame]:
    """Los frames de `target` (una consulta de un panel o de `/api/ds/query`); `QueryError` si no se puede."""
    if source.type != "prometheus":
        raise QueryError(
            f"Este suplente solo sabe preguntar a Prometheus, y «{source.name}» es de tipo {source.type}."
        )
    expr = str(target.get("expr") or "").strip()
    if not expr:
        return []
    try:
        scrape = parse_duration(str(source.json_data.get("timeInterval") or "15s"))
        least = parse_duration(str(target["interval"])) if target.get("interval") else scrape
    except BadTime as error:
        raise QueryError(str(error)) from error
    points = min(_MOST_POINTS, max(1, asking.max_points))
    step = max(query_interval(asking.time.length, points, least), asking.interval_ms)
    step = max(step, -(-asking.time.length // _MOST_POINTS))
    expr = fill(expr, (asking.values or Values()).with_builtins(intervals(step, scrape, asking.time)))
    ref_id = str(target.get("refId") or "A")
    instant = bool(target.get("instant"))
    ranged = bool(target.get("range", not instant)) or not instant
    found: list[Frame] = []
    if ranged:
        executed = f"Expr: {expr}\nStep: {format_duration(step)}"
        start, end = (moment // step * step for moment in (asking.time.start, asking.time.end))
        found += frames.from_matrix(client.range(source, expr, start, end, step), ref_id, step, executed)
    if instant:
        found += frames.from_instant(client.instant(source, expr, asking.time.end), ref_id, f"Expr: {expr}")
    found = frames.named(found, str(target.get("legendFormat") or ""), expr)
    if target.get("format") == "table":
        return [frames.as_table(frame) for frame in found]
    return found


def intervals(step_ms: int, scrape_ms: int, time: TimeRange) -> dict[str, str]:
    """`$__interval`, `$__rate_interval`, `$__range` y sus parientes."""
    rate = rate_interval(step_ms, scrape_ms)
    return {
        "__interval": format_duration(step_ms),
        "__interval_ms": str(step_ms),
        "__rate_interval": format_duration(rate),
        "__rate_interval_ms": str(rate),
        "__range": f"{max(1, round(time.length / 1000))}s",
        "__range_s": str(max(1, round(time.length / 1000))),
        "__range_ms": str(time.length),
        "__from": str(time.start),
        "__to": str(time.end),
    }
