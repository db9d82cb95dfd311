"""Agregaciones y operaciones entre vectores, con los datos de las pruebas del propio Prometheus."""

from __future__ import annotations

import math

import pytest

from stack.prometheus.embedded.promql import ExecutionError, query
from tests.support.promql_data import answer, loaded, same

NAN, INF = math.nan, math.inf

REQUESTS = loaded(
    300,
    {
        "r{g=prod,i=0,job=api}": "0+10x10",
        "r{g=prod,i=1,job=api}": "0+20x10",
        "r{g=can,i=0,job=api}": "0+30x10",
        "r{g=can,i=1,job=api}": "0+40x10",
        "r{g=prod,i=0,job=app}": "0+50x10",
        "r{g=prod,i=1,job=app}": "0+60x10",
        "r{g=can,i=0,job=app}": "0+70x10",
        "r{g=can,i=1,job=app}": "0+80x10",
        "role{i=0,role=db}": "1+0x10",
        "role{i=1,role=web}": "1+0x10",
        "cpu{i=0,mode=idle}": "3+0x10",
        "cpu{i=0,mode=user}": "1+0x10",
        "cpu{i=1,mode=idle}": "5+0x10",
        "ver{i=a}": "6+0x10",
        "ver{i=b}": "6+0x10",
        "ver{i=c}": "7.5+0x10",
        "odd{i=a}": "NaN " * 11,
        "odd{i=b}": "2+0x10",
    },
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sum by (job) (r)", {"{job=api}": 1000, "{job=app}": 2600}),
        ("avg by (job) (r)", {"{job=api}": 250, "{job=app}": 650}),
        ("count without (i, g) (r)", {"{job=api}": 4, "{job=app}": 4}),
        ("min(r) + max(r)", {"": 900}),
        ("group by (g) (r)", {"{g=prod}": 1, "{g=can}": 1}),
        ("sum by (__name__) (r)", {"r": 3600}),
        ("sum by (nada) (r)", {"": 3600}),
        ("stddev by (i) (r)", {"{i=0}": 223.60679774998, "{i=1}": 223.60679774998}),
        ("stdvar by (i) (r)", {"{i=0}": 50000, "{i=1}": 50000}),
        ("quantile(0.5, r)", {"": 450}),
        ("quantile by (g) (NaN, r)", {"{g=prod}": NAN, "{g=can}": NAN}),
        ("topk(2, r)", {"r{g=can,i=1,job=app}": 800, "r{g=can,i=0,job=app}": 700}),
        ("bottomk(1, r)", {"r{g=prod,i=0,job=api}": 100}),
        ("topk by (job) (1, r)", {"r{g=can,i=1,job=app}": 800, "r{g=can,i=1,job=api}": 400}),
        ("topk(0, r)", {}),
        ("topk(1, odd)", {"odd{i=b}": 2}),
        ("min(odd)", {"": 2}),
        ("sum(odd)", {"": NAN}),
        ('count_values("v", ver)', {"{v=6}": 2, "{v=7.5}": 1}),
        ("sum(nada)", {}),
        # Con números y con comparaciones.
        ("-ver", {"{i=a}": -6, "{i=b}": -6, "{i=c}": -7.5}),
        ("2 * ver{i='a'} ^ 2 - 1", {"{i=a}": 71}),
        ("ver > 7", {"ver{i=c}": 7.5}),
        ("7 < ver", {"ver{i=c}": 7.5}),
        ("ver > bool 7", {"{i=a}": 0, "{i=b}": 0, "{i=c}": 1}),
        ("odd == odd", {"odd{i=b}": 2}),
        ("1 == bool 1", {"": 1}),
        ("-1 ^ 2", {"": -1}),
        ("2 ^ 3 ^ 2", {"": 512}),
        ("(-10) ^ 309", {"": -INF}),
        ("-7 % 3", {"": -1}),
        ("0 / 0", {"": NAN}),
        ("-1 / 0", {"": -INF}),
        ("5 % 0", {"": NAN}),
        ("vector(1) atan2 vector(1)", {"": math.pi / 4}),
        # Vector con vector.
        ('r{g="can",job="api"} - ignoring(g) r{g="prod",job="api"}', {"{i=0,job=api}": 200, "{i=1,job=api}": 200}),
        ('sum by (i) (r) / on(i) sum by (i) (r{job="app"})', {"{i=0}": 1600 / 1200, "{i=1}": 2000 / 1400}),
        ("ver > on(i) odd", {"{i=b}": 6}),
        ("ver >= bool ver", {"{i=a}": 1, "{i=b}": 1, "{i=c}": 1}),
        ("ver == ver", {"ver{i=a}": 6, "ver{i=b}": 6, "ver{i=c}": 7.5}),
        (
            "role * on(i) group_right(role) cpu",
            {"{i=0,mode=idle,role=db}": 3, "{i=0,mode=user,role=db}": 1, "{i=1,mode=idle,role=web}": 5},
        ),
        ("cpu / on(i) group_left sum by (i) (cpu)", {
            "{i=0,mode=idle}": 0.75, "{i=0,mode=user}": 0.25, "{i=1,mode=idle}": 1,
        }),
        ("cpu > on(i) group_left() (2 * role)", {"cpu{i=0,mode=idle}": 3, "cpu{i=1,mode=idle}": 5}),
        ("role < on(i) group_right() cpu", {"cpu{i=0,mode=idle}": 1, "cpu{i=1,mode=idle}": 1}),
        # Conjuntos.
        (
            'r{g="can"} and on(i, job) r{i="0",g="prod"}',
            {"r{g=can,i=0,job=api}": 300, "r{g=can,i=0,job=app}": 700},
        ),
        ('r{job="api"} unless ignoring(g) r{g="can",i="1"}', {
            "r{g=prod,i=0,job=api}": 100, "r{g=can,i=0,job=api}": 300,
        }),
        ('ver{i="a"} or ver{i=~"a|c"}', {"ver{i=a}": 6, "ver{i=c}": 7.5}),
        ("ver and on() nada", {}),
        ("ver unless on() nada", {"ver{i=a}": 6, "ver{i=b}": 6, "ver{i=c}": 7.5}),
        # Sin nada enfrente no se mira si hay repetidos.
        ("nada + on() ver", {}),
        ("ver + on() nada", {}),
    ],
)  # fmt: skip
def test_operators(text: str, expected: dict[str, float]) -> None:
    assert same(answer(REQUESTS, text, 3000), expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("role + on(i) cpu", "many-to-many matching not allowed"),
        ("cpu + on(i) role", "many-to-one matching must be explicit"),
        ("r + on(job) group_left r", "many-to-many matching not allowed"),
        ("cpu * on(i) group_left(mode) label_replace(role, 'mode', 'm', '', '')", "ensure unique matches"),
        ('rate({__name__=~"role|role2|ver|odd"}[20m])', "same labelset"),
        ("topk(NaN, r)", "NaN"),
        ("topk(Inf, r)", "overflows int64"),
    ],
)
def test_operations_that_cannot_be_answered(text: str, message: str) -> None:
    with pytest.raises(ExecutionError, match=message):
        query(text, REQUESTS, 3_000_000)


def test_a_range_of_three_hundred_steps_reads_all_of_it() -> None:
    from stack.prometheus.embedded.promql import query_range

    lines = loaded(5, {f"c{{k={k}}}": "0+5x600" for k in range(50)})
    ((labels, points),) = query_range("sum(rate(c[1m]))", lines, 60_000, 60_000 + 299 * 5000, 5000).series
    assert labels == {}
    assert len(points) == 300
    assert all(math.isclose(value, 50) for _, value in points)
