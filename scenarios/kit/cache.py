"""La caché (Redis) vista por un microservicio: una copia rápida que se puede perder sin perder nada."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import redis

from scenarios.kit.settings import required
from scenarios.kit.telemetry import instrument_cache

_log = logging.getLogger(__name__)
_FAILURES = (redis.RedisError, OSError)


class Cache:
    """Guarda textos con caducidad. Si Redis falla se apunta en el log y se sigue: la verdad está en otro sitio."""

    def __init__(self, url: str) -> None:
        instrument_cache()
        self._client = redis.Redis.from_url(url, decode_responses=True, socket_timeout=2, socket_connect_timeout=2)

    @classmethod
    def from_env(cls) -> Cache:
        """Con `REDIS_URL`."""
        return cls(required("REDIS_URL"))

    def remember(self, values: Mapping[str, str], ttl_s: int) -> bool:
        """Guarda cada valor con su clave durante `ttl_s` segundos, todos en un solo viaje; dice si se pudo."""
        try:
            if len(values) == 1:
                self._client.set(*next(iter(values.items())), ex=ttl_s)
            else:
                batch = self._client.pipeline(transaction=False)
                for key, value in values.items():
                    batch.set(key, value, ex=ttl_s)
                batch.execute()
        except _FAILURES as error:
            _log.warning("la caché no contesta; se sigue sin ella", extra={"problem": str(error)})
            return False
        return True
