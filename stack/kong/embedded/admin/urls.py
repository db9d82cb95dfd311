"""Las rutas de la Admin API: https://docs.konghq.com/gateway/3.9.x/admin-api/ sin base de datos."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import yaml
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stack.kong.embedded import declarative
from stack.kong.embedded.admin import responses
from stack.kong.embedded.gateway import Gateway
from stack.kong.embedded.models import Entity
from stack.kong.embedded.plugins import PLUGINS

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_WRITES = {"POST": "create", "PUT": "create or update", "PATCH": "update", "DELETE": "remove"}
_ALL = ["GET", "HEAD", *_WRITES]

# Ruta de la lista → entidad y campo por el que también se puede pedir una.
_LISTS = {
    "services": ("services", "name"),
    "routes": ("routes", "name"),
    "consumers": ("consumers", "username"),
    "plugins": ("plugins", "instance_name"),
    "jwts": ("jwt_secrets", "key"),
    "key-auths": ("keyauth_credentials", "key"),
    "acls": ("acls", "group"),
    "upstreams": ("upstreams", "name"),
}
# Lista dentro de otra: (padre, hija) → campo con que la hija nombra al padre.
_NESTED = {
    ("services", "routes"): "service",
    ("services", "plugins"): "service",
    ("routes", "plugins"): "route",
    ("consumers", "plugins"): "consumer",
    ("consumers", "jwt"): "consumer",
    ("consumers", "key-auth"): "consumer",
    ("consumers", "acls"): "consumer",
}
_NESTED_NAMES = {"jwt": "jwts", "key-auth": "key-auths"}

Handler = Callable[[Request], Awaitable[Response]]


def admin_routes(gateway: Gateway, home: Handler) -> list[Route]:
    """Las rutas de la Admin API. `home` es la página para personas: la de `/` cuando la pide un navegador."""

    async def root(request: Request) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            return await home(request)
        return responses.answer(200, responses.node(gateway))

    async def status(request: Request) -> Response:
        return responses.answer(200, responses.status(gateway))

    async def enabled(request: Request) -> Response:
        return responses.answer(200, {"enabled_plugins": sorted(PLUGINS)})

    routes = [
        Route("/", root),
        Route("/status", status),
        Route("/config", _config(gateway), methods=["GET", "POST"]),
        Route("/plugins/enabled", enabled),
    ]
    for name, (kind, key) in _LISTS.items():
        routes += [
            Route(f"/{name}", _collection(gateway, name, kind), methods=_ALL),
            Route(f"/{name}/{{key}}", _one(gateway, kind, key), methods=_ALL),
        ]
    for (parent, child), field in _NESTED.items():
        routes.append(Route(f"/{parent}/{{key}}/{child}", _nested(gateway, parent, child, field), methods=_ALL))
    routes.append(Route("/routes/{key}/service", _service_of(gateway)))
    return routes


def _rows(gateway: Gateway, kind: str) -> dict[str, Entity]:
    return dict(gateway.config.entities.get(kind, {}))


def _find(gateway: Gateway, kind: str, key: str, value: str) -> Entity | None:
    rows = _rows(gateway, kind)
    if value in rows:
        return rows[value]
    return next((row for row in rows.values() if row.get(key) == value), None)


def _collection(gateway: Gateway, name: str, kind: str) -> Handler:
    async def handle(request: Request) -> Response:
        if request.method == "POST":
            return responses.unsupported("create", kind)
        if request.method in _WRITES:
            return responses.answer(405, {"message": "Method not allowed"})
        rows = list(_rows(gateway, kind).values())
        if kind == "consumers" and "custom_id" in request.query_params:
            rows = [row for row in rows if row["custom_id"] == request.query_params["custom_id"]]
        return responses.page(kind, rows, request.query_params, f"/{name}")

    return handle


def _one(gateway: Gateway, kind: str, key: str) -> Handler:
    async def handle(request: Request) -> Response:
        value = request.path_params["key"]
        if request.method == "POST":
            return responses.answer(405, {"message": "Method not allowed"})
        found = _find(gateway, kind, key, value)
        if request.method in _WRITES:
            if request.method == "DELETE" and found is None:
                return Response(status_code=204)
            by = None if _UUID.match(value) else key
            return responses.unsupported(_WRITES[request.method], kind, by)
        return responses.not_found() if found is None else responses.answer(200, responses.visible(kind, found))

    return handle


def _nested(gateway: Gateway, parent: str, child: str, field: str) -> Handler:
    parent_kind, parent_key = _LISTS[parent]
    kind = _LISTS[_NESTED_NAMES.get(child, child)][0]

    async def handle(request: Request) -> Response:
        owner = _find(gateway, parent_kind, parent_key, request.path_params["key"])
        if owner is None:
            return responses.not_found()
        if request.method == "POST":
            return responses.unsupported("create", kind)
        if request.method in _WRITES:
            return responses.answer(405, {"message": "Method not allowed"})
        rows = [row for row in _rows(gateway, kind).values() if (row[field] or {}).get("id") == owner["id"]]
        return responses.page(kind, rows, request.query_params, request.url.path)

    return handle


def _service_of(gateway: Gateway) -> Handler:
    async def handle(request: Request) -> Response:
        route = _find(gateway, "routes", "name", request.path_params["key"])
        if route is None or route["service"] is None:
            return responses.not_found()
        return responses.answer(200, _rows(gateway, "services")[route["service"]["id"]])

    return handle


def _config(gateway: Gateway) -> Handler:
    """`GET` enseña la configuración; `POST` pone otra entera, que dura hasta que se reinicie."""

    async def handle(request: Request) -> Response:
        if request.method != "POST":
            return responses.answer(200, {"config": responses.exported(gateway.config)})
        content_type = request.headers.get("content-type", "").split(";")[0].strip()
        if content_type not in ("application/json", "application/yaml", "text/yaml"):
            return responses.answer(415, {"message": "Unsupported media type"})
        try:
            config = declarative.parse(_document(await request.body(), content_type))
        except declarative.InvalidConfig as error:
            return responses.invalid(error)
        if request.query_params.get("check_hash") == "1" and config.hash == gateway.config.hash:
            return Response(status_code=304)
        gateway.load(config)
        return responses.answer(201, responses.loaded(config))

    return handle


def _document(body: bytes, content_type: str) -> str:
    """El texto de la configuración: el cuerpo mismo o, en JSON, el campo `config`."""
    text = body.decode("utf-8", "replace")
    if content_type != "application/json":
        return text
    try:
        parsed: Any = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    if isinstance(parsed, dict) and isinstance(parsed.get("config"), str):
        return str(parsed["config"])
    return text
