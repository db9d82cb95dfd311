"""Contrato de Kafka: grupos de consumidores, con confluent-kafka. Lo cumplen el suplente y Kafka 4.3."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from confluent_kafka import (
    Consumer,
    ConsumerGroupState,
    ConsumerGroupTopicPartitions,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import NewPartitions, OffsetSpec

from tests.support.kafka import Kafka, assigned, error_name, eventually, take


@pytest.fixture
def topic(kafka: Kafka) -> Iterator[str]:
    """Un topic nuevo de cuatro particiones; al acabar se cierran los consumidores de la prueba."""
    yield kafka.create(f"prueba-{uuid4().hex[:12]}", partitions=4)
    kafka.close()


@pytest.fixture
def group() -> str:
    """Un grupo que nadie ha usado."""
    return f"grupo-{uuid4().hex[:12]}"


def joined(consumer: Consumer, topic: str) -> Consumer:
    """Suscribe el consumidor y espera a que tenga las cuatro particiones."""
    consumer.subscribe([topic])
    eventually(lambda: assigned(consumer), until=lambda parts: parts == {0, 1, 2, 3})
    return consumer


def shared(*consumers: Consumer) -> list[set[int]]:
    """Lo que tiene cada consumidor cuando las cuatro particiones están repartidas sin repetir ninguna."""
    return eventually(
        lambda: [assigned(consumer) for consumer in consumers],
        until=lambda parts: sum(map(len, parts)) == 4 and set.union(*parts) == {0, 1, 2, 3} and all(parts),
    )


def committed(kafka: Kafka, group: str) -> dict[tuple[str, int], int]:
    """Lo confirmado por el grupo, por topic y partición."""
    asked = kafka.admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
    found = asked[group].result(10).topic_partitions
    return {(part.topic, part.partition): part.offset for part in found}


def test_alone_it_gets_everything_and_reads(kafka: Kafka, topic: str, group: str) -> None:
    for partition in range(4):
        kafka.send(topic, ["a", "b"], partition=partition)
    consumer = joined(kafka.consumer(group), topic)
    assert len(take(consumer, 8)) == 8


def test_a_second_member_shares_and_leaving_gives_it_back(kafka: Kafka, topic: str, group: str) -> None:
    first = joined(kafka.consumer(group), topic)
    second = kafka.consumer(group)
    second.subscribe([topic])
    assert [len(parts) for parts in shared(first, second)] == [2, 2]
    second.close()
    eventually(lambda: assigned(first), until=lambda parts: parts == {0, 1, 2, 3})


def test_cooperative_members_share_too(kafka: Kafka, topic: str, group: str) -> None:
    strategy = {"partition_assignment_strategy": "cooperative-sticky"}
    first = joined(kafka.consumer(group, **strategy), topic)
    second = kafka.consumer(group, **strategy)
    second.subscribe([topic])
    assert [len(parts) for parts in shared(first, second)] == [2, 2]


def test_members_must_agree_on_the_strategy(kafka: Kafka, topic: str, group: str) -> None:
    joined(kafka.consumer(group, partition_assignment_strategy="roundrobin"), topic)
    other = kafka.consumer(group, partition_assignment_strategy="range")
    other.subscribe([topic])
    message = eventually(lambda: other.poll(0.1))
    assert message.error().name() == "INCONSISTENT_GROUP_PROTOCOL"


def test_every_message_is_read_once_through_a_rebalance(kafka: Kafka, topic: str, group: str) -> None:
    for partition in range(4):
        kafka.send(topic, map(str, range(50)), partition=partition)
    seen: list[tuple[int, int]] = []
    reading = True

    def commit(consumer: Consumer, _: object) -> None:
        position = [part for part in consumer.position(consumer.assignment()) if part.offset >= 0]
        if reading and position:
            consumer.commit(offsets=position, asynchronous=False)

    def note(messages: list[Message]) -> None:
        seen.extend((message.partition(), message.offset()) for message in messages if not message.error())

    first, second = kafka.consumer(group), kafka.consumer(group)
    first.subscribe([topic], on_revoke=commit)
    note(take(first, 60))
    second.subscribe([topic], on_revoke=commit)
    eventually(
        lambda: [note(consumer.consume(10, 0.02)) for consumer in (first, second)],
        until=lambda _: len(seen) >= 200,
    )
    # Al cerrar ya no hace falta. Y es peligroso: si la revocación estaba por atender, librdkafka puede quedarse
    # esperándose a sí mismo (visto igual con Kafka de verdad: su coordinador ya había contestado a todo).
    reading = False
    assert sorted(seen) == [(partition, offset) for partition in range(4) for offset in range(50)]


def test_commit_and_resume(kafka: Kafka, topic: str, group: str) -> None:
    kafka.send(topic, map(str, range(10)), partition=2)
    reader = joined(kafka.consumer(group), topic)
    third = take(reader, 3)[-1]
    reader.commit(third, asynchronous=False)
    reader.close()
    resumed = kafka.consumer(group)
    resumed.subscribe([topic])
    assert take(resumed, 1)[0].value() == b"3"
    position = resumed.committed([TopicPartition(topic, 2), TopicPartition(topic, 0)], timeout=10)
    assert [part.offset for part in position] == [3, -1001]


def test_describe_a_group_and_its_lag(kafka: Kafka, topic: str, group: str) -> None:
    kafka.send(topic, map(str, range(10)), partition=1)
    reader = joined(kafka.consumer(group, client_id="miniaturas"), topic)
    reader.commit(take(reader, 4)[-1], asynchronous=False)

    listed = {found.group_id: found for found in kafka.admin.list_consumer_groups().result(10).valid}
    assert listed[group].state is ConsumerGroupState.STABLE
    described = kafka.admin.describe_consumer_groups([group])[group].result(10)
    assert described.state is ConsumerGroupState.STABLE
    assert described.partition_assignor == "range"
    (member,) = described.members
    assert member.client_id == "miniaturas"
    assert {part.partition for part in member.assignment.topic_partitions} == {0, 1, 2, 3}

    assert committed(kafka, group) == {(topic, 1): 4}
    partition = TopicPartition(topic, 1)
    end = kafka.admin.list_offsets({partition: OffsetSpec.latest()})[partition].result(10).offset
    assert end - committed(kafka, group)[topic, 1] == 6


def test_list_groups_by_state(kafka: Kafka, topic: str, group: str) -> None:
    joined(kafka.consumer(group), topic)

    def names(state: ConsumerGroupState) -> set[str]:
        return {found.group_id for found in kafka.admin.list_consumer_groups(states={state}).result(10).valid}

    assert group in names(ConsumerGroupState.STABLE)
    assert group not in names(ConsumerGroupState.EMPTY)


def test_delete_a_group(kafka: Kafka, topic: str, group: str) -> None:
    kafka.send(topic, ["x"], partition=0)
    reader = joined(kafka.consumer(group), topic)
    reader.commit(take(reader, 1)[0], asynchronous=False)
    assert error_name(kafka.admin.delete_consumer_groups([group])[group]) == "NON_EMPTY_GROUP"
    reader.close()
    eventually(
        lambda: kafka.admin.describe_consumer_groups([group])[group].result(10).state,
        until=lambda state: state is ConsumerGroupState.EMPTY,
    )
    assert error_name(kafka.admin.delete_consumer_groups([group])[group]) == "NONE"
    assert error_name(kafka.admin.delete_consumer_groups([group])[group]) == "GROUP_ID_NOT_FOUND"
    assert group not in {found.group_id for found in kafka.admin.list_consumer_groups().result(10).valid}


def test_moving_a_group_back(kafka: Kafka, topic: str, group: str) -> None:
    kafka.send(topic, map(str, range(5)), partition=0)
    back = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0, 2)])
    kafka.admin.alter_consumer_group_offsets([back])[group].result(10)
    reader = kafka.consumer(group)
    reader.subscribe([topic])
    assert take(reader, 1)[0].value() == b"2"
    # Con alguien dentro no se puede: movería lo leído bajo sus pies.
    (refused,) = kafka.admin.alter_consumer_group_offsets([back])[group].result(10).topic_partitions
    assert refused.error.name() == "UNKNOWN_MEMBER_ID"


def test_committing_in_a_topic_that_does_not_exist(kafka: Kafka, topic: str, group: str) -> None:
    consumer = kafka.consumer(group)
    lost = TopicPartition(f"{topic}-otro", 0, 1)
    with pytest.raises(KafkaException) as refused:
        consumer.commit(offsets=[lost], asynchronous=False)
    assert refused.value.args[0].name() in {"UNKNOWN_TOPIC_OR_PART", "UNKNOWN_TOPIC_ID"}


def test_deleting_a_topic_forgets_its_offsets(kafka: Kafka, topic: str, group: str) -> None:
    kafka.consumer(group).commit(offsets=[TopicPartition(topic, 0, 0)], asynchronous=False)
    assert committed(kafka, group) == {(topic, 0): 0}
    kafka.admin.delete_topics([topic])[topic].result(10)
    eventually(lambda: committed(kafka, group), until=lambda found: found == {})


def test_new_partitions_are_shared_out(kafka: Kafka, topic: str, group: str) -> None:
    reader = joined(kafka.consumer(group, topic_metadata_refresh_interval_ms=200), topic)
    kafka.admin.create_partitions([NewPartitions(topic, 6)])[topic].result(10)
    eventually(lambda: assigned(reader), until=lambda parts: parts == set(range(6)))


def test_session_timeout_out_of_bounds(kafka: Kafka, topic: str, group: str) -> None:
    consumer = kafka.consumer(group, session_timeout_ms=1000, heartbeat_interval_ms=300)
    consumer.subscribe([topic])
    message = eventually(lambda: consumer.poll(0.1))
    assert message.error().name() == "INVALID_SESSION_TIMEOUT"


def test_the_new_group_protocol(kafka: Kafka, topic: str, group: str) -> None:
    if not kafka.real:
        pytest.skip("el suplente embebido no tiene el protocolo de grupos KIP-848; se comprueba contra Kafka")
    consumer = Consumer({"bootstrap.servers": kafka.address, "group.id": group, "group.protocol": "consumer"})
    joined(consumer, topic)
    consumer.close()


def test_a_static_member_that_returns_keeps_its_partitions(kafka: Kafka, topic: str, group: str) -> None:
    stays = kafka.consumer(group, group_instance_id="uno", session_timeout_ms=10_000)
    leaves = kafka.consumer(group, group_instance_id="dos", session_timeout_ms=10_000)
    rebalances: list[int] = []
    stays.subscribe([topic], on_assign=lambda _, parts: rebalances.append(len(parts)))
    leaves.subscribe([topic])
    shared(stays, leaves)
    before, had = len(rebalances), assigned(leaves)
    leaves.close()
    returns = kafka.consumer(group, group_instance_id="dos", session_timeout_ms=10_000)
    returns.subscribe([topic])
    eventually(lambda: (assigned(stays), assigned(returns))[1], until=lambda parts: parts == had)
    assert len(rebalances) == before


def test_two_processes_cannot_be_the_same_static_member(kafka: Kafka, topic: str, group: str) -> None:
    first = joined(kafka.consumer(group, group_instance_id="uno"), topic)
    second = joined(kafka.consumer(group, group_instance_id="uno"), topic)

    def error() -> str | None:
        message = first.poll(0.1)
        found = message.error() if message is not None else None
        return found.name() if found is not None else None

    assert eventually(error) in {"_FATAL", "FENCED_INSTANCE_ID"}
    assert assigned(second) == {0, 1, 2, 3}
