"""Las respuestas de `/api/v1` sobre el propio servidor: objetivos, reglas, avisos y estado; y sus métricas."""

from __future__ import annotations

import os
import platform
import sys
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from stack.prometheus.embedded import responses
from stack.prometheus.embedded.calculating import AT_ONCE, TIMEOUT_S
from stack.prometheus.embedded.fields import ConfigProblem, duration_text
from stack.prometheus.embedded.parameters import BadParameter, Parameters
from stack.prometheus.embedded.server import Server

VERSION = "3.16.0"


def targets(request: Request, given: Parameters) -> Any:
    """`targets`: a quién se lee y cómo fue la última vez. `state` y `scrapePool` eligen."""
    server, pool, state = _server(request), given.text("scrapePool"), given.text("state").lower()
    active = [one for one in server.scraper.visits if pool in ("", one.target.job.name)]
    dropped = [one for one in server.scraper.dropped if pool in ("", one.job)]
    counts = {job.name: 0 for job in server.config.jobs}
    for one in dropped:
        counts[one.job] += 1
    return {
        "activeTargets": [] if state == "dropped" else [responses.target(one) for one in active],
        "droppedTargets": []
        if state == "active"
        else [{"discoveredLabels": dict(one.discovered), "scrapePool": one.job} for one in dropped],
        "droppedTargetCounts": counts,
    }


def rules(request: Request, given: Parameters) -> Any:
    """`rules`: los grupos de reglas con el estado de cada una; `type` elige `alert` o `record`."""
    kind = given.text("type").lower()
    if kind not in ("", "alert", "record"):
        raise BadParameter(f'invalid parameter "type": not supported value "{kind}"')
    groups = [
        responses.group(group, [one for one in watched if not kind or one.rule.alert is (kind == "alert")])
        for group, watched in _server(request).evaluator.groups
    ]
    return {"groups": [one for one in groups if one["rules"] or not kind]}


def alerts(request: Request, given: Parameters) -> Any:
    """`alerts`: los avisos que esperan o ya se han dado."""
    every = [one for _, watched in _server(request).evaluator.groups for one in watched]
    return {"alerts": [responses.alert(alert) for one in every for alert in one.active]}


def buildinfo(request: Request, given: Parameters) -> Any:
    """`status/buildinfo`: la versión que se imita, y que esto es el suplente."""
    return {
        "version": VERSION,
        "revision": "stacklab",
        "branch": "HEAD",
        "buildUser": "suplente de stacklab",
        "buildDate": "",
        "goVersion": f"python{platform.python_version()}",
    }


def config(request: Request, given: Parameters) -> Any:
    """`status/config`: el fichero que se ha leído."""
    return {"yaml": _server(request).config.text}


def flags(request: Request, given: Parameters) -> Any:
    """`status/flags`: lo que en Prometheus se pasa por la línea de órdenes y aquí está fijo."""
    return {
        "config.file": _server(request).path.name,
        "storage.tsdb.retention.time": "1h",
        "query.lookback-delta": "5m",
        "query.timeout": duration_text(TIMEOUT_S),
        "query.max-concurrency": str(AT_ONCE),
        "web.enable-lifecycle": "true",
    }


def runtimeinfo(request: Request, given: Parameters) -> Any:
    """`status/runtimeinfo`: cuándo arrancó y cuánto guarda."""
    server = _server(request)
    return {
        "startTime": responses.when(server.started_s),
        "CWD": os.sep,
        "hostname": "127.0.0.1",
        "serverTime": responses.now(),
        "reloadConfigSuccess": server.reload_ok,
        "lastConfigTime": responses.when(server.reloaded_s),
        "corruptionCount": 0,
        "storageRetention": "1h",
    }


def tsdb(request: Request, given: Parameters) -> Any:
    """`status/tsdb`: cuántas series hay y qué métricas tienen más."""
    storage = _server(request).storage
    top = sorted(storage.counts().items(), key=lambda pair: (-pair[1], pair[0]))[: given.limit() or 10]
    return {
        "headStats": {"numSeries": len(storage)},
        "seriesCountByMetricName": [{"name": name, "value": count} for name, count in top],
    }


def reload(request: Request) -> Response:
    """`POST /-/reload`: vuelve a leer la configuración; si no vale, 500 y se sigue con la de antes."""
    try:
        _server(request).reload()
    except ConfigProblem as problem:
        print(f"La configuración nueva no vale y sigue la de antes: {problem}", file=sys.stderr, flush=True)
        return PlainTextResponse(f"failed to reload config: {problem}\n", status_code=500)
    return PlainTextResponse("")


def metrics(request: Request) -> Response:
    """`/metrics`: las métricas del propio servidor que tienen sentido aquí."""
    server = _server(request)
    values: tuple[tuple[str, str, str, float], ...] = (
        ("prometheus_build_info", "gauge", f'{{version="{VERSION}",goversion="stacklab"}}', 1),
        ("prometheus_ready", "gauge", "", 1),
        ("prometheus_config_last_reload_successful", "gauge", "", server.reload_ok),
        ("prometheus_config_last_reload_success_timestamp_seconds", "gauge", "", server.reloaded_s),
        ("prometheus_tsdb_head_series", "gauge", "", len(server.storage)),
        ("prometheus_tsdb_head_samples_appended_total", "counter", "", server.storage.appended),
        ("process_start_time_seconds", "gauge", "", server.started_s),
    )
    lines = [f"# TYPE {name} {kind}\n{name}{labels} {float(value)!r}\n" for name, kind, labels, value in values]
    return PlainTextResponse("".join(lines), media_type="text/plain; version=0.0.4")


def _server(request: Request) -> Server:
    server: Server = request.app.state.server
    return server
