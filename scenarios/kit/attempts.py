"""Cuántas veces seguidas se ha intentado algo (en Redis): el freno de quien prueba contraseñas a ciegas.

Se cuenta *antes* de comprobar nada, y en una sola operación: cien intentos a la vez cuentan cien. Quien se prueba
se apunta por su resumen, y así en Redis no queda una lista de correos.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress

import redis

from scenarios.kit.errors import Unavailable
from scenarios.kit.settings import required
from scenarios.kit.telemetry import instrument_cache

_FAILURES = (redis.RedisError, OSError)


class TooMany(Exception):
    """Demasiados intentos; dentro de `retry_after_s` segundos se puede volver a probar."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"demasiados intentos; quedan {retry_after_s} s")
        self.retry_after_s = retry_after_s


class Attempts:
    """Como mucho `limit` intentos sin éxito sobre un mismo `subject` en `window_s` segundos."""

    def __init__(self, url: str, what: str, *, limit: int, window_s: int) -> None:
        instrument_cache()
        self._client = redis.Redis.from_url(url, decode_responses=True, socket_timeout=2, socket_connect_timeout=2)
        self._what, self._limit, self._window_s = what, limit, window_s

    @classmethod
    def from_env(cls, what: str, *, limit: int, window_s: int) -> Attempts:
        """Con `REDIS_URL`."""
        return cls(required("REDIS_URL"), what, limit=limit, window_s=window_s)

    def count(self, subject: str) -> None:
        """Apunta un intento.

        Raises:
            TooMany: ya eran demasiados.
            Unavailable: Redis no contesta. Sin freno no se sigue.
        """
        key = self._key(subject)
        try:
            batch = self._client.pipeline(transaction=True)
            batch.incr(key)
            batch.expire(key, self._window_s, nx=True)
            batch.ttl(key)
            made, _, left = batch.execute()
        except _FAILURES as error:
            raise Unavailable("Redis", error) from error
        if made > self._limit:
            raise TooMany(max(1, int(left)))

    def forget(self, subject: str) -> None:
        """Salió bien: se empieza de cero. Si Redis no contesta ya se borrará solo."""
        with suppress(*_FAILURES):
            self._client.delete(self._key(subject))

    def _key(self, subject: str) -> str:
        digest = hashlib.sha256(subject.encode()).hexdigest()[:32]
        return f"attempts:{self._what}:{digest}"
