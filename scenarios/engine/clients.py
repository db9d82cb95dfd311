"""Los clientes con que se leen las pruebas: los de siempre, creados la primera vez que hacen falta.

Importarlos cuesta décimas de segundo, así que se hace en los hilos de las pruebas, con el flujo ya en marcha.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from confluent_kafka import Consumer
    from minio import Minio
    from redis import Redis
    from urllib3 import PoolManager


class Clients:
    """Un cliente de cada servicio, con las direcciones y claves de `stacklab env`. Sirven para varios hilos."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._locks = {name: threading.Lock() for name in ("http", "minio", "redis")}
        self._made: dict[str, Any] = {}
        self._close: list[Callable[[], object]] = []

    @property
    def http(self) -> PoolManager:
        """Para Kong, Jaeger, Prometheus y Grafana. Ni reintenta ni mira los proxies del entorno."""
        return self._once("http", self._make_http)  # type: ignore[no-any-return]

    @property
    def minio(self) -> Minio:
        """El almacén de objetos."""
        return self._once("minio", self._make_minio)  # type: ignore[no-any-return]

    @property
    def redis(self) -> Redis:
        """La caché; contesta textos."""
        return self._once("redis", self._make_redis)  # type: ignore[no-any-return]

    def consumer(self, group: str) -> Consumer:
        """Un consumidor que solo mira: no se une a `group` ni confirma nada. Quien lo pide lo cierra."""
        from confluent_kafka import Consumer

        return Consumer(
            {
                "bootstrap.servers": self._env["KAFKA_BOOTSTRAP_SERVERS"],
                "group.id": group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "error_cb": lambda error: None,
                "log_level": 2,  # librdkafka escribiría en la pantalla cada intento de conexión
            }
        )

    def close(self) -> None:
        """Cierra todo lo que se abrió."""
        for close in reversed(self._close):
            with suppress(Exception):
                close()
        self._close.clear()
        self._made.clear()

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        with self._locks[name]:
            if name not in self._made:
                self._made[name] = make()
            return self._made[name]

    def _make_http(self) -> Any:
        import urllib3

        pool = urllib3.PoolManager(
            retries=False, timeout=urllib3.Timeout(connect=2, read=10), maxsize=16, num_pools=16
        )
        self._close.append(pool.clear)
        return pool

    def _make_minio(self) -> Any:
        import urllib3
        from minio import Minio

        pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=2, read=10), maxsize=8)
        self._close.append(pool.clear)
        return Minio(
            endpoint=self._env["MINIO_ENDPOINT"],
            access_key=self._env["MINIO_ACCESS_KEY"],
            secret_key=self._env["MINIO_SECRET_KEY"],
            secure=False,
            region="us-east-1",
            http_client=pool,
        )

    def _make_redis(self) -> Any:
        from redis import Redis

        client = Redis.from_url(
            self._env["REDIS_URL"], decode_responses=True, socket_timeout=5, socket_connect_timeout=2
        )
        self._close.append(client.close)
        return client
