"""Las páginas: servicios con sus instancias y comprobaciones, claves y sesiones. Solo enseñan; no cambian nada.

Tienen las direcciones de la interfaz de Consul, y se enteran de los cambios como cualquier cliente: con una espera
larga a la API (`data-watch`, en `live.js`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from stack.consul.embedded import wording
from stack.consul.embedded.agent.local import NODE_MAINTENANCE, SERVICE_MAINTENANCE, Watched
from stack.consul.embedded.server import DATACENTER, Server
from stack.consul.embedded.state.catalog import CRITICAL, PASSING, WARNING, Check, Service
from stack.web import page

BASE = f"/ui/{DATACENTER}"
MAX_SHOWN = 64 * 1024
MAX_KEYS = 500
_STATES = {
    PASSING: ("ok", "sana", "sanas"),
    WARNING: ("warn", "avisa", "avisan"),
    CRITICAL: ("bad", "en crítico", "en crítico"),
    "maintenance": ("info", "en mantenimiento", "en mantenimiento"),
}


def routes() -> list[BaseRoute]:
    """Las direcciones de las páginas."""
    home = RedirectResponse(f"{BASE}/services")
    return [
        Route("/ui", lambda request: home),
        Route("/ui/", lambda request: home),
        Route(BASE, lambda request: home),
        Route(f"{BASE}/services", services),
        Route(f"{BASE}/services/{{name}}", service),
        Route(f"{BASE}/services/{{name}}/instances", service),
        Route(f"{BASE}/kv", keys),
        Route(f"{BASE}/kv/{{path:path}}", keys),
        Route(f"{BASE}/sessions", sessions),
    ]


def prepare(app: Starlette) -> None:
    """Lo que las plantillas usan por su nombre."""
    app.state.templates.filters |= {
        "ago": wording.ago,
        "size": wording.size,
        "span": wording.span,
        "duration": wording.duration,
        "segment": lambda text: quote(text, safe=""),
        "path": lambda text: quote(text, safe="/"),
    }
    app.state.templates.globals |= {
        "base": BASE,
        "states": _STATES,
        "count": wording.count,
        "summary": wording.summary,
    }


async def services(request: Request) -> Response:
    """Todos los servicios, con cuántas instancias hay en cada estado."""
    server = _server(request)
    rows = []
    for name, tags in server.catalog.names().items():
        instances = [_instance(server, one) for one in server.catalog.instances(name)]
        counts = {state: sum(one["state"] == state for one in instances) for state in _STATES}
        rows.append(
            {"name": name, "tags": tags, "instances": instances, "counts": counts, "own": name == "consul"}
        )
    # El del propio Consul, al final: lo que se viene a mirar son los otros.
    rows.sort(key=lambda row: (row["own"], row["name"]))
    return page(request, "services.html", rows=rows, **_live(server, "/v1/health/state/any"))


async def service(request: Request) -> Response:
    """Un servicio: cada instancia con lo que dice cada una de sus comprobaciones."""
    server, name = _server(request), request.path_params["name"]
    instances = [_instance(server, one) for one in server.catalog.instances(name)]
    live = _live(server, f"/v1/health/service/{quote(name, safe='')}")
    return page(
        request,
        "service.html",
        status=200 if instances else 404,
        name=name,
        instances=instances,
        node_checks=[_check(server, one) for one in _of_node(server)],
        healthy=sum(one["state"] == PASSING for one in instances),
        **live,
    )


async def keys(request: Request) -> Response:
    """Una carpeta del árbol de claves, o una clave por dentro."""
    server, path = _server(request), request.path_params.get("path", "")
    if path and not path.endswith("/"):
        return _one_key(request, server, path)
    _, entries = server.kv.under(path)
    folders: dict[str, int] = {}
    leaves = []
    for one in entries:
        head, slash, _ = one.key[len(path) :].partition("/")
        if slash:
            folders[head + "/"] = folders.get(head + "/", 0) + 1
        else:
            leaves.append({"entry": one, "name": head, "preview": wording.preview(one.value)})
    return page(
        request,
        "keys.html",
        path=path,
        crumbs=_crumbs(path),
        folders=sorted(folders.items()),
        leaves=leaves[:MAX_KEYS],
        more=max(0, len(leaves) - MAX_KEYS),
        total=len(server.kv),
        **_live(server, f"/v1/kv/{quote(path)}?keys"),
    )


def _one_key(request: Request, server: Server, key: str) -> Response:
    _, entry = server.kv.get(key)
    holder = server.sessions.get(entry.session) if entry and entry.session else None
    return page(
        request,
        "key.html",
        status=200 if entry else 404,
        key=key,
        crumbs=_crumbs(key),
        entry=entry,
        holder=holder,
        shown=wording.shown(entry.value[:MAX_SHOWN]) if entry else None,
        cut=bool(entry and len(entry.value) > MAX_SHOWN),
        **_live(server, f"/v1/kv/{quote(key)}"),
    )


async def sessions(request: Request) -> Response:
    """Las sesiones vivas: qué cerrojos tienen y cuánto les queda."""
    server = _server(request)
    rows = [
        {
            "session": one,
            "keys": server.kv.held_by(one.id),
            "left_s": server.sessions.remaining_s(one.id),
            "checks": list(dict.fromkeys(one.depends_on())),
        }
        for one in sorted(server.sessions.all(), key=lambda one: -one.created)
    ]
    return page(request, "sessions.html", rows=rows, **_live(server, "/v1/session/list"))


def _live(server: Server, watch: str) -> dict[str, Any]:
    """Lo que sirve a toda página para estar al día: qué vigilar, y cómo está el servidor."""
    return {
        "watch": watch,
        "index": server.log.index,
        "waiting": server.log.waiting,
        "maintenance": NODE_MAINTENANCE in server.agent.checks,
        "now": time.time(),
    }


def _instance(server: Server, one: Service) -> dict[str, Any]:
    own = [check for check in server.catalog.checks_of(one) if check.service_id]
    every = [*_of_node(server), *own]
    return {
        "service": one,
        "address": f"{one.address or server.host}:{one.port}" if one.port else one.address or server.host,
        "state": _worst(every),
        "checks": [_check(server, check) for check in own],
    }


def _check(server: Server, check: Check) -> dict[str, Any]:
    watched = server.agent.checks.get(check.id, Watched(check))
    kind = {"http": "HTTP", "tcp": "TCP", "ttl": "TTL", "maintenance": "mantenimiento"}.get(check.type, "Consul")
    definition = watched.definition
    every = definition.ttl_ns or definition.interval_ns if definition else 0
    state = "maintenance" if check.type == "maintenance" else watched.check.status
    return {"check": watched.check, "at": watched.at, "kind": kind, "every_ns": every, "state": state}


def _of_node(server: Server) -> list[Check]:
    return sorted((one for one in server.catalog.checks.values() if not one.service_id), key=lambda one: one.id)


def _worst(checks: Iterable[Check]) -> str:
    found = list(checks)
    if any(one.id == NODE_MAINTENANCE or one.id.startswith(SERVICE_MAINTENANCE) for one in found):
        return "maintenance"
    states = {one.status for one in found}
    return next((state for state in (CRITICAL, WARNING) if state in states), PASSING)


def _crumbs(path: str) -> list[tuple[str, str]]:
    """Cada carpeta de `path` con su ruta: `a/b/c` → `(a, a/)`, `(b, a/b/)`."""
    parts = path.rstrip("/").split("/")[:-1] if path else []
    return [(part, "/".join(parts[: place + 1]) + "/") for place, part in enumerate(parts)]


def _server(request: Request) -> Server:
    server: Server = request.app.state.server
    return server
