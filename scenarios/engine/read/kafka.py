"""Los mensajes que hay en Kafka y por dónde va cada grupo."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from scenarios.engine.context import Run
from scenarios.engine.facts import NotProven
from scenarios.engine.waiting import Deadline, until


@dataclass(frozen=True, slots=True)
class RecordFact:
    """Un mensaje leído de su partición y su posición."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    headers: Mapping[str, str]
    timestamp_ms: int

    def json(self) -> Any:
        """El valor como JSON, o `None`."""
        try:
            return json.loads(self.value)
        except ValueError:
            return None


def record_of_run(run: Run, topic: str, *, since_s: float = 5.0, final: bool = False) -> RecordFact:
    """El mensaje de `topic` cuyo `traceparent` es el de esta ejecución.

    Se busca en todas las particiones desde el principio de la ejecución: no se cree a nadie dónde está. Con
    `final`, si se han leído todas y no está, no se espera más.
    """
    records = _records(run, topic, since_s)
    for record in records:
        if run.trace_id in record.headers.get("traceparent", ""):
            return record
    recent = f"ninguno de los {len(records)} mensajes" if len(records) > 1 else "ningún mensaje"
    raise NotProven(f"En Kafka, {recent} de «{topic}» desde que empezó es de esta ejecución.", final=final)


def _records(run: Run, topic: str, since_s: float) -> list[RecordFact]:
    from confluent_kafka import TopicPartition

    consumer = run.clients.consumer("stacklab-mirador")
    try:
        metadata = consumer.list_topics(topic, timeout=2)
        partitions = sorted(metadata.topics[topic].partitions)
        since = [TopicPartition(topic, number, int((run.started_at - since_s) * 1000)) for number in partitions]
        ends = {
            number: consumer.get_watermark_offsets(TopicPartition(topic, number), 2)[1] for number in partitions
        }
        pending = {}
        for start in consumer.offsets_for_times(since, timeout=2):
            if 0 <= start.offset < ends[start.partition]:
                pending[start.partition] = start.offset
        if not pending:
            return []
        consumer.assign([TopicPartition(topic, number, offset) for number, offset in pending.items()])
        found: list[RecordFact] = []
        while pending:
            message = consumer.poll(2)
            if message is None:
                raise NotProven(f"Kafka no dio a tiempo todos los mensajes de «{topic}».")
            if message.error() is not None:
                continue
            partition, offset = int(message.partition() or 0), int(message.offset() or 0)
            headers = {name: _text(value) for name, value in dict(message.headers() or []).items()}
            found.append(
                RecordFact(
                    topic,
                    partition,
                    offset,
                    _text(message.key()),
                    _text(message.value()).encode(),
                    headers,
                    int(message.timestamp()[1]),
                )
            )
            if offset + 1 >= ends[partition]:
                pending.pop(partition, None)
        return found
    finally:
        consumer.close()


def _text(value: str | bytes | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""


def committed_offset(run: Run, group: str, topic: str, partition: int) -> int:
    """Hasta dónde ha confirmado `group` esa partición: la posición del siguiente mensaje que leería."""
    from confluent_kafka import TopicPartition

    consumer = run.clients.consumer(group)
    try:
        (committed,) = consumer.committed([TopicPartition(topic, partition)], timeout=2)
    finally:
        consumer.close()
    return int(committed.offset)


def pending_messages(run: Run, group: str, topic: str) -> int:
    """Cuántos mensajes de `topic` no ha confirmado `group` todavía, entre todas las particiones."""
    from confluent_kafka import TopicPartition

    consumer = run.clients.consumer(group)
    try:
        partitions = [
            TopicPartition(topic, number) for number in consumer.list_topics(topic, 2).topics[topic].partitions
        ]
        pending = 0
        for committed in consumer.committed(partitions, timeout=2):
            low, high = consumer.get_watermark_offsets(committed, 2)
            pending += high - (committed.offset if committed.offset >= 0 else low)
        return pending
    finally:
        consumer.close()


def committed_past(run: Run, group: str, record: RecordFact) -> int:
    """Hasta dónde ha confirmado `group` la partición de `record`, que ha de ser más allá de él."""
    committed = committed_offset(run, group, record.topic, record.partition)
    if committed <= record.offset:
        raise NotProven(
            f"El grupo {group} no ha confirmado el mensaje {record.offset} de la partición {record.partition}."
        )
    return committed


def let_catch_up(run: Run, who: str, group: str, topic: str, within_s: float) -> None:
    """Da a `who` un rato, `within_s` segundos como mucho, para que acabe con los mensajes de antes.

    Si no, lo que haga con ellos parecería de esta ejecución. Si Kafka no contesta, no se espera.
    """
    deadline = Deadline()
    deadline.within(within_s)

    def nothing_pending() -> None:
        try:
            pending = pending_messages(run, group, topic)
        except Exception as error:
            raise NotProven("Kafka no contesta.", final=True) from error
        if pending:
            raise NotProven(f"A {who} le quedan {pending} mensajes de antes.")

    with suppress(NotProven):
        until(nothing_pending, deadline, "Kafka")
