"""Lo que en Prometheus depende del orden y del redondeo: sumas, empates y fechas imposibles."""

from __future__ import annotations

import calendar
import math
from datetime import UTC, datetime

import pytest

from stack.prometheus.embedded.promql import Sample
from stack.prometheus.embedded.promql.dates import DATES
from stack.prometheus.embedded.promql.ranking import best
from stack.prometheus.embedded.promql.summing import line, mean, total
from tests.support.promql_data import answer, loaded


def test_what_a_sum_loses_is_kept_aside() -> None:
    assert total([1.0, 1e100, 1.0, -1e100]) == 2.0
    assert total([5.0, math.inf]) == math.inf
    assert math.isnan(total([math.inf, -math.inf]))
    assert mean([1e308, 1e308]) == 1e308
    assert math.isnan(line([0, 1], [math.inf, math.inf])[0])


@pytest.mark.parametrize(
    ("op", "count", "kept"),
    [
        ("topk", 5, "iaefc"),
        ("topk", 8, "ieahfcdb"),
        ("bottomk", 5, "gdjbc"),
        ("bottomk", 8, "gjbdhcfe"),
        ("bottomk", 11, "gdjbcfhaiek"),
    ],
)
def test_ties_are_broken_as_the_heap_of_go_does(op: str, count: int, kept: str) -> None:
    values = dict(zip("abcdefghijk", (3, 1, 2, 1, 3, 2, 0, 2, 3, 1, math.nan), strict=True))
    members = [Sample({"n": name}, 0, float(value)) for name, value in values.items()]

    assert "".join(one.labels["n"] for one in best(op, members, count)) == kept


def test_dates_agree_with_the_calendar() -> None:
    for seconds in range(-5_000_000_000, 5_000_000_000, 3_456_789):
        at = datetime.fromtimestamp(seconds, UTC)
        assert {name: part(seconds + 0.5 * (seconds >= 0)) for name, part in DATES.items()} == {
            "minute": at.minute,
            "hour": at.hour,
            "day_of_week": at.isoweekday() % 7,
            "day_of_month": at.day,
            "day_of_year": at.timetuple().tm_yday,
            "days_in_month": calendar.monthrange(at.year, at.month)[1],
            "month": at.month,
            "year": at.year,
        }


@pytest.mark.parametrize(
    ("value", "year", "weekday"), [(0.0, 1970, 4), (-1.0, 1969, 3), (1e11, 5138, 3), (math.nan, 292277026596, 0)]
)
def test_dates_are_those_of_go(value: float, year: int, weekday: int) -> None:
    assert (DATES["year"](value), DATES["day_of_week"](value)) == (year, weekday)


def test_two_series_are_one_too_many_even_if_the_comparison_drops_them() -> None:
    storage = loaded(10, {"m{a=1,b=1}": "0 0", "m{a=1,b=2}": "0 0", "n{a=1}": "5 5"})

    with pytest.raises(ValueError, match="many-to-one"):
        answer(storage, "m > on(a) n", 10)


def test_a_fraction_of_a_histogram() -> None:
    storage = loaded(10, {"h_bucket{le=0.1}": "2 2", "h_bucket{le=1}": "6 6", "h_bucket{le=+Inf}": "8 8"})

    assert answer(storage, "histogram_fraction(0, 0.55, h_bucket)", 10) == {"": 0.5}
    assert answer(storage, "histogram_fraction(1, +Inf, h_bucket)", 10) == {"": 0.25}
    assert answer(storage, "histogram_count(h_bucket)", 10) == {}


def test_half_is_rounded_up() -> None:
    storage = loaded(10, {"m{n=1}": "0.5", "m{n=2}": "-0.5", "m{n=3}": "2.5"})

    assert answer(storage, "round(m)", 0) == {"{n=1}": 1.0, "{n=2}": 0.0, "{n=3}": 3.0}
    assert answer(storage, "round(m, 5)", 0)["{n=3}"] == 5.0
