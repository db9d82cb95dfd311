"""Lo que un programa espera de Grafana 13, sobre un Prometheus que ya ha leído algo.

https://grafana.com/docs/grafana/latest/developers/http_api/
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

PROM = {"type": "prometheus", "uid": "prometheus"}


@pytest.fixture(scope="module")
def env(started: Callable[..., dict[str, str]]) -> dict[str, str]:
    return started("prometheus", "grafana")


@pytest.fixture(scope="module")
def grafana(env: dict[str, str]) -> Iterator[Callable[..., requests.Response]]:
    """`grafana("GET", "/api/health")`."""
    with requests.Session() as session:
        # Se mira sin más; para ver de dónde salen los datos, el Grafana de verdad pide ser quien administra.
        session.auth = ("admin", env["GRAFANA_ADMIN_PASSWORD"])
        yield lambda method, path, **more: session.request(method, env["GRAFANA_URL"] + path, timeout=10, **more)


@pytest.fixture(scope="module")
def scraped(env: dict[str, str]) -> None:
    """Espera a que haga un segundo que Prometheus leyó, o intentó leer, su primer objetivo.

    Un segundo, porque Grafana pide los puntos en instantes redondos y la primera lectura cae después del último.
    """
    deadline = time.monotonic() + 15
    url = f"{env['PROMETHEUS_URL']}/api/v1/query"
    while not requests.get(url, {"query": "up offset 1s"}, timeout=5).json()["data"]["result"]:
        assert time.monotonic() < deadline, "Prometheus no ha leído ningún objetivo"
        time.sleep(0.05)


def ask(grafana: Callable[..., requests.Response], *queries: dict[str, Any], **more: str) -> requests.Response:
    body = {"from": "now-1m", "to": "now", **more, "queries": [{"datasource": PROM, **query} for query in queries]}
    return grafana("POST", "/api/ds/query", json=body)


def test_health(grafana: Callable[..., requests.Response]) -> None:
    answer = grafana("GET", "/api/health")
    assert answer.status_code == 200
    assert answer.json()["database"] == "ok"
    assert int(answer.json()["version"].split(".")[0]) >= 13


def test_provisioned_dashboards_are_found(grafana: Callable[..., requests.Response]) -> None:
    boards = {item["uid"]: item for item in grafana("GET", "/api/search", params={"type": "dash-db"}).json()}
    assert boards["laboratorio"]["type"] == "dash-db"
    assert boards["laboratorio"]["url"].startswith("/d/laboratorio/")
    found = grafana("GET", "/api/search", params={"query": "visto por prometheus"}).json()
    assert [item["uid"] for item in found] == ["laboratorio"]
    assert grafana("GET", "/api/search", params={"tag": "nadie-la-usa"}).json() == []


def test_dashboard_by_uid(grafana: Callable[..., requests.Response]) -> None:
    answer = grafana("GET", "/api/dashboards/uid/laboratorio").json()
    assert answer["meta"]["provisioned"] is True
    assert answer["meta"]["provisionedExternalId"] == "laboratorio.json"
    assert answer["dashboard"]["uid"] == "laboratorio"
    assert {"timeseries", "table", "bargauge"} <= {panel["type"] for panel in answer["dashboard"]["panels"]}


def test_dashboard_that_is_not_there(grafana: Callable[..., requests.Response]) -> None:
    answer = grafana("GET", "/api/dashboards/uid/no-existe")
    assert answer.status_code == 404
    assert answer.json()["message"] == "Dashboard not found"


def test_datasource_is_provisioned_with_its_fixed_uid(grafana: Callable[..., requests.Response]) -> None:
    listed = {item["uid"]: item for item in grafana("GET", "/api/datasources").json()}
    one = grafana("GET", "/api/datasources/uid/prometheus").json()
    assert one["type"] == listed["prometheus"]["type"] == "prometheus"
    assert (one["isDefault"], one["readOnly"], one["access"]) == (True, True, "proxy")
    assert one["jsonData"]["exemplarTraceIdDestinations"][0]["url"].endswith("/trace/${__value.raw}")
    assert listed["jaeger"]["type"] == "jaeger"


def test_datasource_answers(grafana: Callable[..., requests.Response]) -> None:
    answer = grafana("GET", "/api/datasources/uid/prometheus/health")
    assert (answer.status_code, answer.json()["status"]) == (200, "OK")
    assert grafana("GET", "/api/datasources/uid/no-existe").status_code == 404


@pytest.mark.usefixtures("scraped")
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_proxy_gives_what_prometheus_gives(
    env: dict[str, str], grafana: Callable[..., requests.Response], method: str
) -> None:
    how = {"params": {"query": "vector(7)"}} if method == "GET" else {"data": {"query": "vector(7)"}}
    answer = grafana(method, "/api/datasources/proxy/uid/prometheus/api/v1/query", **how)
    assert answer.status_code == 200
    assert answer.json()["data"]["result"][0]["value"][1] == "7"
    direct = requests.request(method, f"{env['PROMETHEUS_URL']}/api/v1/query", timeout=5, **how).json()
    assert direct["data"]["result"][0]["metric"] == answer.json()["data"]["result"][0]["metric"]


@pytest.mark.usefixtures("scraped")
def test_range_query_is_data_frames(grafana: Callable[..., requests.Response]) -> None:
    answer = ask(
        grafana, {"refId": "A", "expr": "up", "range": True, "legendFormat": "{{job}}", "maxDataPoints": 100}
    )
    assert answer.status_code == 200
    result = answer.json()["results"]["A"]
    assert result["status"] == 200
    (frame,) = [frame for frame in result["frames"] if frame["schema"]["fields"][1]["labels"]["job"] == "kong"]
    times, values = frame["schema"]["fields"]
    assert (times["type"], values["type"]) == ("time", "number")
    assert values["labels"]["__name__"] == "up"
    assert values["config"]["displayNameFromDS"] == "kong"
    assert frame["schema"]["refId"] == "A"
    assert frame["schema"]["meta"]["custom"]["resultType"] == "matrix"
    at, up = frame["data"]["values"]
    assert len(at) == len(up) >= 1
    assert at == sorted(at)
    assert abs(at[-1] / 1000 - time.time()) < 60
    assert set(up) <= {0, 1}


@pytest.mark.usefixtures("scraped")
def test_instant_query_is_one_value(grafana: Callable[..., requests.Response]) -> None:
    answer = ask(grafana, {"refId": "B", "expr": "vector(42)", "instant": True, "range": False})
    (frame,) = answer.json()["results"]["B"]["frames"]
    assert frame["schema"]["meta"]["custom"]["resultType"] == "vector"
    assert [value for _, value in zip(*frame["data"]["values"], strict=True)] == [42]


@pytest.mark.usefixtures("scraped")
def test_each_query_has_its_own_answer(grafana: Callable[..., requests.Response]) -> None:
    instant = {"instant": True, "range": False}
    answer = ask(
        grafana, {"refId": "A", "expr": "vector(1)", **instant}, {"refId": "B", "expr": "vector(2)", **instant}
    )
    results = answer.json()["results"]
    assert {key: result["frames"][0]["data"]["values"][1] for key, result in results.items()} == {
        "A": [1],
        "B": [2],
    }


def test_builtin_variables_are_filled(grafana: Callable[..., requests.Response]) -> None:
    query = {"refId": "A", "expr": "vector($__range_s)", "instant": True, "range": False}
    (frame,) = ask(grafana, query, **{"from": "now-90s"}).json()["results"]["A"]["frames"]
    assert frame["data"]["values"][1] == [90]


def test_bad_expression_is_400_and_says_why(grafana: Callable[..., requests.Response]) -> None:
    answer = ask(grafana, {"refId": "A", "expr": "sum(", "instant": True, "range": False})
    assert answer.status_code == 400
    result = answer.json()["results"]["A"]
    assert result["error"]
    assert result["status"] == 400


def test_body_that_is_not_a_query_is_400(grafana: Callable[..., requests.Response]) -> None:
    assert grafana("POST", "/api/ds/query", json={"queries": []}).status_code == 400
    assert grafana("POST", "/api/ds/query", data="{").status_code == 400


def test_proxy_only_reads(grafana: Callable[..., requests.Response]) -> None:
    answer = grafana("POST", "/api/datasources/proxy/uid/prometheus/api/v1/admin/tsdb/delete_series")
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/dashboards",
        "/d/laboratorio",
        "/d/laboratorio/x?viewPanel=panel-1&kiosk",
        "/d-solo/laboratorio/x?panelId=1",
    ],
)
def test_pages_open(grafana: Callable[..., requests.Response], path: str) -> None:
    answer = grafana("GET", path, headers={"accept": "text/html"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
