"""La biblioteca de gráficas está donde se busca y se sirve desde esta máquina."""

from __future__ import annotations

import json

from stack.web import Coverage, charts, create_app
from tests.support.asgi import get


def test_library_is_the_chart_js_that_the_package_ships() -> None:
    head = charts.library().read_text("utf-8")[:200]
    assert "Chart.js v4." in head
    assert "site-packages" in str(charts.library())


def test_every_script_of_the_include_is_served() -> None:
    app = create_app(Coverage("Prueba", ""), charts.routes())
    html = app.state.templates.get_template("charts.html").render()
    paths = [part.split('"')[0] for part in html.replace("href=", "src=").split('src="')[1:]]
    assert len(paths) == 4
    for path in paths:
        assert get(app, path).status == 200, path
    table = get(app, "/_charts/units.js").text
    assert json.loads(table.removeprefix("window.stacklabUnits = ").rstrip(";\n"))["s"][0][2] == "ns"


def test_spec_turns_seconds_into_milliseconds() -> None:
    spec = charts.timeseries([("a", [(1.5, 2.0), (2.5, None)])], unit="s", stacked=True)
    assert spec["series"] == [{"name": "a", "points": [[1500, 2.0], [2500, None]]}]
    assert (spec["unit"], spec["stacked"]) == ("s", True)
