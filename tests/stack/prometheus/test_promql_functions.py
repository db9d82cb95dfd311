"""Las funciones de PromQL, con números comprobados a mano."""

from __future__ import annotations

import math

import pytest

from stack.prometheus.embedded.promql import ExecutionError, query
from tests.support.promql_data import answer, loaded, same

NAN, INF = math.nan, math.inf

COUNTERS = loaded(
    300,
    {
        "r{p=foo}": "1 2 3 0 1 0 0 1 2 0",
        "r{p=bar}": "1 2 3 4 5 1 2 3 4 5",
        "r{p=biz}": "0 0 0 0 0 1 1 1 1 1",
        "c{p=foo}": "0+10x10",
        "c{p=bar}": "0+18x5 0+18x5",
        "late": "_ _ _ _ _ _ _ _ 100+10x2",
        "one": "_ _ _ _ _ _ _ _ _ _ 7",
        "g{p=up}": "0 50 100 150 200",
        "g{p=down}": "200 150 100 50 0",
        "reset": "0+10x4 0+10x5",
        "flat": "3+0x10",
    },
)


@pytest.mark.parametrize(
    ("at_min", "text", "expected"),
    [
        (50, "resets(r[50m])", {"{p=foo}": 3, "{p=bar}": 1, "{p=biz}": 0}),
        (50, "changes(r[50m])", {"{p=foo}": 7, "{p=bar}": 8, "{p=biz}": 1}),
        (50, "increase(c[50m])", {"{p=foo}": 100, "{p=bar}": 160}),
        (50, "rate(c[50m])", {"{p=foo}": 100 / 3000, "{p=bar}": 160 / 3000}),
        # Lejos del borde: la mitad de la distancia media (2,5 min), no los 40 min que faltan.
        (50, "increase(late[50m])", {"": 20 * 12.5 / 10}),
        (50, "rate(one[50m])", {}),
        (20, "delta(g[20m])", {"{p=up}": 200, "{p=down}": -200}),
        (20, "idelta(g[20m])", {"{p=up}": 50, "{p=down}": -50}),
        (50, "irate(c[50m])", {"{p=foo}": 10 / 300, "{p=bar}": 18 / 300}),
        (30, "irate(c[50m])", {"{p=foo}": 10 / 300, "{p=bar}": 0}),
        (50, "deriv(reset[55m])", {"": 0.010606060606060607}),
        (50, "predict_linear(reset[55m], 3600)", {"": 76.81818181818181}),
        (50, "deriv(flat[30m])", {"": 0}),
    ],
)
def test_counters_and_slopes(at_min: int, text: str, expected: dict[str, float]) -> None:
    assert same(answer(COUNTERS, text, at_min * 60), expected)


WINDOW = loaded(
    10,
    {
        "v": "0 8 8 2 3",
        "gaps": "NaN 1 NaN 2",
        "q{n=dos}": "0 1",
        "q{n=tres}": "0 1 2",
        "q{n=desigual}": "0 1 4",
        "both": "Inf -Inf",
        "huge": "1e308 1e308 1e308",
    },
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("stdvar_over_time(v[2m])", {"": 10.56}),
        ("stddev_over_time(v[2m])", {"": 3.249615361854384}),
        ("avg_over_time(v[2m])", {"": 4.2}),
        ("sum_over_time(v[2m])", {"": 21}),
        ("min_over_time(v[2m])", {"": 0}),
        ("max_over_time(gaps[2m])", {"": 2}),
        ("min_over_time(gaps[2m])", {"": 1}),
        ("changes(gaps[2m])", {"": 3}),
        ("first_over_time(v[2m])", {"v": 0}),
        ("last_over_time(v[2m])", {"v": 3}),
        ("present_over_time(v[2m])", {"": 1}),
        ("quantile_over_time(0.8, q[2m])", {"{n=dos}": 0.8, "{n=tres}": 1.6, "{n=desigual}": 2.8}),
        ('quantile_over_time(-1, q{n="dos"}[2m])', {"{n=dos}": -INF}),
        ('quantile_over_time(2, q{n="dos"}[2m])', {"{n=dos}": INF}),
        ("sum_over_time(both[2m])", {"": NAN}),
        ("sum_over_time(huge[2m])", {"": INF}),
        ("avg_over_time(huge[2m])", {"": 1e308}),
        ('absent_over_time(v{a="b"}[2m])', {"{a=b}": 1}),
        ("absent_over_time(v[2m])", {}),
    ],
)
def test_over_time(text: str, expected: dict[str, float]) -> None:
    assert same(answer(WINDOW, text, 60), expected)


HISTOGRAMS = loaded(
    300,
    {
        "h_bucket{le=0.1,s=pos}": "0+5x10",
        "h_bucket{le=.2,s=pos}": "0+7x10",
        "h_bucket{le=1e0,s=pos}": "0+11x10",
        "h_bucket{le=+Inf,s=pos}": "0+12x10",
        "h_bucket{le=-.2,s=neg}": "0+1x10",
        "h_bucket{le=-0.1,s=neg}": "0+2x10",
        "h_bucket{le=0.3,s=neg}": "0+2x10",
        "h_bucket{le=+Inf,s=neg}": "0+3x10",
        "bumpy_bucket{le=0.1}": "0+2x10",
        "bumpy_bucket{le=1}": "0+1x10",
        "bumpy_bucket{le=10}": "0+5x10",
        "bumpy_bucket{le=100}": "0+4x10",
        "bumpy_bucket{le=1000}": "0+9x10",
        "bumpy_bucket{le=+Inf}": "0+8x10",
        "endless_bucket{le=1}": "0+2x10",
        "endless_bucket{le=2}": "0+2x10",
        "empty_bucket{le=1}": "0+0x10",
        "empty_bucket{le=+Inf}": "0+0x10",
        "hollow_bucket{le=1}": "0+0x10",
        "hollow_bucket{le=2}": "0+4x10",
        "hollow_bucket{le=+Inf}": "0+4x10",
    },
)


@pytest.mark.parametrize(
    ("q", "metric", "expected"),
    [
        ("-0.1", "h", {"{s=pos}": -INF, "{s=neg}": -INF}),
        ("1.01", "h", {"{s=pos}": INF, "{s=neg}": INF}),
        ("NaN", "h", {"{s=pos}": NAN, "{s=neg}": NAN}),
        ("0", "h", {"{s=pos}": 0, "{s=neg}": -0.2}),
        ("1", "h", {"{s=pos}": 1, "{s=neg}": 0.3}),
        ("0.2", "h", {"{s=pos}": 0.048, "{s=neg}": -0.2}),
        ("0.5", "h", {"{s=pos}": 0.15, "{s=neg}": -0.15}),
        ("0.8", "h", {"{s=pos}": 0.72, "{s=neg}": 0.3}),
        ("0.01", "bumpy", {"": 0.0045}),
        ("0.5", "bumpy", {"": 8.5}),
        ("0.99", "bumpy", {"": 979.75}),
        ("0.5", "endless", {"": NAN}),
        ("0.5", "empty", {"": NAN}),
        ("0", "hollow", {"": NAN}),
        ("0.5", "hollow", {"": 1.5}),
    ],
)
def test_histogram_quantile(q: str, metric: str, expected: dict[str, float]) -> None:
    assert same(answer(HISTOGRAMS, f"histogram_quantile({q}, {metric}_bucket)", 3000), expected)


def test_two_histograms_are_never_mixed() -> None:
    with pytest.raises(ExecutionError, match="same labelset"):
        query('histogram_quantile(0.5, {__name__=~"bumpy_bucket|endless_bucket"})', HISTOGRAMS, 3_000_000)


INSTANT = loaded(10, {"x{s=a}": "-50", "x{s=b}": "0", "x{s=c}": "100", "t{src=valor-10,dst=antes}": "0"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("clamp_max(x, 75)", {"{s=a}": -50, "{s=b}": 0, "{s=c}": 75}),
        ("clamp_min(x, -25)", {"{s=a}": -25, "{s=b}": 0, "{s=c}": 100}),
        ("clamp(x, -25, 75)", {"{s=a}": -25, "{s=b}": 0, "{s=c}": 75}),
        ("clamp(x, 5, -5)", {}),
        ("clamp(x, NaN, 0)", {"{s=a}": NAN, "{s=b}": NAN, "{s=c}": NAN}),
        ("sgn(x)", {"{s=a}": -1, "{s=b}": 0, "{s=c}": 1}),
        ("round(vector(-2.5))", {"": -2}),
        ("round(vector(2.345), 0.1)", {"": 2.3}),
        ("round(vector(1e308), 1e-4)", {"": INF}),
        ("ln(vector(0)) + log2(vector(8))", {"": -INF}),
        ("log10(vector(-1))", {"": NAN}),
        ("sqrt(vector(-1))", {"": NAN}),
        ("exp(vector(1000))", {"": INF}),
        ("sinh(vector(-1000))", {"": -INF}),
        ("atanh(vector(-1))", {"": -INF}),
        ("deg(vector(pi()))", {"": 180}),
        ("scalar(x)", {"": NAN}),
        ('scalar(x{s="c"})', {"": 100}),
        ("vector(time())", {"": 10}),
        ("timestamp(vector(1))", {"": 10}),
        ("absent(nada)", {"": 1}),
        ('absent(nada{a="1",b=~"2",c="3",c="4",d=""})', {"{a=1}": 1}),
        ('absent((nada{a="1"}))', {"{a=1}": 1}),
        ('absent(sum(nada{a="1"}))', {"": 1}),
        ('absent(x{s="a"})', {}),
        ('label_replace(t, "dst", "es-$1", "src", "valor-(.*)")', {"t{dst=es-10,src=valor-10}": 0}),
        ('label_replace(t, "dst", "es-$1", "src", "alor-(.*)")', {"t{dst=antes,src=valor-10}": 0}),
        ('label_replace(t, "dst", "$$${n}", "src", "(?P<n>.*)-10")', {"t{dst=$valor,src=valor-10}": 0}),
        ('label_replace(t, "dst", "a$01", "src", "(.*)")', {"t{dst=a,src=valor-10}": 0}),
        ('label_replace(t, "dst", "", "dst", ".*")', {"t{src=valor-10}": 0}),
        ('label_join(t, "j", "-", "src", "nada", "dst")', {"t{dst=antes,j=valor-10--antes,src=valor-10}": 0}),
        # 2024-02-29 12:34:56 UTC, jueves.
        ("year(vector(1709210096)) * 100 + month(vector(1709210096))", {"": 202402}),
        ("day_of_month(vector(1709210096))", {"": 29}),
        ("day_of_week(vector(1709210096))", {"": 4}),
        ("day_of_year(vector(1709210096))", {"": 60}),
        ("days_in_month(vector(1709210096))", {"": 29}),
        ("hour(vector(1709210096)) * 100 + minute(vector(1709210096))", {"": 1234}),
        ("minute(vector(59.9999999))", {"": 0}),
        ("year()", {"": 1970}),
        ('"hola"', {"": "hola"}),
    ],
)
def test_instant_functions(text: str, expected: dict[str, float]) -> None:
    got = answer(INSTANT, text, 10)
    assert got == expected or same(got, expected)


def test_the_smallest_ceiling_keeps_its_sign() -> None:
    assert math.copysign(1, answer(INSTANT, "ceil(vector(-0.5))", 0)[""]) == -1


@pytest.mark.parametrize(("text", "order"), [("sort(x)", [-50, 0, 100]), ("sort_desc(x)", [100, 0, -50])])
def test_order(text: str, order: list[float]) -> None:
    assert list(answer(INSTANT, text, 10).values()) == order


@pytest.mark.parametrize(
    "text",
    ['label_replace(x, "s", "", "", "")', 'label_replace(x, "d", "", "s", "(")', 'label_join(x, "s", "", "nada")'],
)
def test_functions_that_cannot_be_answered(text: str) -> None:
    with pytest.raises(ExecutionError):
        query(text, INSTANT, 0)
