"""Las páginas de Redis. No son `async`: el cliente bloquea, y así Starlette las corre en sus hilos."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import parse_qs, quote

from starlette.requests import Request
from starlette.responses import Response

from stack.console import content, spanish
from stack.console.fidelity import badge
from stack.console.redis.client import (
    Key,
    NoSuchKey,
    RedisDown,
    address,
    connected,
    find,
    overview,
    search,
)
from stack.console.redis.values import LIMIT, value
from stack.redis.service import REDIS
from stack.web import page

Handler = Callable[[Request], Response]

# Cómo se llama cada tipo, qué es y cómo se lee con redis-cli.
KINDS = {
    "string": ("Un texto, un número o unos bytes.", "GET"),
    "hash": ("Una ficha: campos con su valor.", "HGETALL"),
    "list": ("Una lista en orden; se mete y se saca por los dos extremos.", "LRANGE"),
    "set": ("Un conjunto sin orden ni repetidos.", "SMEMBERS"),
    "zset": ("Un conjunto ordenado por puntuación: así se hace una clasificación.", "ZREVRANGE"),
    "stream": ("Un registro de entradas que solo crece; varios grupos pueden leerlo.", "XRANGE"),
}


def _page(request: Request, template: str, *, status: int = 200, **context: Any) -> Response:
    return page(
        request,
        template,
        status=status,
        es=spanish,
        content=content,
        kinds=KINDS,
        address=address(),
        **context,
    )


def _asking_redis(handler: Handler) -> Handler:
    """Si Redis no contesta o la clave no existe, una página que dice qué pasa y qué se puede hacer."""

    @wraps(handler)
    def guarded(request: Request) -> Response:
        try:
            return handler(request)
        except RedisDown:
            return _page(request, "service_down.html", status=503, badge=badge(REDIS), service=REDIS)
        except NoSuchKey as error:
            return _page(request, "redis_missing.html", status=404, badge=badge(REDIS), name=str(error))

    return guarded


@_asking_redis
def keys(request: Request) -> Response:
    """`/redis?patron=…&cursor=…`: las claves, con su tipo, lo que les queda y su tamaño."""
    asked = request.query_params.get("patron", "").strip()
    cursor = request.query_params.get("cursor", "")
    with connected() as client:
        state = overview(client)
        found = search(client, _pattern(asked), int(cursor) if cursor.isdecimal() and len(cursor) < 20 else 0)
    return _page(
        request,
        "redis_keys.html",
        badge=badge(REDIS, state.product),
        overview=state,
        asked=asked,
        found=found,
        first=cursor in ("", "0"),
        link=_link,
    )


@_asking_redis
def key(request: Request) -> Response:
    """`/redis/clave?clave=…`: una clave y su valor. El nombre va byte a byte: puede no ser texto."""
    raw = _raw(request)
    with connected() as client:
        product = overview(client).product
        found = find(client, raw)
        shown = value(client, found)
    return _page(
        request,
        "redis_key.html",
        badge=badge(REDIS, product),
        key=found,
        value=shown,
        limit=LIMIT,
        command=_command(found),
        link=_link,
    )


def _pattern(asked: str) -> str:
    """Lo que se escribió, como patrón de `SCAN`: sin comodines se busca en cualquier parte del nombre."""
    if not asked:
        return "*"
    return asked if any(char in asked for char in "*?[") else f"*{asked}*"


def _raw(request: Request) -> bytes:
    query = str(request.scope["query_string"], "latin-1")
    return parse_qs(query, keep_blank_values=True, encoding="latin-1").get("clave", [""])[0].encode("latin-1")


def _link(raw: bytes) -> str:
    return f"/redis/clave?clave={quote(raw, safe='')}"


def _command(key: Key) -> str:
    """La orden de redis-cli que lee esta clave."""
    awkward = key.name.startswith('"') or not key.name or any(char.isspace() or char in "\"'" for char in key.name)
    name = content.quoted(key.raw) if awkward else key.name
    if key.kind not in KINDS:
        return f"TYPE {name}"
    ends = {"list": " 0 -1", "zset": " 0 -1 WITHSCORES", "stream": " - +"}
    return f"{KINDS[key.kind][1]} {name}{ends.get(key.kind, '')}"
