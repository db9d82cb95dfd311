"""Microservicio de analítica: lee `usuario_autenticado` y lleva la cuenta de los usuarios activos.

Un usuario está activo si ha entrado en las últimas 24 horas. Se apunta en Redis, en un conjunto ordenado por la
hora de su última entrada: apuntar dos veces lo mismo deja lo mismo, contar es una sola orden y los que se van
quedando atrás se borran solos. Nadie espera por él; si se cae, los sucesos le esperan en Kafka.
"""

from __future__ import annotations

import logging
import math
import time
from datetime import datetime

import redis
from fastapi import FastAPI
from opentelemetry.instrumentation.utils import suppress_instrumentation
from prometheus_client import Counter, Gauge

from scenarios.kit.app import create_app, serve
from scenarios.kit.errors import Unavailable
from scenarios.kit.logs import setup_logs
from scenarios.kit.messaging import Event, NotUnderstood, Subscription
from scenarios.kit.settings import required
from scenarios.kit.telemetry import instrument_cache, setup_telemetry

TOPIC, GROUP = "usuario_autenticado", "analytics"
ACTIVE, SEEN = "analytics:active", "analytics:seen"
WINDOW_S = 24 * 3600

_log = logging.getLogger(__name__)
_FAILURES = (redis.RedisError, OSError)
_active = Gauge("usuarios_activos", "Usuarios distintos que han entrado en las últimas 24 horas.")
_events = Counter("analytics_events_total", "Sucesos atendidos: nuevos, y repetidos que no cuentan.", ["result"])
_failed = Counter("analytics_failed_total", "Sucesos que no se entienden o no se pudieron contar.")
for _result in ("new", "repeated"):
    _events.labels(_result)  # para que la serie exista, a cero, desde el principio


class Activity:
    """Quién ha entrado últimamente."""

    def __init__(self, url: str) -> None:
        instrument_cache()
        self._client = redis.Redis.from_url(url, decode_responses=True, socket_timeout=2, socket_connect_timeout=2)

    def handle(self, event: Event) -> None:
        """Apunta a quien entró. El mismo suceso dos veces cuenta una.

        Raises:
            NotUnderstood: le faltan datos o la hora no es una hora. Repetirlo no serviría.
            Unavailable: Redis no contesta. Se puede repetir.
        """
        try:
            user, event_id = str(event["user"]), str(event["id"])
            at = datetime.fromisoformat(event["occurred_at"]).timestamp()
        except KeyError as error:
            raise NotUnderstood(f"al suceso le falta {error}") from error
        except (ValueError, TypeError) as error:
            raise NotUnderstood("la hora del suceso no se entiende") from error
        try:
            batch = self._client.pipeline(transaction=True)
            batch.zadd(ACTIVE, {user: at}, gt=True)  # con `gt`, uno atrasado no le quita la hora a otro posterior
            batch.zremrangebyscore(ACTIVE, "-inf", f"({time.time() - WINDOW_S}")
            batch.set(f"{SEEN}:{event_id}", "1", nx=True, ex=WINDOW_S)
            *_, new = batch.execute()
        except _FAILURES as error:
            raise Unavailable("Redis", error) from error
        _events.labels("new" if new else "repeated").inc()
        _log.info("usuario activo", extra={"user": user, "repeated": not new})

    def measure(self) -> None:
        """Cuenta los que hay. Se pregunta a Redis cada vez: así baja cuando alguien cumple un día sin entrar."""
        try:
            with suppress_instrumentation():
                _active.set(self._client.zcount(ACTIVE, time.time() - WINDOW_S, "+inf"))
        except _FAILURES:
            _active.set(math.nan)  # sin saberlo no es ningún número


def build() -> FastAPI:
    """La aplicación (salud y métricas) y, a su lado, el hilo que atiende los sucesos."""
    activity = Activity(required("REDIS_URL"))
    subscription = Subscription(TOPIC, GROUP, activity.handle, on_failure=_failed.inc)
    return create_app(
        "analytics", running=subscription.running, healthy=lambda: subscription.alive, measure=activity.measure
    )


if __name__ == "__main__":
    setup_logs("analytics")
    setup_telemetry("analytics")
    serve(build())
