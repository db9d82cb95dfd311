"""Lo que las páginas preguntan a Redis, con el cliente de siempre, plazos cortos y sin cambiar nada."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from stack.console.content import name

PAGE = 100
_BUSY_S = 0.5
_LENGTHS = {
    "string": "STRLEN",
    "hash": "HLEN",
    "list": "LLEN",
    "set": "SCARD",
    "zset": "ZCARD",
    "stream": "XLEN",
}


class RedisDown(Exception):
    """Redis no contesta. El texto es la dirección en que se le buscó."""


class NoSuchKey(Exception):
    """No hay ninguna clave con ese nombre (o acaba de caducar)."""


@dataclass(frozen=True, slots=True)
class Overview:
    """Cómo está el servidor. Lo que no sabe decir (un suplente no lo sabe todo) es `None`."""

    product: str
    keys: int
    expiring: int | None = None
    memory_bytes: int | None = None
    clients: int | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """Una clave. `ttl_ms` es lo que le queda, o `None` si no caduca; `length`, bytes si es un `string` y, si no,
    cuántos elementos tiene (`None` en los tipos que no conocemos)."""

    raw: bytes
    kind: str
    ttl_ms: int | None
    length: int | None

    @property
    def name(self) -> str:
        """El nombre, para una persona."""
        return name(self.raw)


@dataclass(frozen=True, slots=True)
class Found:
    """Una página de claves. `cursor` es por dónde sigue la búsqueda, o 0 si se ha mirado todo."""

    keys: tuple[Key, ...]
    cursor: int


def address() -> str:
    """Dónde está Redis (`REDIS_URL`), sin la contraseña si la llevara."""
    url = os.environ["REDIS_URL"]
    head, _, tail = url.rpartition("@")
    return f"{head.split('://')[0]}://{tail}" if head else url


@contextmanager
def connected() -> Iterator[redis.Redis]:
    """Un cliente de vida corta. Los fallos de conexión se convierten en `RedisDown`."""
    client = redis.Redis.from_url(
        os.environ["REDIS_URL"],
        socket_connect_timeout=0.5,
        socket_timeout=3,
        # Las reintentonas del cliente tardan segundos; una página prefiere decir enseguida qué pasa.
        retry=Retry(NoBackoff(), 0),
        client_name="stacklab-console",
    )
    try:
        yield client
    except (redis.ConnectionError, redis.TimeoutError) as error:
        raise RedisDown(address()) from error
    finally:
        client.close()


def overview(client: redis.Redis) -> Overview:
    """Qué servidor es, cuántas claves tiene (y cuántas caducan), su memoria y quién está conectado."""
    keys = int(_call(client, "DBSIZE"))
    try:
        info: dict[str, Any] = dict(client.info())
    except redis.ResponseError:
        return Overview("", keys)
    return Overview(
        product=_product(info),
        keys=keys,
        expiring=int(info.get(f"db{_database(client)}", {}).get("expires", 0)),
        memory_bytes=info.get("used_memory"),
        # Sin contarnos a nosotros.
        clients=max(0, int(info.get("connected_clients", 1)) - 1),
    )


def _database(client: redis.Redis) -> int:
    return int(client.connection_pool.connection_kwargs.get("db") or 0)


def _product(info: dict[str, Any]) -> str:
    if "valkey_version" in info:
        kind, version = "Valkey", str(info["valkey_version"])
    elif "redis_version" in info:
        kind, version = "Redis", str(info["redis_version"])
    else:
        return ""
    return f"{kind} {'.'.join(version.split('.')[:2])}"


def search(client: redis.Redis, pattern: str, cursor: int) -> Found:
    """Claves que encajan con `pattern` (el de `SCAN`), desde `cursor`; unas `PAGE`, ordenadas por nombre.

    Se usa `SCAN` y no `KEYS` porque Redis atiende a uno cada vez: `KEYS` con un millón de claves deja a todos
    esperando. Si encaja muy poco, se para a los `_BUSY_S` segundos aunque falten claves por mirar.
    """
    names: set[bytes] = set()
    deadline = time.monotonic() + _BUSY_S
    while True:
        reply = _call(client, "SCAN", cursor, "MATCH", pattern, "COUNT", PAGE)
        cursor = int(reply[0])
        names.update(reply[1])
        if cursor == 0 or len(names) >= PAGE or time.monotonic() > deadline:
            break
    return Found(tuple(described(client, sorted(names))), cursor)


def described(client: redis.Redis, names: Sequence[bytes]) -> list[Key]:
    """Tipo, plazo y tamaño de cada clave, en dos viajes. Las que hayan caducado entretanto no salen."""
    if not names:
        return []
    first = client.pipeline(transaction=False)
    for raw in names:
        first.type(raw)
        first.pttl(raw)
    answers: list[Any] = first.execute()
    kinds = [_text(answer) for answer in answers[0::2]]
    lengths = client.pipeline(transaction=False)
    for raw, kind in zip(names, kinds, strict=True):
        # Para un tipo desconocido, una pregunta cualquiera: los huecos tienen que cuadrar.
        _call(lengths, _LENGTHS.get(kind, "EXISTS"), raw)
    sizes: list[Any] = lengths.execute(raise_on_error=False)
    return [
        Key(
            raw=raw,
            kind=kind,
            ttl_ms=int(ttl) if int(ttl) >= 0 else None,
            length=size if kind in _LENGTHS and isinstance(size, int) else None,
        )
        for raw, kind, ttl, size in zip(names, kinds, answers[1::2], sizes, strict=True)
        if kind != "none"
    ]


def find(client: redis.Redis, raw: bytes) -> Key:
    """La clave `raw`, o `NoSuchKey`."""
    found = described(client, [raw])
    if not found:
        raise NoSuchKey(name(raw))
    return found[0]


def _call(client: redis.Redis, *words: str | bytes | int) -> Any:
    return client.execute_command(*words)  # type: ignore[no-untyped-call]


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
