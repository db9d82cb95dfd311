"""Peticiones de datos: escribir, leer y preguntar por offsets."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from stack.kafka.embedded.broker import Broker, ByTopic, Call
from stack.kafka.embedded.errors import ErrorCode, KafkaError

_LONGEST_WAIT_MS = 60_000


def produce(call: Call) -> None:
    """Produce v3–7: añade un lote a cada partición nombrada."""
    r, w = call.r, call.w
    transactional_id = r.nullable_string()
    acks = r.int16()
    r.int32()
    refusal = ErrorCode.NONE
    if transactional_id is not None:
        refusal = ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    elif acks not in {-1, 0, 1}:
        refusal = ErrorCode.INVALID_REQUIRED_ACKS

    def partition(topic: str, sent: tuple[int, bytes | None]) -> None:
        index, records = sent
        code, offset, start = refusal, -1, -1
        if not refusal:
            try:
                offset, start = call.broker.topics.append(topic, index, records)
            except KafkaError as error:
                code = error.code
        w.int32(index)
        w.int16(code)
        w.int64(offset)
        w.int64(-1)
        if call.version >= 5:
            w.int64(start)

    call.write_by_topic(call.read_by_topic(lambda: (r.int32(), r.nullable_bytes())), partition)
    w.int32(0)
    call.silent = acks == 0


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Una partición pedida en Fetch: desde qué offset y cuántos bytes como mucho."""

    partition: int
    offset: int
    max_bytes: int


@dataclass(frozen=True, slots=True)
class _Found:
    """Lo que hay para una partición pedida."""

    partition: int
    code: ErrorCode
    high_watermark: int
    start: int
    batches: list[bytes]


async def fetch(call: Call) -> None:
    """Fetch v4–11: los lotes desde un offset. Si no hay nada nuevo, espera hasta `max_wait` a que llegue."""
    r, version = call.r, call.version
    r.int32()
    max_wait_ms, min_bytes, max_bytes = r.int32(), r.int32(), r.int32()
    r.int8()
    if version >= 7:
        r.int64()

    def partition() -> _Wanted:
        index = r.int32()
        if version >= 9:
            r.int32()
        offset = r.int64()
        if version >= 5:
            r.int64()
        return _Wanted(index, offset, r.int32())

    wanted = call.read_by_topic(partition)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + max(0, min(max_wait_ms, _LONGEST_WAIT_MS)) / 1000
    while True:
        found, size, failed = _collect(call.broker, wanted, max_bytes)
        remaining = deadline - loop.time()
        if failed or size >= min_bytes or remaining <= 0:
            break
        await _wait_for_more(call.broker, wanted, remaining)
    _write_fetch(call, found)


def _collect(broker: Broker, wanted: ByTopic[_Wanted], max_bytes: int) -> tuple[ByTopic[_Found], int, bool]:
    """Reúne lo que hay ahora: lo encontrado, cuántos bytes son y si alguna partición dio un error."""
    size, failed = 0, False
    found: ByTopic[_Found] = []
    for topic, partitions in wanted:
        answers = []
        for want in partitions:
            try:
                log = broker.topics.log(topic, want.partition)
                room = min(want.max_bytes, max_bytes - size)
                batches = log.read(want.offset, room, at_least_one=size == 0)
                size += sum(map(len, batches))
                answers.append(_Found(want.partition, ErrorCode.NONE, log.end, log.start, batches))
            except KafkaError as error:
                failed = True
                answers.append(_Found(want.partition, error.code, -1, -1, []))
        found.append((topic, answers))
    return found, size, failed


async def _wait_for_more(broker: Broker, wanted: ByTopic[_Wanted], seconds: float) -> None:
    """Vuelve cuando llega algo a alguna de las particiones o pasan `seconds`."""
    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    logs = [broker.topics.log(topic, want.partition) for topic, partitions in wanted for want in partitions]
    for log in logs:
        log.watch(waiter)
    try:
        await asyncio.wait([waiter], timeout=seconds)
    finally:
        for log in logs:
            log.unwatch(waiter)


def _write_fetch(call: Call, found: ByTopic[_Found]) -> None:
    w, version = call.w, call.version

    def partition(_: str, item: _Found) -> None:
        w.int32(item.partition)
        w.int16(item.code)
        w.int64(item.high_watermark)
        w.int64(item.high_watermark)
        if version >= 5:
            w.int64(item.start)
        w.array([], w.int64)
        if version >= 11:
            w.int32(-1)
        w.int32(sum(map(len, item.batches)))
        for batch in item.batches:
            w.buffer += batch

    w.int32(0)
    if version >= 7:
        w.int16(ErrorCode.NONE)
        w.int32(0)
    call.write_by_topic(found, partition)


def list_offsets(call: Call) -> None:
    """ListOffsets v1–7: el primer offset, el último, el de una fecha o el del mensaje más nuevo."""
    r, w, version = call.r, call.w, call.version
    r.int32()
    if version >= 2:
        r.int8()
        w.int32(0)

    def asked() -> tuple[int, int]:
        index = r.int32()
        if version >= 4:
            r.int32()
        return index, r.int64()

    def partition(topic: str, item: tuple[int, int]) -> None:
        index, timestamp = item
        code, when, offset = ErrorCode.NONE, -1, -1
        try:
            when, offset = call.broker.topics.log(topic, index).lookup(timestamp)
        except KafkaError as error:
            code = error.code
        w.int32(index)
        w.int16(code)
        w.int64(when)
        w.int64(offset)
        if version >= 4:
            w.int32(0 if offset >= 0 else -1)

    call.write_by_topic(call.read_by_topic(asked), partition)
    w.tags()


def offset_for_leader_epoch(call: Call) -> None:
    """OffsetForLeaderEpoch v2–3: dónde acaba lo escrito por un líder. Aquí solo hubo uno, el 0."""
    r, w = call.r, call.w
    if call.version >= 3:
        r.int32()
    w.int32(0)

    def asked() -> int:
        index = r.int32()
        r.int64()
        return index

    def partition(topic: str, index: int) -> None:
        code, end = ErrorCode.NONE, -1
        try:
            end = call.broker.topics.log(topic, index).end
        except KafkaError as error:
            code = error.code
        w.int16(code)
        w.int32(index)
        w.int32(-1 if code else 0)
        w.int64(end)

    call.write_by_topic(call.read_by_topic(asked), partition)


def delete_records(call: Call) -> None:
    """DeleteRecords v0–1: borra los mensajes anteriores a un offset."""
    r, w = call.r, call.w
    wanted = call.read_by_topic(lambda: (r.int32(), r.int64()))
    w.int32(0)

    def partition(topic: str, item: tuple[int, int]) -> None:
        index, offset = item
        code, low = ErrorCode.NONE, -1
        try:
            log = call.broker.topics.log(topic, index)
            log.delete_before(offset)
            low = log.start
        except KafkaError as error:
            code = error.code
        w.int32(index)
        w.int64(low)
        w.int16(code)

    call.write_by_topic(wanted, partition)


def init_producer_id(call: Call) -> None:
    """InitProducerId v0–1: el número con que un productor idempotente marca lo que escribe."""
    transactional = call.r.nullable_string() is not None
    call.r.int32()
    w = call.w
    w.int32(0)
    w.int16(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED if transactional else ErrorCode.NONE)
    w.int64(-1 if transactional else call.broker.new_producer_id())
    w.int16(-1 if transactional else 0)
