"""Duraciones, atributos e identificadores tal como llegan en un URL, y escritos para una persona."""

from __future__ import annotations

import pytest

from stack.jaeger.embedded import query, wording
from stack.jaeger.embedded.models import Kind
from tests.support.spans import MS, span


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("250ms", 250 * MS),
        ("1.5s", 1500 * MS),
        ("1h30m", 5400 * 10**9),
        (".5us", 500),
        ("3µs", 3000),
        ("7ns", 7),
        ("2m3s", 123 * 10**9),
    ],
)
def test_durations_are_read_as_go_writes_them(text: str, ns: int) -> None:
    assert query.duration_ns(text) == ns


@pytest.mark.parametrize("text", ["", "5", "ms", "-3s", "1.2.3s", "2 s", "1d"])
def test_what_is_not_a_duration_says_so(text: str) -> None:
    with pytest.raises(query.BadQuery, match="duración"):
        query.duration_ns(text)


@pytest.mark.parametrize(
    ("wanted", "accepted"),
    [
        ({"error": "true"}, True),
        ({"error": "false"}, False),
        ({"span.kind": "server"}, True),
        ({"span.kind": "client"}, False),
        ({"otel.status_code": "ERROR"}, True),
        ({"color": "azul", "host.name": "portátil"}, True),
        ({"color": "rojo"}, False),
        ({"no.está": ""}, False),
    ],
)
def test_attributes_are_looked_for_in_the_span_and_in_its_process(wanted: dict[str, str], accepted: bool) -> None:
    found = span(kind=Kind.SERVER, error=True, attributes={"color": "azul"}, resource={"host.name": "portátil"})

    condition = query.having(wanted)

    assert condition is not None
    assert condition(found) is accepted


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (7, "7 ns"),
        (350_000, "350 µs"),
        (999_600, "1 ms"),
        (12_345_678, "12,3 ms"),
        (1_240_000_000, "1,24 s"),
        (59_970_000_000, "1 min 0 s"),
        (125 * 10**9, "2 min 5 s"),
        (3 * 3600 * 10**9 + 60 * 10**9, "3 h 1 min"),
        (-2 * MS, "−2 ms"),
    ],
)
def test_durations_are_written_in_spanish(ns: int, text: str) -> None:
    assert wording.duration(ns).replace("\N{NO-BREAK SPACE}", " ") == text


def test_numbers_and_moments_are_written_in_spanish() -> None:
    plain = str.maketrans({"\N{NO-BREAK SPACE}": " ", "\N{NARROW NO-BREAK SPACE}": " "})
    assert [wording.number(amount).translate(plain) for amount in (9999, 12345)] == ["9999", "12 345"]
    assert wording.percent(0.001).translate(plain) == "< 1 %"
    ages = (1, 40, 200, 7300, 4 * 86400)
    written = [wording.ago(0, age * 10**9).translate(plain) for age in ages]
    assert written == ["ahora mismo", "hace 40 s", "hace 3 min", "hace 2 h", "hace 4 días"]
