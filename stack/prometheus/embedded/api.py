"""Las respuestas de `/api/v1` sobre los datos: consultar, y qué series, etiquetas y métricas hay."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

from stack.prometheus.embedded import responses
from stack.prometheus.embedded.calculating import TIMEOUT_S, Limits
from stack.prometheus.embedded.parameters import BadParameter, Parameters
from stack.prometheus.embedded.promql import selector
from stack.prometheus.embedded.server import Server

MAX_POINTS = 11_000


async def instant(request: Request, given: Parameters) -> Any:
    """`query`: lo que vale una consulta en un instante."""
    limit, at_ms = given.limit(), given.instant_ms("time", time.time())
    answer = await _server(request).calculator.instant(
        given.text("query"), at_ms, responses.instant, _limits(given)
    )
    return _limited(answer, limit) if answer["resultType"] in ("vector", "matrix") else answer


async def over_time(request: Request, given: Parameters) -> Any:
    """`query_range`: lo que vale a lo largo de un intervalo."""
    limit, start, end = given.limit(), given.instant_ms("start"), given.instant_ms("end")
    if end < start:
        raise BadParameter('invalid parameter "end": end timestamp must not be before start time')
    step = given.step_ms()
    if (end - start) // step > MAX_POINTS:
        raise BadParameter(
            "exceeded maximum resolution of 11,000 points per timeseries. "
            "Try decreasing the query resolution (?step=XX)"
        )
    answer = await _server(request).calculator.over_time(
        given.text("query"), start, end, step, responses.matrix, _limits(given)
    )
    return _limited(answer, limit)


def _limited(answer: dict[str, Any], limit: int | None) -> Any:
    rows = answer["result"]
    if limit is None or len(rows) <= limit:
        return answer
    return responses.Warned(answer | {"result": rows[:limit]}, "results truncated due to limit")


def series(request: Request, given: Parameters) -> Any:
    """`series`: los juegos de etiquetas que cumplen algún `match[]`."""
    if not given.selectors:
        raise BadParameter("no match[] parameter provided")
    return _selected(request, given)[: given.limit()]


def labels(request: Request, given: Parameters) -> Any:
    """`labels`: los nombres de etiqueta que se usan."""
    return _first({name for one in _selected(request, given) for name in one}, given)


def label_values(request: Request, given: Parameters) -> Any:
    """`label/<nombre>/values`: los valores que toma una etiqueta."""
    name = request.path_params["name"]
    return _first({one[name] for one in _selected(request, given) if name in one}, given)


def metadata(request: Request, given: Parameters) -> Any:
    """`metadata`: de cada métrica, lo que dicen de ella quienes la publican."""
    found = responses.metadata(_server(request).scraper.visits, given.text("metric"))
    return dict(list(found.items())[: given.limit()])


def targets_metadata(request: Request, given: Parameters) -> Any:
    """`targets/metadata`: lo mismo, objetivo a objetivo; `match_target` elige cuáles."""
    wanted = given.text("metric")
    matchers = selector(given.text("match_target")) if given.text("match_target") else []
    rows = [
        {"target": dict(one.target.labels), "type": about.kind, "help": about.help, "unit": about.unit}
        | ({} if wanted else {"metric": about.name})
        for one in _server(request).scraper.visits
        if all(matcher.matches(one.target.labels.get(matcher.name, "")) for matcher in matchers)
        for about in one.metadata
        if wanted in ("", about.name)
    ]
    return rows[: given.limit()]


def _server(request: Request) -> Server:
    server: Server = request.app.state.server
    return server


def _limits(given: Parameters) -> Limits:
    timeout_s, lookback_s = given.seconds("timeout"), given.seconds("lookback_delta")
    return Limits(
        TIMEOUT_S if timeout_s is None else min(timeout_s, TIMEOUT_S),
        # Como en Prometheus, cero o menos es no decir nada.
        round(lookback_s * 1000) if lookback_s and lookback_s > 0 else Limits().lookback_ms,
    )


def _selected(request: Request, given: Parameters) -> list[dict[str, str]]:
    start, end = given.between_ms()
    return _server(request).storage.labels([selector(text) for text in given.selectors], start, end)


def _first(names: set[str], given: Parameters) -> Sequence[str]:
    return sorted(names)[: given.limit()]
