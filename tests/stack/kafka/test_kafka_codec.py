"""El códec: lo que se escribe se lee igual, y unos bytes cualesquiera nunca dan otra cosa que `Malformed`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.kafka.embedded.codec import Reader, Writer
from stack.kafka.embedded.errors import Malformed

WORDS = st.lists(st.tuples(st.text(max_size=40), st.none() | st.text(max_size=300)), max_size=5)


def written(flexible: bool, words: list[tuple[str, str | None]]) -> bytes:
    w = Writer()
    w.flexible = flexible

    def entry(item: tuple[str, str | None]) -> None:
        w.string(item[0])
        w.nullable_string(item[1])
        w.tags()

    w.array(words, entry)
    w.tags()
    return bytes(w.buffer)


def read(flexible: bool, data: bytes) -> list[tuple[str, str | None]]:
    r = Reader(data)
    r.flexible = flexible

    def entry() -> tuple[str, str | None]:
        value = r.string(), r.nullable_string()
        r.tags()
        return value

    values = r.array(entry)
    r.tags()
    assert r.position == len(data)
    return values


@given(st.booleans(), WORDS)
def test_structures_round_trip(flexible: bool, words: list[tuple[str, str | None]]) -> None:
    assert read(flexible, written(flexible, words)) == words


@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**32 - 1), st.uuids(), st.binary(max_size=50))
def test_numbers_round_trip(signed: int, unsigned: int, identifier: UUID, data: bytes) -> None:
    w = Writer()
    w.int64(signed)
    w.varint(unsigned)
    w.uuid(identifier)
    w.bytes_(data)
    w.int8(-3)
    r = Reader(bytes(w.buffer))
    assert (r.int64(), r.varint(), r.uuid(), r.bytes_(), r.int8()) == (signed, unsigned, identifier, data, -3)


@given(st.booleans(), st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(flexible: bool, data: bytes) -> None:
    try:
        values = read(flexible, data)
    except (Malformed, AssertionError):
        return
    assert read(flexible, written(flexible, values)) == values


@pytest.mark.parametrize(
    ("data", "method"),
    [
        (b"\x7f\xff\xff\xff", "array"),
        (b"\xff\xff\xff\xfe", "array"),
        (b"\x00\x05ab", "string"),
        (b"\xff\xff", "string"),
        (b"\x00\x01\xff", "string"),
        (b"\xff\xff\xff\xff", "bytes_"),
        (b"\xff" * 5 + b"\x01", "varint"),
        (b"\x00", "int16"),
    ],
)
def test_impossible_lengths(data: bytes, method: str) -> None:
    r = Reader(data)
    arguments: list[Any] = [r.int8] if method == "array" else []
    with pytest.raises(Malformed):
        getattr(r, method)(*arguments)


def test_unknown_tags_are_skipped() -> None:
    r = Reader(b"\x02\x00\x03abc\x07\x00\x09")
    r.flexible = True
    r.tags()
    assert r.int8() == 9
