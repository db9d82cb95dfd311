"""Variables de un tablero: de dónde salen y cómo se escriben en una consulta o en un enlace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from stack.grafana.embedded.interpolation import Chosen, Values, fill
from stack.grafana.embedded.models import Dashboard, Datasource, Library
from stack.grafana.embedded.prometheus import Prometheus
from stack.grafana.embedded.times import TimeRange
from stack.grafana.embedded.variables import ALL, Variable, resolve
from tests.support.prometheus_api import FakePrometheus, fake_prometheus

TIME = TimeRange(1_000_000, 1_060_000)
PROM = {"type": "prometheus", "uid": "prometheus"}


@pytest.fixture(scope="module")
def prometheus() -> Iterator[FakePrometheus]:
    with fake_prometheus(
        label_values={"job": ["uploads", "kong"], "__name__": ["up", "http_requests_total"]}
    ) as fake:
        yield fake


def solved(
    prometheus: FakePrometheus, *items: Mapping[str, Any], asked: Mapping[str, list[str]] | None = None
) -> tuple[list[Variable], Values]:
    library = Library((Datasource(1, "prometheus", "Prometheus", "prometheus", prometheus.url, default=True),))
    board = Dashboard(1, "u", "t", {"templating": {"list": list(items)}}, "f")
    return resolve(board, library, Prometheus(), asked or {}, TIME)


def query(text: str, **more: Any) -> dict[str, Any]:
    return {"name": "job", "type": "query", "datasource": PROM, "query": {"query": text, "refId": "A"}, **more}


def test_label_values_come_from_prometheus_sorted(prometheus: FakePrometheus) -> None:
    (variable,), values = solved(prometheus, query("label_values(up, job)", sort=1))
    assert variable.options == (("kong", "kong"), ("uploads", "uploads"))
    assert fill('up{job="$job"}', values) == 'up{job="kong"}'
    assert prometheus.asked[-1][2]["match[]"] == ["up"]


def test_metrics_and_regex_with_a_group(prometheus: FakePrometheus) -> None:
    (variable,), _ = solved(prometheus, query("metrics(http)", regex="/(.*)_total/"))
    assert variable.options == (("http_requests", "http_requests"),)


def test_all_is_every_option_as_a_regex(prometheus: FakePrometheus) -> None:
    item = query("label_values(job)", includeAll=True, multi=True, current={"value": [ALL]})
    (variable,), values = solved(prometheus, item)
    assert variable.options[0] == ("Todos", ALL)
    assert fill('up{job=~"$job"}', values) == 'up{job=~"(uploads|kong)"}'


def test_all_value_is_written_as_it_is(prometheus: FakePrometheus) -> None:
    _, values = solved(prometheus, query("label_values(job)", includeAll=True, allValue=".+"))
    assert fill("${job}", values) == ".+"


def test_the_address_wins_over_what_was_saved(prometheus: FakePrometheus) -> None:
    item = query("label_values(job)", multi=True, current={"value": ["kong"]})
    _, values = solved(prometheus, item, asked={"job": ["uploads", "ko.ng"]})
    assert fill('{job=~"$job"}', values) == r'{job=~"(uploads|ko\\.ng)"}'


def test_custom_interval_and_constant(prometheus: FakePrometheus) -> None:
    variables, values = solved(
        prometheus,
        {"name": "size", "type": "custom", "query": "Pequeña : 64, 128"},
        {"name": "paso", "type": "interval", "query": "10s,1m", "current": {"value": "1m"}},
        {"name": "nivel", "type": "constant", "query": "7"},
    )
    assert variables[0].options == (("Pequeña", "64"), ("128", "128"))
    assert fill("$size [$paso] ${nivel}", values) == "64 [1m] 7"
    assert [variable.hidden for variable in variables] == [False, False, True]


def test_one_variable_may_use_another(prometheus: FakePrometheus) -> None:
    metric = {"name": "metrica", "type": "custom", "query": "up"}
    solved(prometheus, metric, query("label_values($metrica, job)"))
    assert prometheus.asked[-1][2]["match[]"] == ["up"]


def test_unknown_query_and_unknown_type_say_so(prometheus: FakePrometheus) -> None:
    variables, _ = solved(prometheus, query("magia()"), {"name": "x", "type": "groupby"})
    assert "magia()" in variables[0].problem
    assert "groupby" in variables[1].problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$v", "a b"),
        ("[[v]]", "a b"),
        ("${v:percentencode}", "a%20b"),
        ("${v:queryparam}", "var-v=a%20b"),
        ("${v:doublequote}", '"a b"'),
        ("$no_existe ${__otra.cosa}", "$no_existe ${__otra.cosa}"),
        ("$__interval", "5s"),
    ],
)
def test_formats(text: str, expected: str) -> None:
    values = Values({"v": Chosen(("a b",))}, {"__interval": "5s"})
    assert fill(text, values) == expected


def test_links_are_encoded() -> None:
    values = Values({"v": Chosen(("a&b",))}, {"__value.raw": "x y"})
    assert fill("http://h/$v?q=${__value.raw}", values, link=True) == "http://h/a%26b?q=x%20y"
