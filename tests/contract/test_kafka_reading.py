"""Contrato de Kafka: desde dónde se lee, a quién le llega y qué pasa con lo que no existe. Con confluent-kafka."""

from __future__ import annotations

import binascii
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
from confluent_kafka import (
    Consumer,
    ConsumerGroupState,
    ConsumerGroupTopicPartitions,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import OffsetSpec

from tests.support.kafka import Kafka, eventually, take


@pytest.fixture
def topic(kafka: Kafka) -> Iterator[str]:
    """Un topic nuevo de una partición; al acabar se cierran los consumidores de la prueba."""
    yield kafka.create(f"prueba-{uuid4().hex[:12]}")
    kafka.close()


@pytest.fixture
def group() -> str:
    """Un grupo que nadie ha usado."""
    return f"grupo-{uuid4().hex[:12]}"


def values(messages: list[Message]) -> list[bytes]:
    return [message.value() or b"" for message in messages]


def first_error(consumer: Consumer) -> str:
    """El nombre del primer error que da al sondearlo."""

    def error() -> str | None:
        message = consumer.poll(0.1)
        found = message.error() if message is not None else None
        return found.name() if found else None

    return eventually(error) or ""


# ── Desde dónde ─────────────────────────────────────────────────────────────────────────────────────────────


def test_every_group_gets_every_message(kafka: Kafka, topic: str) -> None:
    kafka.send(topic, ["a", "b"])
    readers = [kafka.consumer(f"{name}-{topic}") for name in ("correo", "métricas")]
    for reader in readers:
        reader.subscribe([topic])
        assert values(take(reader, 2)) == [b"a", b"b"]
    kafka.send(topic, ["c"])
    assert [values(take(reader, 1)) for reader in readers] == [[b"c"], [b"c"]]


def test_a_group_that_starts_at_the_end_misses_what_came_before(kafka: Kafka, topic: str, group: str) -> None:
    kafka.send(topic, ["antes"])
    reader = kafka.consumer(group, auto_offset_reset="latest")
    reader.subscribe([topic])
    # Se envía hasta que llega algo: su sitio es el final que había cuando preguntó, no cuando se suscribió.
    message = eventually(lambda: kafka.send(topic, ["después"]) and reader.poll(0.2))
    assert message.value() == "después".encode()


def test_a_group_with_nowhere_to_start_says_so(kafka: Kafka, topic: str, group: str) -> None:
    kafka.send(topic, ["x"])
    reader = kafka.consumer(group, auto_offset_reset="error")
    reader.subscribe([topic])
    assert first_error(reader) == "_AUTO_OFFSET_RESET"


def test_a_group_reads_everything_again(kafka: Kafka, topic: str, group: str) -> None:
    kafka.send(topic, ["a", "b", "c"])
    reader = kafka.consumer(group)
    reader.subscribe([topic])
    reader.commit(take(reader, 3)[-1], asynchronous=False)
    reader.seek(TopicPartition(topic, 0, 0))
    assert values(take(reader, 3)) == [b"a", b"b", b"c"]
    # Buscar no confirma nada: lo confirmado sigue siendo lo de antes.
    assert reader.committed([TopicPartition(topic, 0)], timeout=10)[0].offset == 3


def test_a_group_goes_back_to_a_time(kafka: Kafka, topic: str, group: str) -> None:
    for number in range(4):
        kafka.send(topic, [str(number)], timestamp=1_700_000_000_000 + number * 60_000)
    asked = TopicPartition(topic, 0, 1_700_000_000_000 + 90_000)
    (found,) = kafka.consumer().offsets_for_times([asked], timeout=10)
    back = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0, found.offset)])
    kafka.admin.alter_consumer_group_offsets([back])[group].result(10)
    reader = kafka.consumer(group)
    reader.subscribe([topic])
    assert values(take(reader, 2)) == [b"2", b"3"]


def test_a_time_with_nothing_after_it_is_the_end(kafka: Kafka, topic: str) -> None:
    kafka.send(topic, ["x"], timestamp=1000)
    (found,) = kafka.consumer().offsets_for_times([TopicPartition(topic, 0, 5000)], timeout=10)
    assert found.offset == -1
    (found,) = kafka.consumer().offsets_for_times([TopicPartition(topic, 0, 0)], timeout=10)
    assert found.offset == 0


def test_what_is_committed_carries_a_note(kafka: Kafka, topic: str, group: str) -> None:
    noted = TopicPartition(topic, 0, 7, metadata="hasta la factura 7")
    kafka.consumer(group).commit(offsets=[noted], asynchronous=False)
    (found,) = kafka.consumer(group).committed([TopicPartition(topic, 0)], timeout=10)
    # Confirmar más allá del final está permitido: Kafka no mira si ese mensaje existe.
    assert (found.offset, found.metadata) == (7, "hasta la factura 7")


def test_a_note_too_long_is_refused(kafka: Kafka, topic: str, group: str) -> None:
    long = TopicPartition(topic, 0, 1, metadata="x" * 5000)
    with pytest.raises(KafkaException) as refused:
        kafka.consumer(group).commit(offsets=[long], asynchronous=False)
    assert refused.value.args[0].name() == "OFFSET_METADATA_TOO_LARGE"


def test_automatic_commit(kafka: Kafka, topic: str, group: str) -> None:
    kafka.send(topic, ["a", "b"])
    reader = kafka.consumer(group, enable_auto_commit=True, auto_commit_interval_ms=50)
    reader.subscribe([topic])
    take(reader, 2)
    watcher = kafka.consumer(group)
    eventually(
        lambda: (reader.poll(0.02), watcher.committed([TopicPartition(topic, 0)], timeout=10)[0].offset)[1],
        until=lambda offset: offset == 2,
    )


def test_the_lag_shrinks_as_the_group_reads(kafka: Kafka, topic: str, group: str) -> None:
    kafka.send(topic, map(str, range(10)))
    reader = kafka.consumer(group)
    reader.subscribe([topic])
    partition = TopicPartition(topic, 0)

    def lag() -> int:
        low, high = reader.get_watermark_offsets(partition, timeout=10)
        done = reader.committed([partition], timeout=10)[0].offset
        return high - max(done, low)

    assert lag() == 10
    reader.commit(take(reader, 4)[-1], asynchronous=False)
    assert lag() == 6
    kafka.send(topic, ["otro"])
    assert lag() == 7
    reader.commit(take(reader, 7)[-1], asynchronous=False)
    assert lag() == 0


def test_lag_counts_from_what_is_left_after_deleting(kafka: Kafka, topic: str) -> None:
    kafka.send(topic, map(str, range(10)))
    partition = TopicPartition(topic, 0, 6)
    kafka.admin.delete_records([partition])[partition].result(10)
    asked = TopicPartition(topic, 0)
    earliest = kafka.admin.list_offsets({asked: OffsetSpec.earliest()})[asked].result(10).offset
    assert (earliest, *kafka.consumer().get_watermark_offsets(asked, timeout=10)) == (6, 6, 10)
    # Con -1 se borra todo lo que hay.
    everything = TopicPartition(topic, 0, -1)
    assert kafka.admin.delete_records([everything])[everything].result(10).low_watermark == 10


# ── A qué partición ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_partition_of_a_key_can_be_foretold(kafka: Kafka) -> None:
    topic = kafka.create(f"prueba-{uuid4().hex[:12]}", partitions=4)
    keys = [f"usuario-{number}" for number in range(20)] + ["ñandú", "日本"]
    sent = {key: kafka.send(topic, ["x"], key=key)[0].partition() for key in keys}
    assert sent == {key: binascii.crc32(key.encode()) % 4 for key in keys}
    assert set(sent.values()) == {0, 1, 2, 3}


def test_the_java_partitioner_puts_keys_where_java_would(kafka: Kafka) -> None:
    topic = kafka.create(f"prueba-{uuid4().hex[:12]}", partitions=4)
    # Los números de org.apache.kafka.common.utils.Utils.murmur2, con el signo quitado y módulo 4.
    keys = ["21", "foobar", "a-little-bit-long-string", "abc"]
    murmur2 = [-973932308, -790332482, -985981536, 479470107]
    sent = [kafka.send(topic, ["x"], {"partitioner": "murmur2"}, key=key)[0].partition() for key in keys]
    assert sent == [(number & 0x7FFFFFFF) % 4 for number in murmur2]


# ── Lo que no existe ────────────────────────────────────────────────────────────────────────────────────────


def test_reading_does_not_create_a_topic(kafka: Kafka, group: str) -> None:
    missing = f"no-existe-{uuid4().hex[:12]}"
    reader = kafka.consumer(group)
    reader.subscribe([missing])
    assert first_error(reader) == "UNKNOWN_TOPIC_OR_PART"
    assert kafka.partitions(missing) == 0


def test_a_pattern_finds_topics_born_later(kafka: Kafka, group: str) -> None:
    prefix = f"pedidos-{uuid4().hex[:8]}"
    kafka.create(f"{prefix}.es")
    reader = kafka.consumer(group, topic_metadata_refresh_interval_ms=200)
    reader.subscribe([f"^{prefix}\\."])
    kafka.send(f"{prefix}.es", ["uno"])
    (message,) = take(reader, 1)
    assert message.value() == b"uno"
    reader.commit(message, asynchronous=False)
    kafka.create(f"{prefix}.mx")
    kafka.create(f"otros-{prefix}.mx")
    kafka.send(f"{prefix}.mx", ["dos"])
    kafka.send(f"otros-{prefix}.mx", ["no"])
    (message,) = take(reader, 1)
    assert (message.topic(), message.value()) == (f"{prefix}.mx", b"dos")
    assert {part.topic for part in reader.assignment()} == {f"{prefix}.es", f"{prefix}.mx"}


def test_writing_to_a_partition_that_is_not_there(kafka: Kafka, topic: str) -> None:
    with pytest.raises(KafkaException) as refused:
        kafka.send(topic, ["x"], partition=9)
    assert refused.value.args[0].name() == "_UNKNOWN_PARTITION"


def test_a_deleted_topic_starts_from_zero_if_it_is_created_again(kafka: Kafka, topic: str) -> None:
    kafka.send(topic, ["viejo", "viejo"])
    kafka.admin.delete_topics([topic])[topic].result(10)
    eventually(lambda: kafka.partitions(topic), until=lambda found: found == 0)
    kafka.create(topic, partitions=2)
    assert kafka.consumer().get_watermark_offsets(TopicPartition(topic, 0), timeout=10) == (0, 0)
    assert kafka.send(topic, ["nuevo"], partition=0)[0].offset() == 0


def test_a_group_nobody_knows(kafka: Kafka, group: str) -> None:
    described = kafka.admin.describe_consumer_groups([group])[group]
    assert described.result(10).state is ConsumerGroupState.DEAD
    asked = kafka.admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group]
    assert asked.result(10).topic_partitions == []


# ── Varios a la vez ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_message_arrives_soon_after_it_is_sent(kafka: Kafka, topic: str) -> None:
    reader = kafka.consumer()
    reader.assign([TopicPartition(topic, 0, 0)])
    producer = Producer({"bootstrap.servers": kafka.address, "linger.ms": 0, "log_level": 2})
    producer.produce(topic, b"calienta")
    take(reader, 1)
    before = time.monotonic()
    for number in range(20):
        producer.produce(topic, b"%d" % number)
        producer.poll(0)
        assert values(take(reader, 1)) == [b"%d" % number]
    # Quien espera es despertado: si hubiera que aguardar al plazo de espera (0,5 s), serían 10 s.
    assert time.monotonic() - before < 5
