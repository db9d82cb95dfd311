"""Quien publica en Kafka: tras un error del que su productor no se recupera, el siguiente suceso sale con otro."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from scenarios.kit import messaging
from scenarios.kit.errors import Unavailable


class _Producer:
    """Contesta lo que diga `outcome`: un error al entregar, una excepción al pedirlo o nada malo."""

    def __init__(self, outcome: Exception | KafkaError | None) -> None:
        self.outcome = outcome
        self.sent: list[bytes] = []
        self._waiting: list[Callable[[], None]] = []

    def produce(self, topic: str, value: bytes, key: bytes, *, headers: Any, on_delivery: Any) -> None:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        if self.outcome is None:
            self.sent.append(value)
        delivered = SimpleNamespace(partition=lambda: 0, offset=lambda: len(self.sent))
        self._waiting.append(lambda: on_delivery(self.outcome, delivered))

    def poll(self, timeout: float) -> None:
        while self._waiting:
            self._waiting.pop()()


FATAL = KafkaError(KafkaError._FATAL)
LATE = KafkaError(KafkaError._MSG_TIMED_OUT)


@pytest.mark.parametrize(
    ("outcome", "made"),
    [(FATAL, 2), (KafkaException(FATAL), 2), (LATE, 1), (KafkaException(LATE), 1)],
    ids=["fatal-al-entregar", "fatal-al-pedirlo", "tarde-al-entregar", "tarde-al-pedirlo"],
)
def test_only_a_fatal_error_costs_the_producer(
    monkeypatch: pytest.MonkeyPatch, outcome: Exception | KafkaError, made: int
) -> None:
    producers = [_Producer(outcome), _Producer(None)]
    used: list[_Producer] = []

    def make(settings: dict[str, Any]) -> _Producer:
        used.append(producers[len(used)])
        return used[-1]

    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9")
    monkeypatch.setattr(messaging, "Producer", make)
    publisher = messaging.Publisher()
    with pytest.raises(Unavailable):
        publisher.publish("sucesos", "ana", {"numero": 1})
    assert len(used) == made
    used[0].outcome = None  # lo que le pasaba ya no le pasa
    publisher.publish("sucesos", "ana", {"numero": 2})
    assert [one.sent for one in used][-1] == [b'{"numero": 2}']
    assert len(used) == made
