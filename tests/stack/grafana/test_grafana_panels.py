"""De lo que contesta Prometheus a lo que se ve en cada panel y en cada página."""

from __future__ import annotations

import json
import math
import socket
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from starlette.applications import Starlette

from stack.grafana.embedded import frames
from stack.grafana.embedded.fields import resolve
from stack.grafana.embedded.frames import Frame
from stack.grafana.embedded.models import Dashboard, Datasource, Library, Panel
from stack.grafana.embedded.panels.numbers import arc, sparkline
from stack.grafana.embedded.reduce import reduce
from stack.grafana.embedded.urls import application
from tests.support.asgi import Answer, get
from tests.support.prometheus_api import FakePrometheus, fake_prometheus

JOBS = [({"__name__": "up", "job": "kong"}, 1.0), ({"__name__": "up", "job": "uploads"}, 0.0)]


@pytest.fixture(scope="module")
def prometheus() -> Iterator[FakePrometheus]:
    answers = {"up": JOBS, "sum(up)": [({}, 0.934)], "nan": [({}, math.nan)], 'up{job="kong"}': JOBS[:1]}
    with fake_prometheus(answers=answers, refusals={"up{": "parse error: unexpected end"}) as fake:
        yield fake


def app_with(url: str, *panels: Mapping[str, Any], **board: Any) -> Starlette:
    """Una aplicación con un solo tablero, `t`."""
    source = {
        "title": "Tablero",
        "uid": "t",
        "time": {"from": "now-1m", "to": "now"},
        "panels": list(panels),
        **board,
    }
    sources = (
        Datasource(
            1, "prometheus", "Prometheus", "prometheus", url, default=True, json_data={"timeInterval": "1s"}
        ),
    )
    return application(Library(sources, (Dashboard(1, "t", "Tablero", source, "t.json"),)))


def panel(kind: str, expr: str = "up", **more: Any) -> dict[str, Any]:
    target = {"refId": "A", "expr": expr, **more.pop("target", {})}
    return {"id": 1, "type": kind, "title": "Panel", "targets": [target], **more}


def seen(prometheus: FakePrometheus, source: Mapping[str, Any], query: str = "") -> dict[str, Any]:
    """Lo que el navegador recibe de ese panel."""
    answer = get(app_with(prometheus.url, source), f"/_panels/t/1?{query}")
    assert answer.status == 200, answer.text
    return dict(json.loads(answer.text))


def test_timeseries_has_names_units_and_legend(prometheus: FakePrometheus) -> None:
    source = panel(
        "timeseries",
        target={"legendFormat": "{{job}}"},
        fieldConfig={
            "defaults": {"unit": "percentunit", "custom": {"fillOpacity": 20, "stacking": {"mode": "normal"}}},
            "overrides": [
                {
                    "matcher": {"id": "byName", "options": "kong"},
                    "properties": [
                        {"id": "displayName", "value": "La puerta"},
                        {"id": "color", "value": {"mode": "fixed", "fixedColor": "dark-red"}},
                    ],
                }
            ],
        },
        options={"legend": {"displayMode": "table", "calcs": ["lastNotNull", "max"]}},
    )
    chart = seen(prometheus, source)["chart"]
    assert [series["name"] for series in chart["series"]] == ["La puerta", "uploads"]
    assert chart["series"][0]["color"] == "bad"
    assert chart["series"][0]["stats"] == [["última", "100\u202f%"], ["máx.", "100\u202f%"]]
    assert (chart["unit"], chart["stacked"], chart["fill"], chart["legend"]) == ("percentunit", True, 0.2, "table")
    assert chart["to"] - chart["from"] == 60_000
    assert chart["step"] == 1000


def test_intervals_reach_prometheus(prometheus: FakePrometheus) -> None:
    seen(
        prometheus,
        panel("timeseries", "rate(x[$__rate_interval]) + $__interval_ms + $__range_s"),
        "from=0&to=600000",
    )
    assert prometheus.asked[-1][2]["query"] == ["rate(x[4s]) + 1000 + 600"]


def test_value_mapping_and_threshold_colour_a_stat(prometheus: FakePrometheus) -> None:
    defaults = {
        "mappings": [{"type": "value", "options": {"1": {"text": "contesta", "color": "green"}}}],
        "thresholds": {"steps": [{"value": None, "color": "red"}, {"value": 1, "color": "green"}]},
    }
    html = seen(prometheus, panel("stat", fieldConfig={"defaults": defaults}))["html"]
    assert "contesta" in html
    assert html.index("var(--ok)") < html.index("var(--bad)")
    assert html.count("<svg") == 2


def test_gauge_draws_its_value(prometheus: FakePrometheus) -> None:
    defaults = {"unit": "percentunit", "min": 0, "max": 1, "decimals": 0}
    html = seen(prometheus, panel("gauge", "sum(up)", fieldConfig={"defaults": defaults}))["html"]
    assert ">93\u202f%</text>" in html
    assert arc(0, 0.934) in html


def test_bar_gauge_measures_against_the_greatest(prometheus: FakePrometheus) -> None:
    html = seen(prometheus, panel("bargauge", target={"instant": True, "legendFormat": "__auto"}))["html"]
    assert "--part: 100.00%" in html
    assert "--part: 0.00%" in html
    assert 'title="uploads"' in html


def test_table_is_organized_and_sorted(prometheus: FakePrometheus) -> None:
    source = panel(
        "table",
        target={"instant": True, "format": "table"},
        transformations=[
            {
                "id": "organize",
                "options": {
                    "excludeByName": {"Time": True, "__name__": True},
                    "renameByName": {"job": "Servicio"},
                },
            }
        ],
        options={"sortBy": [{"displayName": "Servicio", "desc": True}]},
    )
    html = seen(prometheus, source)["html"]
    assert "<th>Servicio</th>" in html
    assert "Hora" not in html
    assert html.index("uploads") < html.index("kong")


def test_merge_joins_the_values_of_two_queries(prometheus: FakePrometheus) -> None:
    source = panel("table", target={"instant": True}, transformations=[{"id": "merge"}])
    source["targets"].append({"refId": "B", "expr": 'up{job="kong"}', "instant": True})
    html = seen(prometheus, source)["html"]
    assert html.count("<tr>") == 3
    assert "Valor A" in html
    assert "Valor B" in html


def test_cell_link_takes_the_label(prometheus: FakePrometheus) -> None:
    links = [{"title": "Ver ${__data.fields.job}", "url": "http://jaeger/search?service=${__data.fields.job}"}]
    bad = [{"title": "x", "url": "javascript:alert(1)"}]
    source = panel("table", target={"instant": True}, fieldConfig={"defaults": {"links": links}})
    assert 'href="http://jaeger/search?service=kong" title="Ver kong"' in seen(prometheus, source)["html"]
    source = panel("table", target={"instant": True}, fieldConfig={"defaults": {"links": bad}})
    assert "javascript" not in seen(prometheus, source)["html"]


def test_text_is_markdown_and_never_runs(prometheus: FakePrometheus) -> None:
    content = "**hola** <script>alert(1)</script> [x](javascript:alert(1))"
    html = seen(prometheus, panel("text", options={"mode": "markdown", "content": content}))["html"]
    assert "<strong>hola</strong>" in html
    assert "<script" not in html
    assert 'href="javascript' not in html


def test_without_series_it_says_so_and_shows_the_query(prometheus: FakePrometheus) -> None:
    view = seen(prometheus, panel("timeseries", "nada"))
    assert view["kind"] == "empty"
    assert "Sin datos todavía" in view["html"]
    assert "<code>nada</code>" in view["html"]


def test_nan_is_a_hole(prometheus: FakePrometheus) -> None:
    chart = seen(prometheus, panel("timeseries", "nan"))["chart"]
    assert {value for _, value in chart["series"][0]["points"]} == {None}
    assert "Sin datos todavía" in chart["empty"]


def test_refused_query_shows_the_reason(prometheus: FakePrometheus) -> None:
    view = seen(prometheus, panel("timeseries", "up{"))
    assert (view["kind"], view["message"]) == ("error", "parse error: unexpected end")


def test_unknown_panel_and_datasource_are_sentences(prometheus: FakePrometheus) -> None:
    assert "no dibuja paneles de tipo «heatmap»" in seen(prometheus, panel("heatmap"))["html"]
    lost = seen(prometheus, panel("stat", datasource={"uid": "loki"}))
    assert "«loki» y no está aprovisionada" in lost["message"]


def test_prometheus_down_says_how_to_start_it() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    view = json.loads(get(app_with(url, panel("stat")), "/_panels/t/1").text)
    assert "no contesta" in view["message"]
    assert "stacklab up prometheus" in view["html"]


def test_unknown_transformation_is_a_note(prometheus: FakePrometheus) -> None:
    view = seen(prometheus, panel("table", transformations=[{"id": "groupBy"}]))
    assert "groupBy" in view["notes"][0]


@pytest.mark.parametrize("query", ["from=ayer&to=now", "from=now&to=now-5m"])
def test_bad_range_is_400(prometheus: FakePrometheus, query: str) -> None:
    assert get(app_with(prometheus.url, panel("stat")), f"/_panels/t/1?{query}").status == 400


class TestPages:
    """Las páginas que abre una persona."""

    @pytest.fixture
    def app(self, prometheus: FakePrometheus) -> Starlette:
        variable = {
            "name": "v",
            "label": "Variable",
            "type": "custom",
            "query": "uno,dos",
            "current": {"value": "dos"},
        }
        row = {"id": 9, "type": "row", "title": "Fila", "collapsed": True, "gridPos": {"y": 20}, "panels": []}
        first = panel(
            "stat", title="Con $v", gridPos={"x": 12, "y": 0, "w": 12, "h": 4}, description="<b>mira</b>"
        )
        second = {**panel("timeseries"), "id": 2, "title": "Otro"}
        return app_with(prometheus.url, first, second, row, templating={"list": [variable]}, tags=["a"])

    def test_dashboard(self, app: Starlette) -> None:
        page = get(app, "/d/t/tablero?var-v=uno&from=now-15m&refresh=7s").text
        assert "Con uno" in page
        assert "grid-column: 13 / span 12; grid-row: 1 / span 4" in page
        assert '<option value="now-15m" selected>' in page
        assert '<option value="7s" selected>' in page
        assert '<details class="fold"><summary>Fila' in page
        assert "<b>mira</b>" not in page

    def test_single_panel(self, app: Starlette) -> None:
        page = get(app, "/d/t?viewPanel=panel-2&kiosk").text
        assert page.count("data-panel=") == 1
        assert 'data-panel="2"' in page
        assert ".top, .fidelity { display: none; }" in page

    def test_solo(self, app: Starlette) -> None:
        page = get(app, "/d-solo/t/tablero?panelId=1").text
        assert page.count("data-panel=") == 1
        assert 'id="controls"' not in page

    def test_list_and_search(self, app: Starlette) -> None:
        assert 'href="/d/t/tablero"' in get(app, "/dashboards").text
        assert "Ningún tablero encaja" in get(app, "/dashboards?query=zzz").text
        assert get(app, "/").headers["location"] == "/dashboards"

    def test_bad_range_is_explained_and_the_page_lives(self, app: Starlette) -> None:
        answer = get(app, "/d/t?from=ayer")
        assert answer.status == 200
        assert "No se entiende la hora «ayer»" in answer.text

    @pytest.mark.parametrize("path", ["/d/no", "/d/t?viewPanel=panel-77", "/d-solo/t/x?panelId=zz"])
    def test_what_is_not_there_is_404_with_a_page(self, app: Starlette, path: str) -> None:
        answer: Answer = get(app, path)
        assert answer.status == 404
        assert "<html" in answer.text

    def test_coverage_and_the_rest(self, app: Starlette) -> None:
        assert "Editar y guardar" in get(app, "/cobertura").text
        assert get(app, "/explore").status == 501


def test_auto_legend_keeps_what_tells_series_apart() -> None:
    series = [
        {"metric": {"a": "x", "b": "1"}, "value": [1, "2"]},
        {"metric": {"a": "x", "b": "2"}, "value": [1, "2"]},
    ]
    found = frames.from_instant({"resultType": "vector", "result": series}, "A", "")
    assert [frame.name for frame in frames.named(found, "__auto", "e")] == ["1", "2"]
    assert [frame.name for frame in frames.named(found, "", "e")] == ['{a="x", b="1"}', '{a="x", b="2"}']
    assert frames.named(found[:1], "__auto", "e")[0].name == '{a="x", b="1"}'


def test_infinity_travels_apart() -> None:
    frame = Frame("A", "n", {}, (1, 2), (math.inf, 3.0))
    data = frames.wire(frame)["data"]
    assert data == {"values": [[1, 2], [None, 3.0]], "entities": [None, {"Inf": [0]}]}


def test_percentage_thresholds_and_ranges() -> None:
    config = {
        "defaults": {
            "min": 0,
            "max": 200,
            "thresholds": {
                "mode": "percentage",
                "steps": [{"value": None, "color": "green"}, {"value": 80, "color": "red"}],
            },
            "mappings": [
                {"type": "range", "options": {"from": 5, "to": 6, "result": {"text": "justo"}}},
                {"type": "special", "options": {"match": "null", "result": {"text": "nada"}}},
            ],
        }
    }
    field = resolve(Panel(1, "stat", "", {"fieldConfig": config}), Frame("A", "n", {}, (), ()))
    assert [field.color(100), field.color(170)] == ["ok", "bad"]
    assert [field.text(5.5), field.text(None), field.text(7)] == ["justo", "nada", "7"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lastNotNull", 4.0),
        ("last", None),
        ("max", 7.0),
        ("min", 2.0),
        ("sum", 13.0),
        ("diff", 2.0),
        ("delta", 5.0),
        ("range", 5.0),
    ],
)
def test_calculations(name: str, expected: float | None) -> None:
    assert reduce([2.0, None, 7.0, 4.0, None], name) == (expected if name != "last" else None)


def test_nothing_reduces_to_nothing() -> None:
    assert reduce([], "max") is None


def test_sparkline_needs_two_points() -> None:
    assert sparkline(Frame("A", "n", {}, (1,), (1.0,))) is None
    line = sparkline(Frame("A", "n", {}, (0, 10), (0.0, 1.0)))
    assert line is not None
    assert line[0] == "M0.0,29.0L100.0,2.0"
