"""Las piezas del suplente de Prometheus: la configuración, el texto de las métricas, el almacén y PromQL."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from stack.prometheus.embedded.config import read
from stack.prometheus.embedded.exposition import BadExposition, media_type, metadata, parse
from stack.prometheus.embedded.fields import ConfigProblem
from stack.prometheus.embedded.promql import (
    STALE,
    BadQuery,
    ExecutionError,
    Matcher,
    NotCovered,
    Scalar,
    Vector,
    is_stale,
    query,
    query_range,
)
from stack.prometheus.embedded.storage import Storage, key_of


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("globall: {}", "globall"),
        ("scrape_configs: [{job_nam: x}]", "scrape_configs[0].job_nam"),
        ("scrape_configs: [{job_name: x, static_configs: [{objetivos: []}]}]", "static_configs[0].objetivos"),
        ("global: {scrape_interval: pronto}\nscrape_configs: [{job_name: x}]", "scrape_interval"),
        ("scrape_configs: [{job_name: x}, {job_name: x}]", "scrape_configs[1].job_name"),
        ("scrape_configs: [{job_name: x, kubernetes_sd_configs: []}]", "scrape_configs[0].kubernetes_sd_configs"),
        ("scrape_configs: [{job_name: x, static_configs: {}}]", "scrape_configs[0].static_configs"),
        ("scrape_configs: [{job_name: x, static_configs: [{targets: [a/b]}]}]", "static_configs[0].targets[0]"),
        ("scrape_configs: [{job_name: x, scrape_interval: 1s, scrape_timeout: 2s}]", "[0].scrape_timeout"),
        ("scrape_configs: [{job_name: x, honor_labels: quizá}]", "scrape_configs[0].honor_labels"),
        ("scrape_configs: [{job_name: x, sample_limit: -1}]", "scrape_configs[0].sample_limit"),
        ("scrape_configs: [{job_name: x, scheme: https}]", "scrape_configs[0].scheme"),
        (
            "scrape_configs: [{job_name: x, relabel_configs: [{action: tirar}]}]",
            "scrape_configs[0].relabel_configs[0].action",
        ),
        ("scrape_configs: [{job_name: x, relabel_configs: [{regex: '('}]}]", "relabel_configs[0]"),
        ("scrape_configs: [{job_name: x, consul_sd_configs: [{token: x}]}]", "consul_sd_configs[0].token"),
        ("alerting: {}", "alerting"),
        ("a: [", "prometheus.yml"),
    ],
)
def test_a_bad_configuration_names_its_field(tmp_path: Path, text: str, field: str) -> None:
    (tmp_path / "prometheus.yml").write_text(text, "utf-8")
    with pytest.raises(ConfigProblem, match=re.escape(field)):
        read(tmp_path / "prometheus.yml")


def test_the_timeout_never_exceeds_the_interval(tmp_path: Path) -> None:
    (tmp_path / "p.yml").write_text(
        "scrape_configs: [{job_name: x, scrape_interval: 1m30s, static_configs: [{targets: ['a:1']}]}]", "utf-8"
    )
    (target,) = read(tmp_path / "p.yml").targets
    assert (target.job.interval_s, target.job.timeout_s) == (90.0, 10.0)
    assert target.url == "http://a:1/metrics"


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8), st.floats(allow_nan=False), max_size=4
    )
)
def test_the_parser_reads_what_the_library_writes(samples: dict[str, float]) -> None:
    registry = CollectorRegistry()
    gauge = Gauge("medida", "Una medida.", ["quien"], registry=registry)
    for name, value in samples.items():
        gauge.labels(name).set(value)
    text = generate_latest(registry).decode()
    theirs = [
        ({k: v for k, v in {"__name__": one.name, **one.labels}.items() if v}, one.value)
        for family in text_string_to_metric_families(text)
        for one in family.samples
    ]
    assert [(one.labels, one.value) for one in parse(text)] == theirs


@pytest.mark.parametrize("line", ["hola", "a{b=c} 1", 'a{b="c" 1', "a uno", "1a 2"])
def test_a_bad_line_is_refused(line: str) -> None:
    with pytest.raises(BadExposition, match="línea 1"):
        list(parse(line))


@pytest.mark.parametrize(
    ("line", "labels", "value", "at_ms"),
    [
        ("a 1", {}, 1, None),
        ("a 1 1700", {}, 1, 1700),
        ('a{b="c"} 2.5e3', {"b": "c"}, 2500, None),
        ('a { b = "c" , } 3 1700', {"b": "c"}, 3, 1700),
        ('a{b="x # y} 1"} 4', {"b": "x # y} 1"}, 4, None),
        (r'a{b="di\"ce\n\\"} 5', {"b": 'di"ce\n\\'}, 5, None),
        ('a{b=""} 6', {}, 6, None),
        ('a_bucket{le="1"} 7 # {trace_id="f00"} 0.5', {"le": "1.0"}, 7, None),
        ('a_bucket{le="1000000"} 8', {"le": "1e+06"}, 8, None),
        ('a_bucket{le="+Inf"} 9', {"le": "+Inf"}, 9, None),
        ('a_bucket{le="0.00005"} 9', {"le": "5e-05"}, 9, None),
        ('a{quantile="0.50"} 9', {"quantile": "0.5"}, 9, None),
        ('a{le="1"} 9', {"le": "1"}, 9, None),
        ("a +Inf", {}, math.inf, None),
    ],
)
def test_every_kind_of_line(line: str, labels: dict[str, str], value: float, at_ms: int | None) -> None:
    (sample,) = parse(line)
    name = sample.labels.pop("__name__")
    assert (name.removesuffix("_bucket"), sample.labels, sample.value, sample.at_ms) == ("a", labels, value, at_ms)


def test_openmetrics_counts_in_seconds_and_must_be_whole() -> None:
    (sample,) = parse("a_total 1 1700.5\n# EOF\n", openmetrics=True)
    assert sample.at_ms == 1_700_500
    with pytest.raises(BadExposition, match="EOF"):
        list(parse("a_total 1\n", openmetrics=True))


def test_what_a_metric_says_of_itself() -> None:
    text = "# HELP a_total Cosas. # y más\n# TYPE a_total counter\n# comentario\n# TYPE b gauge\na_total 1\n"
    assert [(one.name, one.kind, one.help) for one in metadata(text)] == [
        ("a_total", "counter", "Cosas. # y más"),
        ("b", "gauge", ""),
    ]


def test_only_known_content_types() -> None:
    assert media_type("text/plain; version=0.0.4") == "text/plain"
    assert media_type("application/openmetrics-text; version=1.0.0") == "application/openmetrics-text"
    assert not media_type("text/html")
    assert not media_type(None)


def test_the_storage_is_bounded_in_time_and_series() -> None:
    storage = Storage(keep_ms=1000, max_series=2)
    assert storage.append({"__name__": "a"}, 0, 1)
    assert storage.append({"__name__": "b"}, 5000, 1)
    assert not storage.append({"__name__": "c"}, 5000, 1)
    assert not storage.append({"__name__": "b"}, 4000, 1)
    storage.forget_before(5500)
    assert len(storage) == 1
    assert [one.labels["__name__"] for one in storage.select([], 0, 9999)] == ["b"]


def test_the_storage_forgets_the_oldest_when_it_is_full() -> None:
    storage = Storage(max_samples=1000)
    for at_ms in range(5000):
        assert storage.append({"__name__": "a"}, at_ms, at_ms)
        assert storage.append({"__name__": "b"}, at_ms, at_ms)
        assert storage.samples <= 1000
    kept = [list(one.times) for one in storage.select([], 0, 9999)]
    assert [times[-1] for times in kept] == [4999, 4999]
    assert sum(len(times) for times in kept) == storage.samples
    assert len(kept[0]) > 300


@pytest.fixture(scope="module")
def data() -> Storage:
    storage = Storage()
    for second in range(0, 61, 10):
        storage.append({"__name__": "c", "k": "x"}, second * 1000, float(second))
        storage.append({"__name__": "c", "k": "y"}, second * 1000, float(second * 2 % 70))
    storage.append({"__name__": "info", "k": "x", "color": "rojo"}, 60_000, 1)
    for le, value in (("1.0", 2), ("2.0", 6), ("+Inf", 8)):
        storage.append({"__name__": "h_bucket", "le": le}, 60_000, value)
    return storage


def numbers(storage: Storage, text: str, at_ms: int = 60_000) -> list[float]:
    value = query(text, storage, at_ms)
    if isinstance(value, Scalar):
        return [value.value]
    assert isinstance(value, Vector)
    return [one.value for one in value.samples]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('c{k="x"}', [60]),
        ('c{k!="x"}', [50]),
        ('c{k=~"x|z"} offset 20s', [40]),
        ('c{k="x"} @ 30', [30]),
        ("c offset 10m", []),
        ('rate(c{k="x"}[30s])', [1]),
        ('increase(c{k="x"}[30s])', [30]),
        ('increase(c{k="y"}[1m])', [pytest.approx(108)]),
        ('resets(c{k="y"}[1m])', [1]),
        ('irate(c{k="x"}[1m])', [1]),
        ('avg_over_time(c{k="x"}[30s])', [50]),
        ('count_over_time(c{k="x"}[30s])', [3]),
        ('quantile_over_time(0.5, c{k="x"}[30s])', [50]),
        ('deriv(c{k="x"}[1m])', [pytest.approx(1)]),
        ('predict_linear(c{k="x"}[1m], 60)', [pytest.approx(120)]),
        ("sum(c)", [110]),
        ("count by (k) (c)", [1, 1]),
        ("topk(1, c)", [60]),
        ("quantile(0.5, c)", [55]),
        ("c > 55", [60]),
        ("c > bool 55", [1, 0]),
        ("c * on(k) group_left(color) info", [60]),
        ("c and on(k) info", [60]),
        ("c unless on(k) info", [50]),
        ("sum(c or info)", [111]),
        ("2 ^ 3 - 1 % 2", [7]),
        ("1 / 0", [math.inf]),
        ("histogram_quantile(0.5, h_bucket)", [1.5]),
        ("histogram_quantile(0.99, h_bucket)", [2]),
        ('max_over_time(c{k="x"}[1m:20s])', [60]),
        ("absent(nadie)", [1]),
        ("absent(c)", []),
        ("scalar(info)", [1]),
        ("time()", [60]),
        ("timestamp(info)", [60]),
        ("minute(vector(3661))", [1]),
        ("round(vector(2.5))", [3]),
        ("clamp(c, 0, 55)", [55, 50]),
        ('-c{k="x"}', [-60]),
    ],
)
def test_promql(data: Storage, text: str, expected: list[float]) -> None:
    assert numbers(data, text) == expected


def test_labels_that_come_and_go(data: Storage) -> None:
    value = query(
        'label_replace(c * on(k) group_left(color) info, "inicial", "$1", "color", "(.).*")', data, 60_000
    )
    assert isinstance(value, Vector)
    assert [one.labels for one in value.samples] == [{"k": "x", "color": "rojo", "inicial": "r"}]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("sum(", BadQuery),
        ("rate(c)", BadQuery),
        ('c{k=~"("}', BadQuery),
        ("c + on() c", ExecutionError),
        ("sum_over_time(c[1m:])[5m]", BadQuery),
        ("mad_over_time(c[1m])", NotCovered),
        ("rate(c[1m + 30s])", NotCovered),
        ("c offset step()", NotCovered),
        ("rate(c[1m] anchored)", NotCovered),
        ("c > 1_000", NotCovered),
        ("a1_2 >", BadQuery),
        (r'c{k=~"\\pL"}', NotCovered),
    ],
)
def test_what_cannot_be_answered_is_said(data: Storage, text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        query(text, data, 60_000)


def test_stale_series_are_not_there_and_still_have_history() -> None:
    storage = Storage()
    storage.append({"__name__": "a"}, 1000, 1)
    storage.mark_stale([key_of({"__name__": "a"})], 2000)
    assert is_stale(STALE)
    assert not is_stale(math.nan)
    assert numbers(storage, "a", 1500) == [1]
    assert numbers(storage, "a", 2500) == []
    assert numbers(storage, "count_over_time(a[10s])", 2500) == [1]


def test_a_range_query_walks_the_steps(data: Storage) -> None:
    matrix = query_range('c{k="x"} * 2', data, 0, 60_000, 20_000)
    assert [point for _, points in matrix.series for point in points] == [
        (0, 0.0),
        (20_000, 40.0),
        (40_000, 80.0),
        (60_000, 120.0),
    ]


def test_matchers_are_anchored() -> None:
    assert Matcher("a", "=~", "b").matches("b")
    assert not Matcher("a", "=~", "b").matches("abc")
    assert Matcher("a", "!~", "b").matches("abc")
