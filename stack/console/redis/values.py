"""El valor de una clave, según su tipo, acotado: una página no lee un conjunto de un millón de miembros."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import redis

from stack.console.content import Shown, name, shown
from stack.console.redis.client import Key

LIMIT = 200
_LONGEST_STRING = 100_000
_LONGEST_ITEM = 2_000


@dataclass(frozen=True, slots=True)
class Row:
    """Un elemento: `label` es su campo o su posición, `score` su puntuación (solo en los *sorted sets*)."""

    label: str
    value: Shown
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """Una entrada de un *stream*. `timestamp` son los milisegundos de su identificador."""

    id: str
    timestamp: int
    fields: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Un grupo de consumidores de un *stream*. `lag` es cuántas entradas no ha visto, si se sabe."""

    name: str
    consumers: int
    pending: int
    last: str
    lag: int | None


@dataclass(frozen=True, slots=True)
class Value:
    """El valor: `text` para un *string*, `entries` y `groups` para un *stream*, `rows` para los demás."""

    text: Shown | None = None
    rows: tuple[Row, ...] = ()
    entries: tuple[Entry, ...] = ()
    groups: tuple[Group, ...] = field(default=())

    @property
    def count(self) -> int:
        """Cuántos elementos se enseñan."""
        return len(self.rows) + len(self.entries)


def value(client: redis.Redis, key: Key) -> Value | None:
    """El valor de `key`, como mucho `LIMIT` elementos; `None` si es de un tipo que no sabemos enseñar."""
    reader = _READERS.get(key.kind)
    try:
        return reader(client, key) if reader else None
    except redis.ResponseError as error:
        # Entre mirar el tipo y leer el valor, la clave puede haber caducado y ser ya otra cosa.
        if str(error).startswith("WRONGTYPE"):
            return Value()
        raise


def _string(client: redis.Redis, key: Key) -> Value:
    data: Any = client.getrange(key.raw, 0, _LONGEST_STRING - 1)
    return Value(text=shown(data, size=max(key.length or 0, len(data))))


def _hash(client: redis.Redis, key: Key) -> Value:
    _, found = _scan(client.hscan(key.raw, count=LIMIT))
    rows = [Row(name(label), _short(data)) for label, data in sorted(found.items())[:LIMIT]]
    return Value(rows=tuple(rows))


def _list(client: redis.Redis, key: Key) -> Value:
    items: Any = client.lrange(key.raw, 0, LIMIT - 1)
    return Value(rows=tuple(Row(str(index), _short(item)) for index, item in enumerate(items)))


def _set(client: redis.Redis, key: Key) -> Value:
    _, found = _scan(client.sscan(key.raw, count=LIMIT))
    return Value(rows=tuple(Row("", _short(item)) for item in sorted(found)[:LIMIT]))


def _sorted_set(client: redis.Redis, key: Key) -> Value:
    items: Any = client.zrange(key.raw, 0, LIMIT - 1, desc=True, withscores=True)
    return Value(
        rows=tuple(Row(f"{index}.º", _short(item), float(score)) for index, (item, score) in enumerate(items, 1))
    )


def _stream(client: redis.Redis, key: Key) -> Value:
    found: Any = client.xrevrange(key.raw, count=LIMIT)
    entries = [
        Entry(
            id=identifier.decode(),
            timestamp=int(identifier.split(b"-")[0]),
            fields=tuple(Row(name(label), _short(data)) for label, data in (fields or {}).items()),
        )
        for identifier, fields in found
    ]
    listed: Any = client.xinfo_groups(key.raw)
    return Value(entries=tuple(entries), groups=tuple(_group(item) for item in listed))


def _group(item: Mapping[str, Any]) -> Group:
    lag = item.get("lag")
    return Group(
        name=name(item["name"]),
        consumers=int(item["consumers"]),
        pending=int(item["pending"]),
        last=name(item["last-delivered-id"]),
        lag=int(lag) if lag is not None else None,
    )


def _scan(reply: Any) -> tuple[int, Any]:
    cursor, found = reply
    return int(cursor), found


def _short(data: bytes) -> Shown:
    return shown(data, longest=_LONGEST_ITEM)


def kinds() -> Sequence[str]:
    """Los tipos que se saben enseñar."""
    return tuple(_READERS)


_READERS = {
    "string": _string,
    "hash": _hash,
    "list": _list,
    "set": _set,
    "zset": _sorted_set,
    "stream": _stream,
}
