"""Las reglas de los topics y de los ajustes: límites de memoria, reinicio y variables de entorno."""

from __future__ import annotations

import pytest

from stack.kafka.embedded.broker import Broker
from stack.kafka.embedded.configs import broker_options
from stack.kafka.embedded.errors import ErrorCode, KafkaError
from stack.kafka.embedded.settings import Settings
from stack.kafka.embedded.topics import Topics
from tests.support.record_batch import batch


def test_defaults_come_from_the_settings() -> None:
    topics = Topics(Settings(num_partitions=3, retention_bytes=1000))
    topic = topics.create("a")
    assert len(topic.logs) == 3
    assert topics.value(topic, "retention.bytes") == "1000"


def test_replica_assignment_counts_the_partitions() -> None:
    topics = Topics(Settings())
    assert len(topics.create("a", assignments={0: [1], 1: [1]}).logs) == 2
    for name, assignments in (("b", {0: [1], 2: [1]}), ("c", {0: [1, 1]}), ("d", {0: [2]})):
        with pytest.raises(KafkaError) as error:
            topics.create(name, assignments=assignments)
        assert error.value.code is ErrorCode.INVALID_REPLICA_ASSIGNMENT
    with pytest.raises(KafkaError) as error:
        topics.create("e", 1, 1, {0: [1]})
    assert error.value.code is ErrorCode.INVALID_REQUEST


def test_too_many_partitions() -> None:
    topics = Topics(Settings(max_partitions_per_topic=10))
    with pytest.raises(KafkaError) as error:
        topics.create("a", 11)
    assert error.value.code is ErrorCode.INVALID_PARTITIONS
    topics.create("a", 10)
    with pytest.raises(KafkaError):
        topics.add_partitions("a", 11)


def test_auto_creation_can_be_switched_off() -> None:
    closed = Topics(Settings(auto_create_topics=False))
    with pytest.raises(KafkaError) as error:
        closed.find_or_create("a", allow_create=True)
    assert error.value.code is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    with pytest.raises(KafkaError):
        Topics(Settings()).find_or_create("a", allow_create=False)


def test_all_partitions_together_stay_within_memory() -> None:
    limit = 640_000
    topics = Topics(Settings(total_bytes=limit, retention_bytes=-1))
    for name in ("a", "b"):
        topics.create(name, 2)
    for number in range(400):
        topics.append("a" if number % 4 else "b", number % 2, batch(value=b"x" * 5000))
    used = {topic.name: sum(log.bytes for log in topic.logs) for topic in topics}
    assert sum(used.values()) <= limit * 65 // 64 + 6000
    assert used["b"] > limit // 5, "el topic que menos ocupa no paga por el otro"


def test_reset_forgets_everything() -> None:
    topics = Topics(Settings())
    topics.create("a")
    topics.reset()
    assert list(topics) == []


@pytest.mark.parametrize("option", ["cleanup.policy", "min.insync.replicas", "compression.type"])
def test_what_is_not_honoured_is_refused(option: str) -> None:
    topics = Topics(Settings())
    with pytest.raises(KafkaError) as error:
        topics.create("a", configs={option: "compact"})
    assert error.value.code is ErrorCode.INVALID_CONFIG
    assert option in (error.value.message or "")


def test_settings_use_the_names_of_the_official_image() -> None:
    settings = Settings.from_environment(
        {
            "STACKLAB_LISTEN_HOST": "127.0.0.2",
            "STACKLAB_PORT_BROKER": "1234",
            "KAFKA_NUM_PARTITIONS": "7",
            "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
            "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "1500",
        }
    )
    assert (settings.host, settings.port, settings.num_partitions) == ("127.0.0.2", 1234, 7)
    assert not settings.auto_create_topics
    assert settings.initial_rebalance_delay_s == 1.5
    assert broker_options(settings)["num.partitions"].default == "7"
    assert Settings.from_environment({}) == Settings()
    with pytest.raises(ValueError, match="KAFKA_NUM_PARTITIONS"):
        Settings.from_environment({"KAFKA_NUM_PARTITIONS": "cuatro"})


def test_producer_numbers_do_not_repeat_after_a_restart() -> None:
    """Los productores de antes siguen vivos con los suyos: si uno nuevo repitiera, se perderían mensajes."""
    before = Broker(Settings())
    given = {before.new_producer_id() for _ in range(5)}
    after = Broker(Settings())
    assert given.isdisjoint({after.new_producer_id() for _ in range(5)})
