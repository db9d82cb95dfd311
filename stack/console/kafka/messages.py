"""Leer los últimos mensajes de un topic, del más nuevo al más viejo, por páginas y sin dejar rastro."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from stack.console import content
from stack.console.content import Shown
from stack.console.kafka.client import PATIENCE_S, KafkaDown, Partition, address, settings

PAGE = 20
_LONGEST_TEXT = 4000
_TIMESTAMP_OF_THE_BROKER = 2


@dataclass(frozen=True, slots=True)
class Record:
    """Un mensaje listo para enseñar. `timestamp` son milisegundos desde 1970, o `None` si no lleva fecha."""

    partition: int
    offset: int
    timestamp: int | None
    timestamp_by_broker: bool
    key: Shown
    value: Shown
    headers: tuple[tuple[str, Shown], ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Una página de mensajes. `older` dice por dónde sigue (`{partición: offset}`), o `None` si no hay más."""

    records: tuple[Record, ...]
    older: Mapping[int, int] | None
    complete: bool


def latest(topic: str, partitions: Sequence[Partition], before: Mapping[int, int], size: int = PAGE) -> Page:
    """Los `size` mensajes más nuevos de `partitions`, contando solo los anteriores a `before`.

    `before` va de partición a offset (excluido); la que falta se lee desde su final. Si no llegan todos en el
    plazo, `complete` es falso y se enseña lo que llegó.

    Raises:
        KafkaDown: si Kafka no contesta.
    """
    ends = {part.number: min(part.end, before.get(part.number, part.end)) for part in partitions}
    ranges = {
        part.number: (max(part.start, ends[part.number] - size), ends[part.number])
        for part in partitions
        if ends[part.number] > part.start
    }
    messages, complete = _read(topic, ranges)
    newest = _newest_first(messages, size)
    for message in newest:
        ends[_partition(message)] = _offset(message)
    more = complete and bool(newest) and any(ends[part.number] > part.start for part in partitions)
    return Page(tuple(map(_record, newest)), ends if more else None, complete)


def _newest_first(messages: Sequence[Message], size: int) -> list[Message]:
    """Los `size` más nuevos: dentro de una partición manda el offset; entre ellas, que no hay orden, la fecha."""
    piles: dict[int, list[Message]] = {}
    for message in sorted(messages, key=_offset):
        piles.setdefault(_partition(message), []).append(message)
    newest: list[Message] = []
    while len(newest) < size and piles:
        number = max(piles, key=lambda item: (piles[item][-1].timestamp()[1], -item))
        newest.append(piles[number].pop())
        if not piles[number]:
            del piles[number]
    return newest


def _read(topic: str, ranges: Mapping[int, tuple[int, int]]) -> tuple[list[Message], bool]:
    """Lee cada partición entre dos offsets (el segundo, excluido). Con `assign` y sin confirmar: no deja grupo."""
    if not ranges:
        return [], True
    consumer = Consumer(
        settings()
        | {
            "group.id": "stacklab-console",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
    )
    found: list[Message] = []
    pending = {number: end for number, (_, end) in ranges.items()}
    deadline = time.monotonic() + PATIENCE_S
    try:
        consumer.assign([TopicPartition(topic, number, start) for number, (start, _) in ranges.items()])
        while pending and time.monotonic() < deadline:
            for message in consumer.consume(500, 0.05):
                _keep(message, found, pending)
    except KafkaException as error:
        raise KafkaDown(address()) from error
    finally:
        consumer.close()
    return found, not pending


def _keep(message: Message, found: list[Message], pending: dict[int, int]) -> None:
    number, offset = _partition(message), _offset(message)
    error = message.error()
    if error is not None:
        if error.code() == KafkaError._PARTITION_EOF:
            pending.pop(number, None)
        elif not error.retriable():
            raise KafkaException(error)
    elif number in pending:
        if offset < pending[number]:
            found.append(message)
        if offset >= pending[number] - 1:
            del pending[number]


def _record(message: Message) -> Record:
    kind, when = message.timestamp()
    # Al leer, el cliente entrega siempre una lista de pares (el diccionario es solo para enviar).
    headers = cast("list[tuple[str, str | bytes | None]]", message.headers() or [])
    return Record(
        partition=_partition(message),
        offset=_offset(message),
        timestamp=when if kind else None,
        timestamp_by_broker=kind == _TIMESTAMP_OF_THE_BROKER,
        key=shown(_raw(message.key())),
        value=shown(_raw(message.value())),
        headers=tuple((name, shown(_raw(value))) for name, value in headers),
    )


def _partition(message: Message) -> int:
    return message.partition() or 0


def _offset(message: Message) -> int:
    return message.offset() or 0


def _raw(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def shown(data: bytes | None) -> Shown:
    """Como `content.shown`, y además distingue la ausencia (`null`) de los cero bytes (`empty`)."""
    return Shown("null", "", 0) if data is None else content.shown(data, longest=_LONGEST_TEXT)
