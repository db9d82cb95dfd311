"""`rate-limiting`: tantas llamadas por minuto (u hora, día…) y ni una más (Kong 3.9)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from stack.kong.embedded import checks
from stack.kong.embedded.exchange import Exchange
from stack.kong.embedded.models import PluginConfig
from stack.kong.embedded.plugins.base import Plugin
from stack.kong.embedded.plugins.counters import PERIODS, window_start
from stack.kong.embedded.plugins.key_auth import header_name
from stack.kong.embedded.replies import Reply
from stack.kong.embedded.schema import Field, Record, at_least_one_of, lookup, required_if


def _ordered(value: Any) -> str | None:
    """Un límite por hora no puede ser menor que el de un minuto."""
    limits = [(p, lookup(value, f"config.{p}")) for p in PERIODS if lookup(value, f"config.{p}") is not None]
    for position, (lower, small) in enumerate(limits):
        for upper, large in limits[position + 1 :]:
            if large < small:
                return (
                    f"The limit for {upper}({large:.1f}) cannot be lower than the limit for {lower}({small:.1f})"
                )
    return None


class RateLimiting(Plugin):
    """Limita cuántas llamadas se admiten por ventana de tiempo."""

    name = "rate-limiting"
    priority = 910
    per_consumer = True
    config = Record(
        {period: Field("number", greater_than=0) for period in PERIODS}
        | {
            "limit_by": Field(
                "string",
                default="consumer",
                one_of=("consumer", "credential", "ip", "service", "header", "path"),
            ),
            "header_name": Field("string", check=header_name),
            "path": Field("string", check=checks.path),
            "policy": Field("string", default="local", one_of=("local", "redis"), covered=("local",)),
            "fault_tolerant": Field("boolean", required=True, default=True),
            "redis": Field("uncovered"),
            "hide_client_headers": Field("boolean", required=True, default=False),
            "error_code": Field("number", default=429, greater_than=0),
            "error_message": Field("string", default="API rate limit exceeded"),
            "sync_rate": Field("number", required=True, default=-1, covered=(-1,)),
        }
    )
    checks = (
        at_least_one_of(*(f"config.{period}" for period in PERIODS)),
        required_if("config.header_name", when="config.limit_by", equals="header"),
        required_if("config.path", when="config.limit_by", equals="path"),
        _ordered,
    )

    async def access(self, x: Exchange, conf: PluginConfig) -> Reply | None:
        options, counters, now = conf.config, self.runtime.counters, float(int(self.runtime.clock()))
        scope, who = (conf.route_id, conf.service_id), _identifier(x, options)
        limits = {period: options[period] for period in PERIODS if options[period] is not None}
        left = {period: limit - counters.used(scope, who, period, now) for period, limit in limits.items()}
        exceeded = next((period for period in reversed(left) if left[period] <= 0), None)
        if not options["hide_client_headers"]:
            _announce(x, limits, left, exceeded, now)
        if exceeded:
            return x.error(int(options["error_code"]), options["error_message"])
        for period in limits:
            counters.add(scope, who, period, now)
        return None


def _identifier(x: Exchange, options: Mapping[str, Any]) -> str:
    """Por quién se cuenta; si no se sabe, por la dirección IP."""
    found: str | None = None
    match options["limit_by"]:
        case "service":
            found = x.service.id if x.service else None
        case "consumer":
            found = x.consumer.id if x.consumer else None
        case "credential":
            found = x.credential.id if x.credential else None
        case "header":
            found = x.request.headers.get(options["header_name"])
        case "path":
            found = options["path"] if x.request.path == options["path"] else None
    return found or x.peer.client_ip


def _announce(
    x: Exchange,
    limits: Mapping[str, float],
    left: Mapping[str, float],
    exceeded: str | None,
    now: float,
) -> None:
    """Las cabeceras con que se dice cuánto queda; `RateLimit-*` es la ventana más apurada."""
    tightest: tuple[float, float, str] | None = None
    for period, limit in limits.items():
        this_one_counts = exceeded in (None, period)
        remaining = max(0, left[period] - 1 if this_one_counts else left[period])
        name = period.capitalize()
        x.response_headers.set(f"X-RateLimit-Limit-{name}", _number(limit))
        x.response_headers.set(f"X-RateLimit-Remaining-{name}", _number(remaining))
        candidate = (remaining, -PERIODS[period], period)
        tightest = candidate if tightest is None else min(tightest, candidate)
    if tightest is None:
        return
    remaining, _, period = tightest
    reset = max(1, PERIODS[period] - math.floor(now - window_start(period, now)))
    x.response_headers.set("RateLimit-Limit", _number(limits[period]))
    x.response_headers.set("RateLimit-Remaining", _number(remaining))
    x.response_headers.set("RateLimit-Reset", str(reset))
    if exceeded:
        x.response_headers.set("Retry-After", str(reset))


def _number(value: float) -> str:
    return f"{value:.14g}"
