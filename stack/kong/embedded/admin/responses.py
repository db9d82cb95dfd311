"""Las formas de la Admin API de Kong 3.9: listas con `data` y `next`, entidades, errores. Sin secretos."""

from __future__ import annotations

import base64
import binascii
import os
import platform
import socket
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from starlette.responses import JSONResponse, Response

from stack.kong.embedded.declarative import InvalidConfig
from stack.kong.embedded.gateway import Gateway
from stack.kong.embedded.models import Config, Entity
from stack.kong.embedded.plugins import PLUGINS
from stack.kong.embedded.product import TOKEN, VERSION

MASK = "(oculto por el suplente)"
_SECRETS = {"jwt_secrets": ("secret",), "keyauth_credentials": ("key",)}
_PAGE_SIZE = 100


def answer(status: int, body: Any) -> Response:
    """Un JSON con las cabeceras de la Admin API."""
    return JSONResponse(body, status, {"Server": TOKEN}, media_type="application/json; charset=utf-8")


def not_found() -> Response:
    """El 404 de Kong."""
    return answer(404, {"message": "Not found"})


def visible(kind: str, entity: Entity) -> Entity:
    """`entity` sin sus secretos. Kong los enseña; aquí no sale ninguno por HTTP."""
    hidden = {name: MASK for name in _SECRETS.get(kind, ()) if entity.get(name)}
    return entity | hidden


def page(kind: str, rows: Sequence[Entity], query: Mapping[str, str], path: str) -> Response:
    """Una página de resultados: `size` por página (100 de fábrica) a partir de `offset`."""
    try:
        size = int(query.get("size", _PAGE_SIZE))
        start = int(base64.b64decode(query["offset"], validate=True)) if "offset" in query else 0
    except (ValueError, binascii.Error):
        return answer(400, {"code": 7, "name": "invalid offset", "message": "bad offset or size"})
    if not 1 <= size <= 1000:
        message = "size must be an integer between 1 and 1000"
        return answer(400, {"code": 9, "name": "invalid size", "message": message})
    body: dict[str, Any] = {"data": [visible(kind, row) for row in rows[start : start + size]], "next": None}
    if start + size < len(rows):
        offset = base64.b64encode(str(start + size).encode()).decode()
        extra = f"&size={size}" if "size" in query else ""
        body |= {"offset": offset, "next": f"{path}?offset={offset}{extra}"}
    return answer(200, body)


def unsupported(operation: str, kind: str, by: str | None = None) -> Response:
    """El 405 con que Kong sin base de datos contesta a toda escritura."""
    field = f" by '{by}'" if by else ""
    message = f"cannot {operation} '{kind}' entities{field} when not using a database"
    return answer(405, {"code": 12, "name": "operation unsupported", "message": message})


def node(gateway: Gateway) -> dict[str, Any]:
    """La raíz de la Admin API: quién es este nodo y qué plugins tiene."""
    return {
        "tagline": "Welcome to kong",
        "version": VERSION,
        "edition": "community",
        "hostname": socket.gethostname(),
        "node_id": gateway.node_id,
        "lua_version": f"ninguna: este suplente es Python {platform.python_version()}",
        "pids": {"master": os.getpid(), "workers": [os.getpid()]},
        "timers": {"running": 0, "pending": 0},
        "plugins": {
            "available_on_server": {
                name: {"version": VERSION, "priority": plugin.priority} for name, plugin in PLUGINS.items()
            },
            "enabled_in_cluster": sorted({plugin.name for plugin in gateway.config.plugins}),
        },
        "configuration": {"database": "off", "role": "traditional", "router_flavor": "traditional_compatible"},
    }


def status(gateway: Gateway) -> dict[str, Any]:
    """Lo que dice `/status`."""
    return {
        "memory": {"workers_lua_vms": [], "lua_shared_dicts": {}},
        "server": dict(gateway.metrics.statistics()),
        "configuration_hash": gateway.config.hash,
    }


def exported(config: Config) -> str:
    """La configuración vigente en YAML, sin secretos."""
    document: dict[str, Any] = {"_format_version": "3.0", "_transform": False}
    for kind, rows in config.entities.items():
        if rows:
            document[kind] = [_flat(visible(kind, row)) for row in rows.values()]
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False)


def loaded(config: Config) -> dict[str, Any]:
    """Lo que contesta `POST /config`: las entidades que quedan puestas."""
    return {
        kind: {key: visible(kind, row) for key, row in rows.items()}
        for kind, rows in config.entities.items()
        if rows
    }


def invalid(error: InvalidConfig) -> Response:
    """El 400 con que `POST /config` rechaza una configuración."""
    return answer(
        400,
        {
            "code": 14,
            "name": "invalid declarative configuration",
            "message": f"declarative config is invalid: {error.problem}",
            "fields": error.problem,
        },
    )


def _flat(entity: Entity) -> Entity:
    return {
        key: value["id"] if isinstance(value, dict) and set(value) == {"id"} else value
        for key, value in entity.items()
        if value is not None
    }
