"""La página para personas: qué rutas hay, qué le pasa a una petición en cada una y quién ha llamado."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from stack.kong.embedded.gateway import Gateway
from stack.kong.embedded.models import Config, PluginConfig, Route
from stack.kong.embedded.plugins import PLUGINS
from stack.spanish import number
from stack.web import page

_SUMMARY = {
    "correlation-id": "pone un identificador a cada petición",
    "cors": "dice qué páginas web pueden llamar",
    "jwt": "solo deja pasar con un token firmado",
    "key-auth": "solo deja pasar con una clave de API",
    "acl": "solo deja pasar a ciertos grupos",
    "rate-limiting": "limita cuántas llamadas se admiten",
    "request-size-limiting": "rechaza cuerpos demasiado grandes",
    "prometheus": "cuenta lo que pasa, para las métricas",
    "opentelemetry": "manda la traza de cada petición",
    "file-log": "escribe cada petición en un fichero",
}
_PERIODS = {"second": "segundo", "minute": "minuto", "hour": "hora", "day": "día", "month": "mes", "year": "año"}
_UNITS = {"megabytes": "MB", "kilobytes": "KB", "bytes": "bytes"}


@dataclass(frozen=True, slots=True)
class _Step:
    """Un plugin en el camino de una petición."""

    name: str
    detail: str
    scope: str


@dataclass(frozen=True, slots=True)
class _RouteRow:
    name: str
    matchers: Sequence[str]
    methods: Sequence[str]
    service: str
    target: str
    steps: Sequence[_Step]


@dataclass(frozen=True, slots=True)
class _ConsumerRow:
    name: str
    credentials: Sequence[str]
    groups: Sequence[str]
    steps: Sequence[_Step]


def home(gateway: Gateway) -> Callable[[Request], Awaitable[Response]]:
    """La página de `gateway`."""

    async def handle(request: Request) -> Response:
        config = gateway.config
        return page(
            request,
            "kong.html",
            proxy=f"http://localhost:{os.environ.get('STACKLAB_PORT_PROXY', '8000')}",
            routes=[_route(config, route) for route in config.routes],
            everywhere=_steps(config, None),
            consumers=_consumers(config),
            recent=[_recent(item) for item in list(gateway.recent)[:30]],
            total=spanish(gateway.metrics.requests),
        )

    return handle


def spanish(value: float) -> str:
    """Un número como se escribe en español: coma decimal y espacio fino cada tres cifras desde cinco."""
    whole, _, decimals = f"{value:.10g}".partition(".")
    return f"{number(int(whole))},{decimals}" if decimals else number(int(whole))


def _route(config: Config, route: Route) -> _RouteRow:
    entity, service = route.entity, route.service
    matchers = [*(entity["paths"] or ()), *(f"Host: {host}" for host in entity["hosts"] or ())]
    matchers += [f"{name}: {' o '.join(values)}" for name, values in (entity["headers"] or {}).items()]
    target = ""
    if service is not None:
        base = service.path if service.path != "/" else ""
        target = f"http://{service.host}:{service.port}{base}"
    return _RouteRow(
        name=route.label,
        matchers=matchers or ["cualquier camino"],
        methods=entity["methods"] or ["todos"],
        service=service.label if service else "ninguno",
        target=target,
        steps=_steps(config, route),
    )


def _steps(config: Config, route: Route | None) -> list[_Step]:
    """Los plugins que actúan en `route` (o los de todo Kong), en el orden en que actúan."""
    steps = []
    for name, plugin in sorted(PLUGINS.items(), key=lambda item: -item[1].priority):
        found = config.plugin_for(name, route, route.service if route else None, None)
        if found is None or (route is not None and found.scope == (None, None, None)):
            continue
        steps.append(_Step(plugin.name, _detail(found), _scope(found)))
    return steps


def _consumers(config: Config) -> list[_ConsumerRow]:
    rows = []
    for consumer in config.consumers.values():
        jwt = [c for c in config.jwt_by_key.values() if c.consumer_id == consumer.id]
        keys = [c for c in config.keyauth_by_key.values() if c.consumer_id == consumer.id]
        credentials = [f"JWT {c.algorithm} con iss = {c.key}" for c in jwt] + ["clave de API"] * len(keys)
        own = [p for p in config.plugins if p.consumer_id == consumer.id and p.entity["enabled"]]
        steps = [_Step(p.name, _detail(p), _scope(p)) for p in own]
        name = consumer.username or consumer.custom_id or consumer.id
        rows.append(_ConsumerRow(name, credentials, consumer.groups, steps))
    return rows


def _scope(plugin: PluginConfig) -> str:
    if plugin.consumer_id:
        return "de este consumidor"
    if plugin.route_id:
        return "de esta ruta"
    return "del servicio" if plugin.service_id else "de todo Kong"


def _detail(plugin: PluginConfig) -> str:
    config = plugin.config
    if plugin.name == "rate-limiting":
        limits = [f"{spanish(config[p])} por {name}" for p, name in _PERIODS.items() if config[p] is not None]
        return f"deja pasar {' y '.join(limits)}"
    if plugin.name == "request-size-limiting":
        return f"hasta {spanish(config['allowed_payload_size'])} {_UNITS[config['size_unit']]}"
    if plugin.name == "jwt" and config["claims_to_verify"]:
        return f"token firmado; comprueba {' y '.join(config['claims_to_verify'])}"
    if plugin.name == "acl":
        groups = config["allow"] or config["deny"] or []
        return f"{'solo' if config['allow'] else 'menos'} {', '.join(groups)}"
    return _SUMMARY[plugin.name]


def _recent(item: Any) -> dict[str, Any]:
    kind = "ok" if item.status < 400 else "warn" if item.status < 500 else "bad"
    return {
        "time": datetime.fromtimestamp(item.at).strftime("%H:%M:%S"),
        "method": item.method,
        "path": item.path,
        "status": item.status,
        "kind": kind,
        "who": item.service if item.by_service else "Kong",
        "consumer": item.consumer or "",
        "total": spanish(item.total_ms),
        "kong": spanish(item.kong_ms),
    }
