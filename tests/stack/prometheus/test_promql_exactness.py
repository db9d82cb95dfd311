"""Lo que en Prometheus depende del orden y del redondeo: sumas, empates y fechas imposibles."""

from __future__ import annotations

import math

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
    ("op", "count", "kept"), [("topk", 2, "cb"), ("topk", 3, "bca"), ("bottomk", 2, "da"), ("bottomk", 9, "dabce")]
)
def test_ties_are_broken_as_the_heap_of_go_does(op: str, count: int, kept: str) -> None:
    values = {"a": 1.0, "b": 2.0, "c": 2.0, "d": 1.0, "e": math.nan}
    members = [Sample({"n": name}, 0, value) for name, value in values.items()]

    assert "".join(one.labels["n"] for one in best(op, members, count)) == kept


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
