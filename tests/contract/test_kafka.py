"""Contrato de Kafka: topics y mensajes, con confluent-kafka. Lo cumplen el suplente y Kafka 4.3."""

from __future__ import annotations

import time
from uuid import uuid4

import pytest
from confluent_kafka import KafkaException, Producer, TopicCollection, TopicPartition
from confluent_kafka.admin import (
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from tests.support.kafka import Kafka, error_name, eventually, take


@pytest.fixture
def topic() -> str:
    """Un nombre que nadie ha usado."""
    return f"prueba-{uuid4().hex[:12]}"


# ── Topics ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_create_topic_with_chosen_partitions(kafka: Kafka, topic: str) -> None:
    kafka.create(topic, partitions=3)
    described = kafka.admin.describe_topics(TopicCollection([topic]))[topic].result(10)
    assert [part.id for part in described.partitions] == [0, 1, 2]
    assert all(part.leader.id == part.replicas[0].id == part.isr[0].id for part in described.partitions)
    assert not described.is_internal
    assert str(described.topic_id) != "AAAAAAAAAAAAAAAAAAAAAA"


def test_create_topic_twice(kafka: Kafka, topic: str) -> None:
    kafka.create(topic)
    assert error_name(kafka.admin.create_topics([NewTopic(topic, 1, 1)])[topic]) == "TOPIC_ALREADY_EXISTS"


def test_validate_only_creates_nothing(kafka: Kafka, topic: str) -> None:
    asked = kafka.admin.create_topics([NewTopic(topic, 2, 1)], validate_only=True)
    assert error_name(asked[topic]) == "NONE"
    assert kafka.partitions(topic) == 0


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (NewTopic("con espacio", 1, 1), "TOPIC_EXCEPTION"),
        (NewTopic("año", 1, 1), "TOPIC_EXCEPTION"),
        (NewTopic(".", 1, 1), "TOPIC_EXCEPTION"),
        (NewTopic("x" * 250, 1, 1), "TOPIC_EXCEPTION"),
        (NewTopic("sin-particiones", 0, 1), "INVALID_PARTITIONS"),
        (NewTopic("tres-copias", 1, 3), "INVALID_REPLICATION_FACTOR"),
        (NewTopic("en-otro-sitio", 1, replica_assignment=[[77]]), "INVALID_REPLICA_ASSIGNMENT"),
        (NewTopic("opcion-rara", 1, 1, config={"no.existe": "1"}), "INVALID_CONFIG"),
        (NewTopic("valor-raro", 1, 1, config={"retention.ms": "mañana"}), "INVALID_CONFIG"),
    ],
    ids=lambda value: value.topic[:20] if isinstance(value, NewTopic) else value,
)
def test_topics_that_cannot_be_created(kafka: Kafka, bad: NewTopic, code: str) -> None:
    assert error_name(kafka.admin.create_topics([bad])[bad.topic]) == code
    assert kafka.partitions(bad.topic) == 0


def test_dot_and_underscore_collide(kafka: Kafka, topic: str) -> None:
    kafka.create(f"{topic}.uno")
    assert (
        error_name(kafka.admin.create_topics([NewTopic(f"{topic}_uno", 1, 1)])[f"{topic}_uno"])
        == "TOPIC_EXCEPTION"
    )


def test_delete_topic(kafka: Kafka, topic: str) -> None:
    kafka.create(topic)
    assert error_name(kafka.admin.delete_topics([topic])[topic]) == "NONE"
    eventually(lambda: kafka.partitions(topic), until=lambda found: found == 0)
    assert error_name(kafka.admin.delete_topics([topic])[topic]) == "UNKNOWN_TOPIC_OR_PART"


def test_describe_unknown_topic_does_not_create_it(kafka: Kafka, topic: str) -> None:
    described = kafka.admin.describe_topics(TopicCollection([topic]))[topic]
    assert error_name(described) == "UNKNOWN_TOPIC_OR_PART"
    assert kafka.partitions(topic) == 0


def test_partitions_only_grow(kafka: Kafka, topic: str) -> None:
    kafka.create(topic, partitions=2)
    assert error_name(kafka.admin.create_partitions([NewPartitions(topic, 5)])[topic]) == "NONE"
    eventually(lambda: kafka.partitions(topic), until=lambda found: found == 5)
    assert error_name(kafka.admin.create_partitions([NewPartitions(topic, 4)])[topic]) == "INVALID_PARTITIONS"
    unknown = f"{topic}-otro"
    assert (
        error_name(kafka.admin.create_partitions([NewPartitions(unknown, 4)])[unknown]) == "UNKNOWN_TOPIC_OR_PART"
    )
    assert kafka.send(topic, ["x"], partition=4)[0].partition() == 4


def test_describe_cluster(kafka: Kafka) -> None:
    cluster = kafka.admin.describe_cluster().result(10)
    assert [f"{node.host}:{node.port}" for node in cluster.nodes] == [kafka.address]
    assert cluster.controller.id == cluster.nodes[0].id
    assert len(cluster.cluster_id) == 22


def test_topic_configs(kafka: Kafka, topic: str) -> None:
    kafka.create(topic, retention_ms="60000")
    resource = ConfigResource(ResourceType.TOPIC, topic)
    configs = kafka.admin.describe_configs([resource])[resource].result(10)
    assert configs["retention.ms"].value == "60000"
    assert not configs["retention.ms"].is_default
    assert configs["cleanup.policy"].value == "delete"
    assert configs["cleanup.policy"].is_default

    change = ConfigEntry("retention.ms", "90000", incremental_operation=AlterConfigOpType.SET)
    altered = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[change])
    kafka.admin.incremental_alter_configs([altered])[altered].result(10)
    eventually(
        lambda: kafka.admin.describe_configs([resource])[resource].result(10)["retention.ms"].value,
        until=lambda value: value == "90000",
    )
    missing = ConfigResource(ResourceType.TOPIC, f"{topic}-otro")
    assert error_name(kafka.admin.describe_configs([missing])[missing]) == "UNKNOWN_TOPIC_OR_PART"


def test_producing_creates_the_topic_with_the_default_partitions(kafka: Kafka, topic: str) -> None:
    node = kafka.admin.describe_cluster().result(10).nodes[0]
    broker = ConfigResource(ResourceType.BROKER, str(node.id))
    expected = int(kafka.admin.describe_configs([broker])[broker].result(10)["num.partitions"].value)
    kafka.send(topic, ["hola"])
    assert kafka.partitions(topic) == expected


# ── Mensajes ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_message_comes_back_whole(kafka: Kafka, topic: str) -> None:
    kafka.create(topic)
    headers = [("traceparent", b"00-abc"), ("vacia", b""), ("traceparent", b"repetida"), ("nula", None)]
    when = 1_700_000_000_123
    kafka.send(topic, [b"\x00\xff v"], key="ana", headers=headers, timestamp=when)
    message = kafka.read(topic, 1)[0]
    assert (message.key(), message.value()) == (b"ana", b"\x00\xff v")
    assert message.headers() == headers
    assert message.timestamp()[1] == when
    assert (message.partition(), message.offset()) == (0, 0)


def test_null_value_and_null_key(kafka: Kafka, topic: str) -> None:
    kafka.create(topic)
    kafka.send(topic, [None])
    message = kafka.read(topic, 1)[0]
    assert message.key() is None
    assert message.value() is None


def test_a_key_always_goes_to_the_same_partition(kafka: Kafka, topic: str) -> None:
    kafka.create(topic, partitions=4)
    first = {key: kafka.send(topic, ["a", "b"], key=key) for key in map(str, range(12))}
    again = {key: kafka.send(topic, ["c"], key=key) for key in first}
    for key, sent in first.items():
        assert {message.partition() for message in sent + again[key]} == {sent[0].partition()}
    assert len({sent[0].partition() for sent in first.values()}) > 1


def test_order_within_a_partition_and_replay(kafka: Kafka, topic: str) -> None:
    kafka.create(topic)
    values = [b"%d" % number for number in range(500)]
    assert [message.offset() for message in kafka.send(topic, values)] == list(range(500))
    assert [message.value() for message in kafka.read(topic, 500)] == values
    assert [message.value() for message in kafka.read(topic, 500)] == values
    assert [message.value() for message in kafka.read(topic, 3, offset=497)] == values[497:]


def test_watermarks_and_offsets(kafka: Kafka, topic: str) -> None:
    kafka.create(topic, partitions=2)
    partition = TopicPartition(topic, 0)
    assert kafka.consumer().get_watermark_offsets(partition, timeout=10) == (0, 0)
    for when in (1000, 3000, 2000):
        kafka.send(topic, ["x"], partition=0, timestamp=when)
    assert kafka.consumer().get_watermark_offsets(partition, timeout=10) == (0, 3)

    def offset(spec: OffsetSpec, number: int = 0) -> tuple[int, int]:
        asked = TopicPartition(topic, number)
        found = kafka.admin.list_offsets({asked: spec})[asked].result(10)
        return found.offset, found.timestamp

    assert offset(OffsetSpec.earliest())[0] == 0
    assert offset(OffsetSpec.latest())[0] == 3
    assert offset(OffsetSpec.max_timestamp()) == (1, 3000)
    assert offset(OffsetSpec.for_timestamp(1001)) == (1, 3000)
    assert offset(OffsetSpec.for_timestamp(3001))[0] == -1
    assert offset(OffsetSpec.max_timestamp(), number=1)[0] == -1


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_offset_of_a_time_inside_a_batch(kafka: Kafka, topic: str, codec: str) -> None:
    if codec in {"snappy", "lz4", "zstd"} and not kafka.real:
        pytest.skip(f"el suplente embebido no abre {codec}: da el principio del lote; se comprueba contra Kafka")
    kafka.create(topic)
    producer = Producer({"bootstrap.servers": kafka.address, "linger.ms": 500, "compression.type": codec})
    for number in range(100):
        producer.produce(topic, b"x" * 20, partition=0, timestamp=5000 + number)
    assert producer.flush(10) == 0
    found = kafka.consumer().offsets_for_times([TopicPartition(topic, 0, 5042)], timeout=10)
    assert found[0].offset == 42


def test_delete_records(kafka: Kafka, topic: str) -> None:
    kafka.create(topic)
    kafka.send(topic, map(str, range(10)))
    partition = TopicPartition(topic, 0, 4)
    assert kafka.admin.delete_records([partition])[partition].result(10).low_watermark == 4
    assert kafka.consumer().get_watermark_offsets(TopicPartition(topic, 0), timeout=10) == (4, 10)
    assert kafka.read(topic, 1, offset=4)[0].value() == b"4"
    beyond = TopicPartition(topic, 0, 99)
    assert error_name(kafka.admin.delete_records([beyond])[beyond]) == "OFFSET_OUT_OF_RANGE"
    # Quien pide un mensaje borrado sigue por donde diga auto.offset.reset.
    assert kafka.read(topic, 1, offset=0)[0].offset() == 4


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_compression(kafka: Kafka, topic: str, codec: str) -> None:
    kafka.create(topic)
    values = [b"%d" % number * 50 for number in range(50)]
    kafka.send(topic, values, {"compression.type": codec, "linger.ms": 50})
    assert [message.value() for message in kafka.read(topic, 50)] == values


def test_idempotent_producer(kafka: Kafka, topic: str) -> None:
    kafka.create(topic)
    values = [b"%d" % number for number in range(300)]
    kafka.send(topic, values, {"enable.idempotence": True})
    assert [message.value() for message in kafka.read(topic, 300)] == values
    assert kafka.consumer().get_watermark_offsets(TopicPartition(topic, 0), timeout=10) == (0, 300)


@pytest.mark.parametrize("acks", [0, 1])
def test_acks(kafka: Kafka, topic: str, acks: int) -> None:
    kafka.create(topic)
    kafka.send(topic, ["a", "b"], {"acks": acks})
    assert [message.value() for message in kafka.read(topic, 2)] == [b"a", b"b"]


def test_a_message_too_large_is_refused(kafka: Kafka, topic: str) -> None:
    kafka.create(topic, max_message_bytes="20000")
    with pytest.raises(KafkaException) as refused:
        kafka.send(topic, [b"x" * 30_000])
    assert refused.value.args[0].name() == "MSG_SIZE_TOO_LARGE"
    kafka.send(topic, [b"x" * 10_000])


def test_a_large_message_reaches_a_consumer_that_asks_for_little(kafka: Kafka, topic: str) -> None:
    kafka.create(topic)
    kafka.send(topic, [b"x" * 400_000, b"y"])
    consumer = kafka.consumer(fetch_message_max_bytes=1000)
    consumer.assign([TopicPartition(topic, 0, 0)])
    assert [len(message.value()) for message in take(consumer, 2)] == [400_000, 1]


def test_a_waiting_consumer_is_woken_at_once(kafka: Kafka, topic: str) -> None:
    kafka.create(topic)
    consumer = kafka.consumer(fetch_wait_max_ms=30_000, socket_timeout_ms=60_000)
    consumer.assign([TopicPartition(topic, 0, 0)])
    assert consumer.poll(0.3) is None
    before = time.monotonic()
    kafka.send(topic, ["despierta"])
    assert take(consumer, 1)[0].value() == b"despierta"
    assert time.monotonic() - before < 10


# ── Lo que solo tiene el de verdad ──────────────────────────────────────────────────────────────────────────


def test_transactions(kafka: Kafka, topic: str) -> None:
    if not kafka.real:
        pytest.skip("el suplente embebido no tiene transacciones; se comprueba contra Kafka")
    kafka.create(topic)
    producer = Producer({"bootstrap.servers": kafka.address, "transactional.id": topic})
    producer.init_transactions(20)
    for value, finish in (("no", producer.abort_transaction), ("si", producer.commit_transaction)):
        producer.begin_transaction()
        producer.produce(topic, value)
        producer.flush(20)
        finish(20)
    assert kafka.read(topic, 1)[0].value() == b"si"
    # Quien pide ver también lo anulado, lo ve: está escrito, solo que con una marca detrás.
    everything = kafka.consumer(isolation_level="read_uncommitted")
    everything.assign([TopicPartition(topic, 0, 0)])
    assert [message.value() for message in take(everything, 2)] == [b"no", b"si"]


def test_a_second_producer_with_the_same_transactional_id_fences_the_first(kafka: Kafka, topic: str) -> None:
    if not kafka.real:
        pytest.skip("el suplente embebido no tiene transacciones; se comprueba contra Kafka")
    kafka.create(topic)
    config = {"bootstrap.servers": kafka.address, "transactional.id": topic, "log_level": 2}
    first, second = Producer(config), Producer(config)
    first.init_transactions(20)
    first.begin_transaction()
    first.produce(topic, "del primero")
    first.flush(20)
    second.init_transactions(20)
    with pytest.raises(KafkaException) as refused:
        first.commit_transaction(20)
    assert refused.value.args[0].fatal()
    second.begin_transaction()
    second.produce(topic, "del segundo")
    second.commit_transaction(20)
    assert kafka.read(topic, 1)[0].value() == b"del segundo"


def test_compacted_topic(kafka: Kafka, topic: str) -> None:
    if not kafka.real:
        pytest.skip("el suplente embebido no compacta; se comprueba contra Kafka")
    kafka.create(topic, cleanup_policy="compact")
