"""Cómo se enseñan en las páginas los bytes, los números y las fechas."""

from __future__ import annotations

import json

import pytest

from stack.console.kafka import spanish
from stack.console.kafka.messages import shown


@pytest.mark.parametrize(
    ("data", "kind", "text"),
    [
        (None, "null", ""),
        (b"", "empty", ""),
        (b"hola", "text", "hola"),
        ("línea\notra\t€".encode(), "text", "línea\notra\t€"),
        (b'{"a":1}', "json", '{\n  "a": 1\n}'),
        (b"[]", "json", "[]"),
        (b"12", "text", "12"),
        (b'{"a":', "text", '{"a":'),
        (b"\xff\x00", "hex", "ff 00"),
        (b"a\x00b", "hex", "61 00 62"),
    ],
)
def test_bytes(data: bytes | None, kind: str, text: str) -> None:
    found = shown(data)
    assert (found.kind, found.text, found.cut) == (kind, text, False)
    assert found.size == len(data or b"")


def test_large_values_are_cut_and_keep_their_size() -> None:
    for data in (b"x" * 100_000, b"\xff" * 100_000, json.dumps(["x" * 90_000]).encode()):
        found = shown(data)
        assert found.cut
        assert len(found.text) < 5000
        assert found.size == len(data)


def test_json_nested_beyond_reason_is_text() -> None:
    assert shown(b"[" * 100_000).kind == "text"


def test_numbers_and_sizes() -> None:
    assert [spanish.number(value) for value in (0, 9999, 10_000, 1_234_567)] == [
        "0",
        "9999",
        "10\u202f000",
        "1\u202f234\u202f567",
    ]
    assert [spanish.size(value) for value in (0, 1, 999, 1000, 3_400_000)] == [
        "0 bytes",
        "1 byte",
        "999 bytes",
        "1,0 kB",
        "3,4 MB",
    ]
    assert spanish.plural(1, "mensaje", "mensajes") == "1 mensaje"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "ahora mismo"),
        (12, "hace 12 s"),
        (200, "hace 3 min"),
        (7300, "hace 2 h"),
        (86_400, "hace 1 día"),
        (900_000, "hace 10 días"),
    ],
)
def test_ago(seconds: float, text: str) -> None:
    assert spanish.ago(1_000_000_000, now=1_000_000 + seconds) == text


def test_a_future_date_is_said_whole() -> None:
    assert spanish.ago(2_000_000_000, now=1_000_000) == spanish.moment(2_000_000_000)
    assert spanish.moment(1_700_000_000_123).endswith(",123")
