"""Cómo se escribe cada cosa en la API de Prometheus (https://prometheus.io/docs/prometheus/latest/querying/api/)."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.responses import JSONResponse

from stack.prometheus.embedded.evaluation import Alert, Watched
from stack.prometheus.embedded.fields import duration_text
from stack.prometheus.embedded.promql import Matrix, Scalar, String, Vector
from stack.prometheus.embedded.promql.formatting import json_number, number
from stack.prometheus.embedded.rules import Group
from stack.prometheus.embedded.scrape import Visit


@dataclass(frozen=True, slots=True)
class Warned:
    """Una respuesta con un aviso: vale, pero hay algo que saber."""

    data: Any
    warning: str


def success(data: Any) -> JSONResponse:
    """`{"status": "success", "data": …}`, con `warnings` si `data` es un `Warned`."""
    if isinstance(data, Warned):
        return JSONResponse({"status": "success", "data": data.data, "warnings": [data.warning]})
    return JSONResponse({"status": "success", "data": data})


def failure(kind: str, message: str, status: int) -> JSONResponse:
    """El error de Prometheus: `errorType` es `bad_data`, `execution`…"""
    return JSONResponse({"status": "error", "errorType": kind, "error": message}, status_code=status)


def instant(value: Scalar | String | Vector | Matrix) -> dict[str, Any]:
    """El resultado de una consulta, sea del tipo que sea."""
    match value:
        case Scalar():
            return {"resultType": "scalar", "result": [_seconds(value.at_ms), json_number(value.value)]}
        case String():
            return {"resultType": "string", "result": [_seconds(value.at_ms), value.value]}
        case Vector():
            rows = [
                {"metric": one.labels, "value": [_seconds(one.at_ms), json_number(one.value)]}
                for one in value.samples
            ]
            return {"resultType": "vector", "result": rows}
        case Matrix():
            return matrix(value)


def matrix(value: Matrix) -> dict[str, Any]:
    """Una matriz: cada serie con sus pares de hora y valor."""
    rows = [
        {"metric": labels, "values": [[_seconds(at), json_number(one)] for at, one in points]}
        for labels, points in value.series
    ]
    return {"resultType": "matrix", "result": rows}


def _seconds(at_ms: int) -> float:
    """Un instante como lo escribe Prometheus: sin decimales si cae en un segundo justo."""
    return at_ms / 1000 if at_ms % 1000 else at_ms // 1000


def when(seconds: float) -> str:
    """RFC 3339 en UTC; la fecha cero de Go si todavía no ha ocurrido."""
    if not seconds:
        return "0001-01-01T00:00:00Z"
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def now() -> str:
    """La hora de ahora, igual."""
    return when(time.time())


def target(visit: Visit) -> dict[str, Any]:
    """Un objetivo, como en `/api/v1/targets`."""
    one = visit.target
    return {
        "discoveredLabels": dict(one.discovered),
        "labels": dict(one.labels),
        "scrapePool": one.job.name,
        "scrapeUrl": one.url,
        "globalUrl": one.url,
        "lastError": visit.error,
        "lastScrape": when(visit.at_s),
        "lastScrapeDuration": visit.took_s,
        "health": visit.health,
        "scrapeInterval": duration_text(one.job.interval_s),
        "scrapeTimeout": duration_text(one.job.timeout_s),
    }


def group(one: Group, watched: Sequence[Watched]) -> dict[str, Any]:
    """Un grupo de reglas, como en `/api/v1/rules`."""
    return {
        "name": one.name,
        "file": one.file,
        "rules": [_rule(each) for each in watched],
        "interval": one.interval_s,
        "limit": 0,
        "evaluationTime": sum(each.took_s for each in watched),
        "lastEvaluation": when(max((each.at_s for each in watched), default=0.0)),
    }


def _rule(one: Watched) -> dict[str, Any]:
    rule = one.rule
    facts: dict[str, Any] = {"name": rule.name, "query": rule.expr, "health": one.health}
    facts |= {"evaluationTime": one.took_s, "lastEvaluation": when(one.at_s)}
    if one.error:
        facts["lastError"] = one.error
    if not rule.alert:
        return facts | {"type": "recording"} | ({"labels": dict(rule.labels)} if rule.labels else {})
    return facts | {
        "type": "alerting",
        "state": one.state,
        "duration": rule.hold_s,
        "keepFiringFor": rule.keep_s,
        "labels": dict(rule.labels),
        "annotations": dict(rule.annotations),
        "alerts": [alert(each) for each in one.active],
    }


def alert(one: Alert) -> dict[str, Any]:
    """Un aviso, como en `/api/v1/alerts`."""
    return {
        "labels": one.labels,
        "annotations": one.annotations,
        "state": one.state,
        "activeAt": when(one.active_s),
        "value": _exponent(one.value),
    }


def _exponent(value: float) -> str:
    """El valor como lo escribe ahí Go, siempre con exponente: `1e+00`."""
    if not math.isfinite(value):
        return number(value)
    return next(text for digits in range(18) if float(text := f"{value:.{digits}e}") == value or digits == 17)


def metadata(visits: list[Visit], wanted: str) -> Mapping[str, list[dict[str, str]]]:
    """De métrica a lo que sus servicios dicen de ella."""
    found: dict[str, list[dict[str, str]]] = {}
    for visit in visits:
        for one in visit.metadata:
            row = {"type": one.kind, "help": one.help, "unit": one.unit}
            if wanted in ("", one.name) and row not in found.setdefault(one.name, []):
                found[one.name].append(row)
    return {name: rows for name, rows in found.items() if rows}
