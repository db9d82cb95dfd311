"""Lo aprovisionado se lee como lo lee Grafana, y los ficheros de la casa son válidos."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from scenarios.catalog import SERVICES
from stack.addresses import Endpoint
from stack.grafana.embedded.models import Dashboard, Library, slugify
from stack.grafana.embedded.panels import KINDS
from stack.grafana.embedded.provisioning import ProvisioningError, expand, load
from stack.prepare import Recipe, on_this_machine, prepare


def write(folder: Path, *, datasource: object = None, dashboards: dict[str, str] | None = None) -> Path:
    """Una carpeta de configuración mínima."""
    for name in ("datasources", "dashboards"):
        (folder / "provisioning" / name).mkdir(parents=True, exist_ok=True)
    (folder / "dashboards").mkdir(exist_ok=True)
    sources = {"apiVersion": 1, "datasources": [datasource] if datasource else []}
    (folder / "provisioning/datasources/a.yaml").write_text(yaml.safe_dump(sources))
    provider = {"name": "x", "type": "file", "options": {"path": str(folder / "dashboards")}}
    (folder / "provisioning/dashboards/a.yaml").write_text(yaml.safe_dump({"providers": [provider]}))
    for name, text in (dashboards or {}).items():
        (folder / "dashboards" / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """La configuración de verdad, rellena como al arrancar."""
    endpoints = [
        Endpoint(service.name, port.name, port.scheme, "127.0.0.1", port.number, "127.0.0.1", port.number)
        for service in SERVICES
        for port in service.ports
    ]
    grafana = next(service for service in SERVICES if service.name == "grafana")
    place = on_this_machine(grafana, endpoints, tmp_path_factory.mktemp("casa"))
    prepared = prepare(grafana, Recipe((), {}, grafana.config), place, endpoints=endpoints, credentials={})
    for target, content in prepared.files.items():
        path = prepared.config_dir / target
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    return load(prepared.config_dir)


def test_house_datasource_links_exemplars_to_jaeger(house: Library) -> None:
    source = house.datasource({"type": "prometheus", "uid": "prometheus"})
    assert source is not None
    assert (source.url, source.default) == ("http://127.0.0.1:9090", True)
    assert (
        source.json_data["exemplarTraceIdDestinations"][0]["url"] == "http://127.0.0.1:16686/trace/${__value.raw}"
    )


def test_house_dashboards_have_their_uids(house: Library) -> None:
    assert {item.uid for item in house.dashboards} >= {"flujo-a", "laboratorio"}


def test_house_dashboards_are_what_grafana_imports(house: Library) -> None:
    for board in house.dashboards:
        assert board.source["schemaVersion"] >= 39
        ids = [panel.id for section in board.sections() for panel in ([section.row] if section.row else [])]
        ids += [panel.id for panel in board.panels()]
        assert len(ids) == len(set(ids)), board.uid
        assert all(ids), board.uid
        for panel in board.panels():
            assert panel.type in KINDS, (board.uid, panel.title)
            for target in panel.targets:
                assert house.datasource(target["datasource"]) is not None
                assert {"refId", "expr"} <= set(target)


def test_house_panels_do_not_overlap(house: Library) -> None:
    for board in house.dashboards:
        taken: set[tuple[int, int]] = set()
        for panel in board.panels():
            x, y, w, h = panel.grid
            assert x + w <= 24
            cells = {(column, line) for column in range(x, x + w) for line in range(y, y + h)}
            assert not cells & taken, (board.uid, panel.title)
            taken |= cells


def test_panel_one_of_flujo_a_shows_the_uploads(house: Library) -> None:
    board = house.dashboard("flujo-a")
    assert board is not None
    panel = board.panel(1)
    assert panel is not None
    assert panel.targets[0]["expr"] == "sum by (result) (avatar_uploads_total)"


def test_dollars_are_expanded_as_grafana_does() -> None:
    names = {"HOST": "uno"}
    assert expand({"a": ["$HOST", "${HOST}", "$$HOST", "$${__value.raw}", "$NADA."]}, names) == {
        "a": ["uno", "uno", "$HOST", "${__value.raw}", "."]
    }


@pytest.mark.parametrize(
    ("dashboards", "reason"),
    [
        ({"a.json": "{"}, "a.json no es JSON válido"),
        ({"a.json": '{"title": "x"}'}, "le falta «title» o «uid»"),
        ({"a.json": '{"title": "x", "uid": "u", "panels": {}}'}, "esquema clásico"),
        ({"a.json": '{"title": "x", "uid": "u", "panels": [{"id": "uno"}]}'}, "un panel que no se entiende"),
        ({"a.json": '{"title": "x", "uid": "u"}', "b.json": '{"title": "y", "uid": "u"}'}, "el mismo uid «u»"),
    ],
)
def test_bad_dashboard_says_which_file(tmp_path: Path, dashboards: dict[str, str], reason: str) -> None:
    with pytest.raises(ProvisioningError, match=reason):
        load(write(tmp_path, dashboards=dashboards))


def test_bad_datasource_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ProvisioningError, match="no tiene «type»"):
        load(write(tmp_path, datasource={"name": "P"}))


def test_missing_dashboard_folder_is_said(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "dashboards").rmdir()
    with pytest.raises(ProvisioningError, match="no existe"):
        load(folder)


def test_rows_split_the_panels() -> None:
    source = {
        "panels": [
            {"id": 2, "type": "stat", "gridPos": {"x": 0, "y": 5, "w": 6, "h": 4}},
            {"id": 1, "type": "row", "title": "Fila", "gridPos": {"x": 0, "y": 4, "w": 24, "h": 1}},
            {"id": 3, "type": "stat", "gridPos": {"x": 0, "y": 0, "w": 6, "h": 4}},
            {
                "id": 4,
                "type": "row",
                "collapsed": True,
                "gridPos": {"x": 0, "y": 9, "w": 24, "h": 1},
                "panels": [{"id": 5, "type": "stat", "gridPos": {"x": 0, "y": 10, "w": 6, "h": 4}}],
            },
        ]
    }
    sections = Dashboard(1, "u", "t", json.loads(json.dumps(source)), "f").sections()
    assert [(s.row.id if s.row else None, s.collapsed, [p.id for p in s.panels]) for s in sections] == [
        (None, False, [3]),
        (1, False, [2]),
        (4, True, [5]),
    ]


def test_slug_has_no_accents() -> None:
    assert slugify("Flujo A · Subida de avatár") == "flujo-a-subida-de-avatar"
