"""Qué muestras ve cada selector: condiciones, memoria de cinco minutos, `offset`, `@`, subconsultas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from stack.prometheus.embedded.promql import BadQuery, Matcher, NotCovered, Series, query, query_range
from stack.prometheus.embedded.storage import Storage
from tests.support.promql_data import answer, loaded, same

LINES = loaded(10, {"m{job=1}": "0+1x1000", "m{job=2}": "0+2x1000", "n{a=x}": "0+1x100"})
STALE = loaded(10, {"m": "0 1 stale 2"})
TWO = loaded(10, {"m": "1 2"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('m{job="1"}', {"m{job=1}": 10}),
        ('m{job!="1"}', {"m{job=2}": 20}),
        ('{__name__=~"m|n",job=""}', {"n{a=x}": 10}),
        ('m{job=~".*",nada=""}', {"m{job=1}": 10, "m{job=2}": 20}),
        ('m{job!~"1|3"}', {"m{job=2}": 20}),
        ('m{job=~"[[:digit:]]"}', {"m{job=1}": 10, "m{job=2}": 20}),
        ('m{nada!=""}', {}),
        ("m @ 50", {"m{job=1}": 5, "m{job=2}": 10}),
        ("m @ 100 offset 50s", {"m{job=1}": 5, "m{job=2}": 10}),
        ("m offset 50s @ 100", {"m{job=1}": 5, "m{job=2}": 10}),
        ("m @ 100 offset -50s", {"m{job=1}": 15, "m{job=2}": 30}),
        ("m @ -5", {}),
        ("sum(m @ end()) - sum(m @ start())", {"": 0}),
        ('sum_over_time(m{job="1"}[100s] @ 100)', {"{job=1}": 55}),
        ('sum_over_time(m{job="1"}[100s:1s] @ 100)', {"{job=1}": 460}),
        ('sum_over_time(m{job="1"}[100s] @ -5)', {}),
        ("timestamp((n offset 3s))", {"{a=x}": 90}),
    ],
)
def test_selectors(text: str, expected: dict[str, float]) -> None:
    assert same(answer(LINES, text, 100), expected)


@pytest.mark.parametrize(
    ("at_s", "text", "expected"),
    [
        (10, "m", {"m": 1}),
        (20, "m", {}),
        (30, "m", {"m": 2}),
        (329.999, "m", {"m": 2}),
        (330, "m", {}),
        (10, "count_over_time(m[10s])", {"": 1}),
        (20, "count_over_time(m[10s])", {}),
        (20, "count_over_time(m[20s])", {"": 1}),
        (30, "count_over_time(m[40s])", {"": 3}),
        (30, "absent_over_time(m[10s] offset 10s)", {"": 1}),
    ],
)
def test_staleness_and_lookback(at_s: float, text: str, expected: dict[str, float]) -> None:
    assert same(answer(STALE, text, at_s), expected)


@pytest.mark.parametrize(
    ("at_s", "text", "expected"),
    [
        (10, "sum_over_time(m[50s:10s])", 3),
        (20, "sum_over_time(m[50s:10s])", 5),
        (20, "sum_over_time(m[50s:5s])", 8),
        (20, "sum_over_time(m[50s:5s] offset 6s)", 4),
        (22, "count_over_time(m[10s:5s])", 2),
        (60, "sum_over_time(m[61s:])", 3),
        (20, "max_over_time(sum_over_time(m[20s:5s])[10s:5s])", 7),
    ],
)
def test_subquery_steps_are_aligned(at_s: float, text: str, expected: float) -> None:
    assert same(answer(TWO, text, at_s), {"": expected})


def test_a_range_in_parentheses_is_still_a_range() -> None:
    assert answer(LINES, '(m{job="1"}[20s])', 30) == [(20_000, 2.0), (30_000, 3.0)]


def test_start_and_end_are_those_of_the_query() -> None:
    matrix = query_range(
        'm{job="1"} @ end() - m{job="1"} @ start() + 0 * m{job="1"}', LINES, 20_000, 60_000, 20_000
    )
    assert matrix.series == [({"job": "1"}, [(20_000, 4.0), (40_000, 4.0), (60_000, 4.0)])]


def test_a_scalar_over_time_is_a_series_without_labels() -> None:
    assert query_range("time()", LINES, 0, 2000, 1000).series == [({}, [(0, 0.0), (1000, 1.0), (2000, 2.0)])]


class _Counting:
    """Un almacén que apunta lo que le piden."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Iterable[Series]:
        self.asked.append((start_ms, end_ms))
        return [Series({"__name__": "x"}, [1000], [1.0])]


def test_each_selector_is_read_once_and_only_what_it_needs() -> None:
    storage = _Counting()
    query_range("x + max_over_time(rate(x[1m] offset 10s)[10m:1m])", storage, 1_000_000, 2_000_000, 1000)
    assert storage.asked == [(700_000, 2_000_000), (1_000_000 - 670_000, 1_990_000)]


@pytest.mark.parametrize("text", ["{}", '{a=""}', "m[5m", "sum(m[5m])", "1 > 2", "m and 1", "m[1m:0s]", "abs(1)"])
def test_bad_queries(text: str) -> None:
    with pytest.raises(BadQuery):
        query(text, LINES, 0)


@pytest.mark.parametrize("text", ["m[1m]", "(m[1m:10s])", '"hola"'])
def test_a_range_query_needs_numbers(text: str) -> None:
    with pytest.raises(BadQuery, match="must be Scalar or instant Vector"):
        query_range(text, LINES, 0, 1, 1)


@pytest.mark.parametrize(
    "text",
    [
        'sort_by_label(m, "a")',
        "info(m)",
        "mad_over_time(m[1m])",
        "limitk(1, m)",
        "m + fill(0) m",
        "+".join(["1"] * 200),
        "(" * 20_000 + "1" + ")" * 20_000,
    ],
    ids=lambda text: text[:12],
)
def test_what_is_not_covered_says_so(text: str) -> None:
    with pytest.raises(NotCovered, match="este suplente"):
        query(text, LINES, 0)


def test_an_empty_storage_answers_nothing() -> None:
    assert answer(Storage(), "sum(rate(m[5m]))", 0) == {}
