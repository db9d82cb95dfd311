"""De las series de Prometheus a los *data frames* con que Grafana contesta.

https://grafana.com/docs/grafana/latest/developers/plugins/introduction-to-plugin-development/data-frames/
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

AUTO_LEGEND = "__auto"
_LABEL = re.compile(r"\{\{\s*(.+?)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Frame:
    """Una serie: sus instantes (ms), sus valores y cómo se llama. `None` es un valor que no hay."""

    ref_id: str
    name: str
    labels: Mapping[str, str]
    times: tuple[int, ...]
    values: tuple[float | None, ...]
    kind: str = "matrix"
    interval_ms: int = 0
    table: bool = False
    executed: str = field(default="", compare=False)


def from_matrix(series: Iterable[Mapping[str, Any]], ref_id: str, step_ms: int, executed: str) -> list[Frame]:
    """Un frame por serie de `query_range`."""
    return [
        Frame(
            ref_id,
            "",
            item.get("metric", {}),
            tuple(round(float(at) * 1000) for at, _ in item["values"]),
            tuple(number(text) for _, text in item["values"]),
            "matrix",
            step_ms,
            executed=executed,
        )
        for item in series
    ]


def from_instant(data: Mapping[str, Any], ref_id: str, executed: str) -> list[Frame]:
    """Un frame de un solo punto por serie de `query`; un escalar es una serie sin etiquetas."""
    kind = str(data.get("resultType", "vector"))
    result = data.get("result") or []
    if kind == "matrix":
        return from_matrix(result, ref_id, 0, executed)
    if kind in ("scalar", "string"):
        result = [{"metric": {}, "value": result}]
    return [
        Frame(
            ref_id,
            "",
            item.get("metric", {}),
            (round(float(item["value"][0]) * 1000),),
            (number(item["value"][1]),),
            kind,
            executed=executed,
        )
        for item in result
    ]


def number(text: object) -> float | None:
    """El número que Prometheus escribe como texto. NaN es «no hay valor»."""
    value = float(str(text))
    return None if math.isnan(value) else value


def named(frames: Sequence[Frame], legend: str, expr: str) -> list[Frame]:
    """Los mismos frames con su nombre: el de la plantilla `{{etiqueta}}` o, en automático, lo que distingue."""
    if legend and legend != AUTO_LEGEND:
        return [replace(frame, name=templated(legend, frame.labels)) for frame in frames]
    if not legend:
        return [replace(frame, name=series_name(frame.labels) or expr) for frame in frames]
    common = set.intersection(*(set(f.labels.items()) for f in frames)) if len(frames) > 1 else set()
    result = []
    for frame in frames:
        own = {
            key: value for key, value in frame.labels.items() if (key, value) not in common and key != "__name__"
        }
        name = next(iter(own.values())) if len(own) == 1 else series_name(own)
        result.append(replace(frame, name=name or frame.labels.get("__name__") or expr))
    return result


def templated(legend: str, labels: Mapping[str, str]) -> str:
    """`{{code}} · {{route}}` con el valor de cada etiqueta."""
    return _LABEL.sub(lambda match: labels.get(match[1], ""), legend)


def as_table(frame: Frame) -> Frame:
    """El mismo frame, para que se enseñe como filas de una tabla."""
    return replace(frame, table=True)


def series_name(labels: Mapping[str, str]) -> str:
    """`nombre{a="x"}`, como lo escribe Prometheus; vacío si no hay etiquetas."""
    rest = ", ".join(f'{key}="{value}"' for key, value in labels.items() if key != "__name__")
    return labels.get("__name__", "") + (f"{{{rest}}}" if rest else "")


def wire(frame: Frame) -> dict[str, Any]:
    """El frame en JSON, como el de `POST /api/ds/query` para una fuente Prometheus.

    El JSON no sabe escribir infinito: va en `entities`, con un `null` en su sitio, igual que en Grafana.
    """
    ranged = frame.kind == "matrix"
    values: list[Any] = [list(frame.times), list(frame.values)]
    entities = _entities(frame.values)
    for indexes in (entities or {}).values():
        for index in indexes:
            values[1][index] = None
    data: dict[str, Any] = {"values": values}
    if entities:
        data["entities"] = [None, entities]
    time_config = {"config": {"interval": frame.interval_ms}} if frame.interval_ms else {}
    return {
        "schema": {
            "refId": frame.ref_id,
            "name": frame.name,
            "meta": {
                "type": "timeseries-multi" if ranged else "numeric-multi",
                "typeVersion": [0, 1],
                "custom": {"resultType": frame.kind},
                "executedQueryString": frame.executed,
            },
            "fields": [
                {"name": "Time", "type": "time", "typeInfo": {"frame": "time.Time"}, **time_config},
                {
                    "name": "Value",
                    "type": "number",
                    "typeInfo": {"frame": "float64"},
                    "labels": dict(frame.labels),
                    "config": {"displayNameFromDS": frame.name},
                },
            ],
        },
        "data": data,
    }


def _entities(values: Sequence[float | None]) -> dict[str, list[int]] | None:
    found = {
        "Inf": [i for i, value in enumerate(values) if value == math.inf],
        "NegInf": [i for i, value in enumerate(values) if value == -math.inf],
    }
    return {key: indexes for key, indexes in found.items() if indexes} or None
