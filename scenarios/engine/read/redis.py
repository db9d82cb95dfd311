"""Lo que hay en Redis."""

from __future__ import annotations

from dataclasses import dataclass

from scenarios.engine.context import Run
from scenarios.engine.facts import NotProven


@dataclass(frozen=True, slots=True)
class CachedFact:
    """Una clave de Redis: su valor y los segundos que le quedan (-1, no caduca)."""

    key: str
    value: str
    ttl_s: int


def cached(run: Run, key: str, *, ttl_s: int) -> CachedFact:
    """La clave `key`, comprobando que caduca dentro de `ttl_s` segundos o menos."""
    batch = run.clients.redis.pipeline(transaction=True)
    batch.get(key)
    batch.ttl(key)
    value, left = batch.execute()
    if value is None:
        raise NotProven(f"En Redis no está la clave «{key}».")
    if left == -1:
        raise NotProven(f"La clave «{key}» no caduca; se esperaba un TTL de {ttl_s} s o menos.", final=True)
    if not 0 < left <= ttl_s:
        raise NotProven(f"A la clave «{key}» le quedan {left} s; se esperaban entre 1 y {ttl_s} s.", final=True)
    return CachedFact(key, str(value), int(left))
