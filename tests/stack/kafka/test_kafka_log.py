"""El registro de una partición: offsets, lectura, fechas, límites y productores idempotentes."""

from __future__ import annotations

import asyncio

import pytest

from stack.kafka.embedded.batch import Incoming, parse
from stack.kafka.embedded.errors import ErrorCode, KafkaError
from stack.kafka.embedded.log import EARLIEST, LATEST, MAX_TIMESTAMP, Log
from tests.support.record_batch import batch


def sent(*timestamps: int, **fields: int | bool | bytes) -> Incoming:
    return parse(batch(timestamps or (1000,), **fields))  # type: ignore[arg-type]


def code(error: pytest.ExceptionInfo[KafkaError]) -> ErrorCode:
    return error.value.code


def test_offsets_follow_one_another_and_are_written_in_the_batch() -> None:
    log = Log()
    assert [log.append(sent(1, 2, 3)), log.append(sent(4)), log.append(sent(5, 6))] == [0, 3, 4]
    assert (log.start, log.end) == (0, 6)
    bases = [int.from_bytes(data[:8], "big") for data in log.read(0, 10_000, at_least_one=True)]
    assert bases == [0, 3, 4]


def test_reading_starts_at_the_batch_that_holds_the_offset() -> None:
    log = Log()
    for _ in range(3):
        log.append(sent(1, 2, 3))
    (last,) = log.read(7, 10_000, at_least_one=True)
    assert int.from_bytes(last[:8], "big") == 6
    assert log.read(9, 10_000, at_least_one=True) == []
    for outside in (-1, 10):
        with pytest.raises(KafkaError) as error:
            log.read(outside, 10_000, at_least_one=True)
        assert code(error) is ErrorCode.OFFSET_OUT_OF_RANGE


def test_the_byte_limit_never_blocks_the_first_batch() -> None:
    log = Log()
    for _ in range(4):
        log.append(sent(value=b"x" * 100))
    size = log.bytes // 4
    assert len(log.read(0, 1, at_least_one=True)) == 1
    assert log.read(0, 1, at_least_one=False) == []
    assert len(log.read(0, size * 2 + 1, at_least_one=True)) == 2


@pytest.mark.parametrize("compress", [False, True])
def test_finding_a_time(compress: bool) -> None:
    log = Log()
    log.append(sent(100, 200, 300, compress=compress))
    log.append(sent(900, 250, compress=compress))
    assert log.lookup(200) == (200, 1)
    assert log.lookup(201) == (300, 2)
    assert log.lookup(301) == (900, 3)
    assert log.lookup(901) == (-1, -1)
    assert log.lookup(MAX_TIMESTAMP) == (900, 3)
    assert log.lookup(EARLIEST) == (-1, 0)
    assert log.lookup(LATEST) == (-1, 5)
    assert Log().lookup(MAX_TIMESTAMP) == (-1, -1)


def test_a_codec_we_cannot_open_gives_the_start_of_the_batch() -> None:
    log = Log()
    snappy = bytearray(batch((100, 200)))
    snappy[22] = 2
    log.append(parse(bytes(snappy)))
    assert log.lookup(200) == (100, 0)


def test_retention_by_bytes_drops_the_oldest() -> None:
    log = Log()
    for _ in range(100):
        log.append(sent(value=b"x" * 1000))
    log.retain(50_000, -1)
    assert log.bytes <= 50_000
    assert log.end == 100
    assert log.start == log.batches[0].base_offset > 0
    kept = len(log.batches)
    log.retain(-1, -1)
    assert len(log.batches) == kept


def test_retention_by_age() -> None:
    log = Log()
    log.append(sent())
    log.retain(-1, 3600)
    assert log.start == 0
    log.retain(-1, 0)
    assert (log.start, log.end, log.bytes) == (1, 1, 0)


def test_delete_before_keeps_the_rest_of_the_batch() -> None:
    log = Log()
    log.append(sent(1, 2, 3))
    log.append(sent(4, 5))
    log.delete_before(2)
    assert log.start == 2
    assert len(log.read(2, 10_000, at_least_one=True)) == 2
    assert log.lookup(1) == (3, 2)
    log.delete_before(1)
    assert log.start == 2
    log.delete_before(-1)
    assert (log.start, log.end, log.bytes) == (5, 5, 0)
    with pytest.raises(KafkaError):
        log.delete_before(6)


def test_an_idempotent_producer_repeats_without_duplicating() -> None:
    log = Log()
    first = log.append(sent(1, 2, producer_id=7, epoch=0, sequence=0))
    second = log.append(sent(3, producer_id=7, epoch=0, sequence=2))
    assert (first, second) == (0, 2)
    assert log.append(sent(1, 2, producer_id=7, epoch=0, sequence=0)) == 0
    assert log.append(sent(3, producer_id=7, epoch=0, sequence=2)) == 2
    assert log.end == 3


@pytest.mark.parametrize(
    ("epoch", "sequence", "expected"),
    [
        (0, 2, ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER),
        (1, 5, ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER),
        (-1, 1, ErrorCode.INVALID_PRODUCER_EPOCH),
    ],
)
def test_a_gap_in_the_sequence_is_refused(epoch: int, sequence: int, expected: ErrorCode) -> None:
    log = Log()
    log.append(sent(producer_id=7, epoch=0, sequence=0))
    with pytest.raises(KafkaError) as error:
        log.append(sent(producer_id=7, epoch=epoch, sequence=sequence))
    assert code(error) is expected
    assert log.end == 1


def test_the_sequence_wraps_around() -> None:
    log = Log()
    log.append(sent(producer_id=7, epoch=0, sequence=2**31 - 1))
    assert log.append(sent(producer_id=7, epoch=0, sequence=0)) == 1


def test_a_new_epoch_starts_from_zero() -> None:
    log = Log()
    log.append(sent(producer_id=7, epoch=0, sequence=0))
    assert log.append(sent(producer_id=7, epoch=1, sequence=0)) == 1


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (None, ErrorCode.CORRUPT_MESSAGE),
        (b"", ErrorCode.CORRUPT_MESSAGE),
        (batch()[:60], ErrorCode.CORRUPT_MESSAGE),
        (batch() + b"x", ErrorCode.CORRUPT_MESSAGE),
        (batch()[:16] + b"\x01" + batch()[17:], ErrorCode.INVALID_RECORD),
        (batch()[:57] + b"\0\0\0\x09" + batch()[61:], ErrorCode.CORRUPT_MESSAGE),
        (batch()[:22] + b"\x20" + batch()[23:], ErrorCode.INVALID_RECORD),
    ],
)
def test_damaged_batches(data: bytes | None, expected: ErrorCode) -> None:
    with pytest.raises(KafkaError) as error:
        parse(data)
    assert code(error) is expected


def test_appending_wakes_those_who_wait() -> None:
    async def scenario() -> None:
        log = Log()
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        log.watch(waiter)
        log.append(sent())
        await asyncio.wait_for(waiter, 1)

    asyncio.run(scenario())
