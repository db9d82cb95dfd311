"""Las sesiones abiertas (en Redis): quién ha entrado, desde cuándo y hasta cuándo.

Un JWT dice la verdad hasta que caduca y no se puede retirar. La sesión sí: el token lleva su identificador
(`sid`) y deja de valer en cuanto la sesión se cierra. En Redis no están ni la contraseña ni el token.
"""

from __future__ import annotations

import json
import math
import secrets
import time
from collections.abc import Mapping
from typing import Any, cast

import redis
from opentelemetry.instrumentation.utils import suppress_instrumentation

from scenarios.kit.errors import Unavailable
from scenarios.kit.settings import required
from scenarios.kit.telemetry import instrument_cache

ALIVE = "sessions"
"""Conjunto ordenado con las sesiones vivas y el instante en que acaba cada una: así se cuentan sin recorrerlas."""

_FAILURES = (redis.RedisError, OSError)


class Sessions:
    """Abre, lee y cierra sesiones. Si Redis falla, `Unavailable`: sin sesión no se deja entrar a nadie."""

    def __init__(self, url: str) -> None:
        instrument_cache()
        self._client = redis.Redis.from_url(url, decode_responses=True, socket_timeout=2, socket_connect_timeout=2)

    @classmethod
    def from_env(cls) -> Sessions:
        """Con `REDIS_URL`."""
        return cls(required("REDIS_URL"))

    def open(self, user: str, data: Mapping[str, Any], ttl_s: int) -> str:
        """Abre una sesión de `user` durante `ttl_s` segundos y devuelve su identificador, que nadie adivina."""
        sid = secrets.token_hex(16)
        try:
            batch = self._client.pipeline(transaction=True)
            batch.set(_key(user, sid), json.dumps(data, ensure_ascii=False), ex=ttl_s)
            batch.zremrangebyscore(ALIVE, "-inf", time.time())  # las que ya acabaron
            batch.zadd(ALIVE, {_key(user, sid): time.time() + ttl_s})
            batch.execute()
        except _FAILURES as error:
            raise Unavailable("Redis", error) from error
        return sid

    def read(self, user: str, sid: str) -> dict[str, Any] | None:
        """Lo que se guardó al abrirla; `None` si no hay tal sesión, o ya no."""
        try:
            text = cast("str | None", self._client.get(_key(user, sid)))
        except _FAILURES as error:
            raise Unavailable("Redis", error) from error
        return json.loads(text) if text is not None else None

    def close(self, user: str, sid: str) -> bool:
        """La cierra; dice si estaba abierta."""
        try:
            batch = self._client.pipeline(transaction=True)
            batch.delete(_key(user, sid))
            batch.zrem(ALIVE, _key(user, sid))
            return bool(batch.execute()[0])
        except _FAILURES as error:
            raise Unavailable("Redis", error) from error

    def alive(self) -> float:
        """Cuántas hay abiertas, para una métrica: si Redis no contesta no es ningún número (`nan`)."""
        try:
            with suppress_instrumentation():
                return float(self._client.zcount(ALIVE, time.time(), "+inf"))
        except _FAILURES:
            return math.nan


def _key(user: str, sid: str) -> str:
    return f"session:{user}:{sid}"
