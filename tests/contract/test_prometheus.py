"""El contrato de Prometheus, con sus clientes reales: vale igual para el suplente y para el programa de verdad."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException

from stack.catalog import SERVICES
from stack.model import ConfigFile
from tests.support.exporter import Exporter, exporter
from tests.support.running import runtime

PAGE = """# HELP pedidos_total Pedidos atendidos.
# TYPE pedidos_total counter
pedidos_total{tienda="norte"} %d
pedidos_total{tienda="sur"} 5
# TYPE espera_seconds histogram
espera_seconds_bucket{le="1"} 3
espera_seconds_bucket{le="+Inf"} 4
espera_seconds_count 4
espera_seconds_sum 6.5
"""

RULES = """groups:
  - name: tienda
    rules:
      - record: pedidos:suma
        expr: sum(pedidos_total)
      - alert: NoContesta
        expr: up == 0
        labels: {gravedad: alta}
        annotations: {resumen: "{{ $labels.job }} no contesta"}
"""


@pytest.fixture(scope="module")
def shop() -> Iterator[Exporter]:
    """La tienda, que ha atendido un pedido."""
    with exporter(metrics=PAGE % 1) as one:
        yield one


@pytest.fixture(scope="module")
def url(started: Callable[..., dict[str, str]], shop: Exporter, tmp_path_factory: pytest.TempPathFactory) -> str:
    config = tmp_path_factory.mktemp("config") / "prometheus.yml"
    config.write_text(
        f"""global:
  scrape_interval: 200ms
  scrape_timeout: 200ms
  evaluation_interval: 200ms
rule_files: [reglas.yml]
scrape_configs:
  - job_name: tienda
    static_configs:
      - targets: ["{shop.address}"]
        labels: {{zona: este}}
  - job_name: nadie
    static_configs:
      - targets: ["127.0.0.1:9"]
  - job_name: fuera
    static_configs:
      - targets: ["{shop.address}"]
    relabel_configs:
      - source_labels: [__address__]
        regex: ".*"
        action: drop
""",
        "utf-8",
    )
    rules = config.with_name("reglas.yml")
    rules.write_text(RULES, "utf-8")
    service = next(one for one in SERVICES if one.name == "prometheus")
    changed = replace(
        service, config=(ConfigFile("prometheus.yml", (config,)), ConfigFile("reglas.yml", (rules,)))
    )
    return started("prometheus", overrides={"prometheus": changed}, servers=[shop.port])["PROMETHEUS_URL"]


@pytest.fixture
def client(url: str, shop: Exporter) -> PrometheusConnect:
    client = PrometheusConnect(url=url)
    eventually(lambda: values(client, 'up{job="tienda"}') == [1.0])
    return client


def eventually(condition: Callable[[], bool], within_s: float = 10.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "no se cumplió a tiempo"
        threading.Event().wait(0.05)


def values(client: PrometheusConnect, query: str) -> list[float]:
    return [float(row["value"][1]) for row in client.custom_query(query)]


def test_the_client_can_check_the_connection(client: PrometheusConnect, url: str) -> None:
    # Este cliente pide la portada, que lleva a la página de consultas.
    # El de verdad, si se compiló sin sus páginas, contesta 500; el suplente las tiene siempre.
    if runtime() != "embedded" and requests.get(f"{url}/query", timeout=5).status_code == 500:
        pytest.skip("este Prometheus está compilado sin sus páginas")
    assert client.check_prometheus_connection()


def test_it_lists_the_metrics(client: PrometheusConnect) -> None:
    assert {"up", "pedidos_total", "espera_seconds_bucket", "scrape_duration_seconds"} <= set(client.all_metrics())


def test_a_scrape_carries_the_labels_of_its_target(client: PrometheusConnect, shop: Exporter) -> None:
    (row,) = client.custom_query('pedidos_total{tienda="sur"}')
    assert row["metric"] == {
        "__name__": "pedidos_total",
        "job": "tienda",
        "instance": shop.address,
        "zona": "este",
        "tienda": "sur",
    }
    assert row["value"][1] == "5"


def test_a_counter_that_moves_is_seen_at_the_next_scrape(client: PrometheusConnect, shop: Exporter) -> None:
    shop.pages["/metrics"] = PAGE % 11
    eventually(lambda: values(client, 'pedidos_total{tienda="norte"}') == [11.0])
    eventually(lambda: values(client, 'increase(pedidos_total{tienda="norte"}[30s]) > bool 0') == [1.0])
    assert values(client, "sum(pedidos_total)") == [16.0]


def test_a_dead_target_is_down_with_its_error(client: PrometheusConnect, url: str) -> None:
    eventually(lambda: values(client, 'up{job="nadie"}') == [0.0])
    targets = requests.get(f"{url}/api/v1/targets", timeout=5).json()["data"]["activeTargets"]
    down = next(one for one in targets if one["labels"]["job"] == "nadie")
    assert (down["health"], down["scrapePool"]) == ("down", "nadie")
    assert down["lastError"]
    up = next(one for one in targets if one["labels"]["job"] == "tienda")
    assert (up["health"], up["lastError"]) == ("up", "")
    assert up["lastScrapeDuration"] > 0


def test_a_range_of_time(client: PrometheusConnect, url: str) -> None:
    now = time.time()
    rows = requests.get(
        f"{url}/api/v1/query_range",
        params={"query": "vector(2) * 3", "start": now - 10, "end": now, "step": "5s"},
        timeout=5,
    ).json()["data"]
    assert rows["resultType"] == "matrix"
    assert [value for _, value in rows["result"][0]["values"]] == ["6", "6", "6"]


@pytest.mark.parametrize(
    ("params", "status", "kind"),
    [
        ({"query": "sum("}, 400, "bad_data"),
        ({"query": "espera_seconds_bucket * on(job) espera_seconds_bucket"}, 422, "execution"),
        ({"query": "up", "time": "ayer"}, 400, "bad_data"),
    ],
)
def test_errors_have_the_shape_of_the_api(
    client: PrometheusConnect, url: str, params: dict[str, str], status: int, kind: str
) -> None:
    answer = requests.get(f"{url}/api/v1/query", params=params, timeout=5)
    assert (answer.status_code, answer.json()["status"], answer.json()["errorType"]) == (status, "error", kind)
    assert answer.json()["error"]


def test_the_client_is_told(client: PrometheusConnect) -> None:
    with pytest.raises(PrometheusApiClientException):
        client.custom_query("sum(")


def test_series_labels_and_metadata(client: PrometheusConnect, url: str) -> None:
    series = requests.get(f"{url}/api/v1/series", params={"match[]": "pedidos_total"}, timeout=5).json()["data"]
    assert {one["tienda"] for one in series} == {"norte", "sur"}
    names = requests.get(f"{url}/api/v1/labels", params={"match[]": "pedidos_total"}, timeout=5).json()["data"]
    assert names == ["__name__", "instance", "job", "tienda", "zona"]
    about = requests.get(f"{url}/api/v1/metadata", params={"metric": "pedidos_total"}, timeout=5).json()["data"]
    assert about["pedidos_total"][0]["type"] == "counter"
    assert about["pedidos_total"][0]["help"] == "Pedidos atendidos."
    rows = requests.get(f"{url}/api/v1/targets/metadata", params={"metric": "pedidos_total"}, timeout=5).json()[
        "data"
    ]
    assert [(one["target"]["job"], one["type"]) for one in rows] == [("tienda", "counter")]
    posted = requests.post(f"{url}/api/v1/query", data={"query": "1+1"}, timeout=5).json()["data"]
    assert (posted["resultType"], posted["result"][1]) == ("scalar", "2")
    assert requests.get(f"{url}/-/ready", timeout=5).status_code == 200
    assert "tienda" in requests.get(f"{url}/api/v1/status/config", timeout=5).json()["data"]["yaml"]


def test_rules_write_and_warn(client: PrometheusConnect, url: str, shop: Exporter) -> None:
    eventually(lambda: values(client, "pedidos:suma") == values(client, "sum(pedidos_total)"))
    warned = 'ALERTS{alertname="NoContesta",alertstate="firing",job="nadie",gravedad="alta"}'
    eventually(lambda: values(client, warned) == [1.0])
    (alert,) = [
        one
        for one in requests.get(f"{url}/api/v1/alerts", timeout=5).json()["data"]["alerts"]
        if one["labels"]["job"] == "nadie"
    ]
    assert (alert["state"], alert["annotations"], alert["value"]) == (
        "firing",
        {"resumen": "nadie no contesta"},
        "0e+00",
    )
    (group,) = requests.get(f"{url}/api/v1/rules", timeout=5).json()["data"]["groups"]
    assert [(one["type"], one["name"], one["health"]) for one in group["rules"]] == [
        ("recording", "pedidos:suma", "ok"),
        ("alerting", "NoContesta", "ok"),
    ]


def test_what_relabel_drops_is_not_read(url: str) -> None:
    data = requests.get(f"{url}/api/v1/targets", timeout=5).json()["data"]
    assert {one["scrapePool"] for one in data["activeTargets"]} == {"tienda", "nadie"}
    assert data["droppedTargetCounts"]["fuera"] == 1
    (dropped,) = data["droppedTargets"]
    assert dropped["discoveredLabels"]["job"] == "fuera"
    assert data["activeTargets"][0]["scrapeInterval"] == "200ms"


@pytest.mark.parametrize("what", ["buildinfo", "flags", "runtimeinfo"])
def test_it_tells_about_itself(url: str, what: str) -> None:
    answer = requests.get(f"{url}/api/v1/status/{what}", timeout=5).json()
    assert answer["status"] == "success"
    assert answer["data"]
    assert "prometheus_build_info" in requests.get(f"{url}/metrics", timeout=5).text
