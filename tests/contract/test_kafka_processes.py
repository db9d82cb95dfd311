"""Contrato de Kafka: un grupo repartido entre procesos que entran, se van y mueren sin despedirse."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import TopicPartition

from tests.support.kafka import Kafka, assigned, eventually, take
from tests.support.kafka_process import consuming

SESSION_S = 6.0


@pytest.fixture
def topic(kafka: Kafka) -> Iterator[str]:
    """Un topic nuevo de cuatro particiones; al acabar se cierran los consumidores de la prueba."""
    yield kafka.create(f"prueba-{uuid4().hex[:12]}", partitions=4)
    kafka.close()


@pytest.fixture
def group() -> str:
    """Un grupo que nadie ha usado."""
    return f"grupo-{uuid4().hex[:12]}"


def test_two_processes_share_the_work_and_one_takes_over(
    kafka: Kafka, topic: str, group: str, tmp_path: Path
) -> None:
    with (
        consuming(kafka.address, group, topic, tmp_path / "uno") as first,
        consuming(kafka.address, group, topic, tmp_path / "dos") as second,
    ):

        def parts() -> tuple[set[int], set[int]]:
            return first.assigned(), second.assigned()

        one, two = eventually(
            parts, until=lambda found: len(found[0]) == len(found[1]) == 2 and found[0] | found[1] == {0, 1, 2, 3}
        )
        for partition in range(4):
            kafka.send(topic, ["a", "b", "c"], partition=partition)
        eventually(lambda: len(first.committed()) + len(second.committed()), until=lambda count: count == 12)
        assert {partition for partition, _ in first.committed()} == one
        assert {partition for partition, _ in second.committed()} == two
        left = time.monotonic()
        second.close()
        eventually(first.assigned, until=lambda found: found == {0, 1, 2, 3})
        # Quien se despide no hace esperar a los demás a que se le dé por muerto.
        assert time.monotonic() - left < SESSION_S
        kafka.send(topic, ["d"], partition=min(two))
        eventually(lambda: first.committed()[-1], until=lambda last: last == (min(two), 3))


def test_a_killed_process_is_replaced_where_it_left_off(
    kafka: Kafka, topic: str, group: str, tmp_path: Path
) -> None:
    # Quien sobrevive no recibe nada en todo este rato: seguir callado no es estar muerto.
    survivor = kafka.consumer(group)
    survivor.subscribe([topic])
    eventually(lambda: assigned(survivor), until=lambda found: found == {0, 1, 2, 3})
    with consuming(kafka.address, group, topic, tmp_path / "otro") as other:
        kept = eventually(lambda: assigned(survivor), until=lambda found: len(found) == 2)
        lost, _ = eventually(other.assigned, until=lambda found: found == {0, 1, 2, 3} - kept)
        kafka.send(topic, map(str, range(5)), partition=lost)
        eventually(other.committed, until=lambda found: found == [(lost, offset) for offset in range(5)])
        other.kill()
        died = time.monotonic()
    kafka.send(topic, ["después"], partition=lost)
    message = take(survivor, 1)[0]
    waited = time.monotonic() - died
    assert (message.partition(), message.offset(), message.value()) == (lost, 5, "después".encode())
    # Se le da por muerto cuando calla `session.timeout.ms`: ni mucho antes ni mucho después.
    assert SESSION_S - 1.5 < waited < SESSION_S + 5
    assert {part.partition for part in survivor.assignment()} == {0, 1, 2, 3}
    assert [part.offset for part in survivor.committed([TopicPartition(topic, lost)], timeout=10)] == [5]
