"""Cómo se escribe cada cosa en la API de Prometheus (https://prometheus.io/docs/prometheus/latest/querying/api/)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.responses import JSONResponse

from stack.prometheus.embedded.promql import Matrix, Scalar, String, Vector
from stack.prometheus.embedded.promql.formatting import number
from stack.prometheus.embedded.scrape import Visit


def success(data: Any) -> JSONResponse:
    """`{"status": "success", "data": …}`."""
    return JSONResponse({"status": "success", "data": data})


def failure(kind: str, message: str, status: int) -> JSONResponse:
    """El error de Prometheus: `errorType` es `bad_data`, `execution`…"""
    return JSONResponse({"status": "error", "errorType": kind, "error": message}, status_code=status)


def instant(value: Scalar | String | Vector | Matrix) -> dict[str, Any]:
    """El resultado de una consulta, sea del tipo que sea."""
    match value:
        case Scalar():
            return {"resultType": "scalar", "result": [value.at_ms / 1000, number(value.value)]}
        case String():
            return {"resultType": "string", "result": [value.at_ms / 1000, value.value]}
        case Vector():
            rows = [
                {"metric": one.labels, "value": [one.at_ms / 1000, number(one.value)]} for one in value.samples
            ]
            return {"resultType": "vector", "result": rows}
        case Matrix():
            return matrix(value)


def matrix(value: Matrix) -> dict[str, Any]:
    """Una matriz: cada serie con sus pares de hora y valor."""
    rows = [
        {"metric": labels, "values": [[at / 1000, number(one)] for at, one in points]}
        for labels, points in value.series
    ]
    return {"resultType": "matrix", "result": rows}


def when(seconds: float) -> str:
    """RFC 3339 en UTC; la fecha cero de Go si todavía no ha ocurrido."""
    if not seconds:
        return "0001-01-01T00:00:00Z"
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def target(visit: Visit) -> dict[str, Any]:
    """Un objetivo, como en `/api/v1/targets`."""
    one = visit.target
    return {
        "discoveredLabels": one.discovered,
        "labels": dict(one.labels),
        "scrapePool": one.job,
        "scrapeUrl": one.url,
        "globalUrl": one.url,
        "lastError": visit.error,
        "lastScrape": when(visit.at_s),
        "lastScrapeDuration": visit.took_s,
        "health": visit.health,
        "scrapeInterval": f"{one.interval_s:g}s",
        "scrapeTimeout": f"{one.timeout_s:g}s",
    }


def metadata(visits: list[Visit], wanted: str | None) -> Mapping[str, list[dict[str, str]]]:
    """De métrica a lo que sus servicios dicen de ella."""
    found: dict[str, list[dict[str, str]]] = {}
    for visit in visits:
        for one in visit.metadata:
            row = {"type": one.kind, "help": one.help, "unit": one.unit}
            if wanted in (None, "", one.name) and row not in found.setdefault(one.name, []):
                found[one.name].append(row)
    return {name: rows for name, rows in found.items() if rows}
