"""El contrato de Prometheus al leer: a quién visita, qué acepta, cómo etiqueta y cuándo una serie deja de valer.

Sigue https://prometheus.io/docs/prometheus/latest/configuration/configuration/ y …/prometheus/latest/migration/.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests

from stack.catalog import SERVICES
from stack.model import ConfigFile
from tests.support.exporter import Exporter, exporter
from tests.support.running import folder, running, runtime

METRICS = """# TYPE pedidos_total counter
pedidos_total{tienda="norte",instance="caja-1",job="otro",Zona_X="Este"} 3
pedidos_total{tienda="sur"} 5
otra_cosa 1
"""

CONFIG = """global:
  scrape_interval: 100ms
  scrape_timeout: 100ms
  evaluation_interval: 100ms
rule_files: [reglas.yml]
scrape_configs:
  - job_name: normal
    static_configs: [{targets: ["%(shop)s"], labels: {zona: este}}]
  - job_name: honrado
    honor_labels: true
    static_configs: [{targets: ["%(shop)s"]}]
  - job_name: etiquetas
    metrics_path: /otras
    params: {modo: [rapido, lento]}
    static_configs:
      - targets: ["%(shop)s"]
        labels: {nombre: "Ana-7", igual: "Ana-7", sobra: "x", __meta_color: "Rojo"}
      - targets: ["%(shop)s"]
        labels: {nombre: "Beto-8", igual: "otro"}
    relabel_configs:
      - {action: keepequal, source_labels: [nombre], target_label: igual}
      - {action: lowercase, source_labels: [nombre], target_label: minusculas}
      - {action: uppercase, source_labels: [nombre], target_label: mayusculas}
      - {action: hashmod, source_labels: [nombre], target_label: reparto, modulus: 1000}
      - source_labels: [nombre, sobra]
        separator: "/"
        regex: "(\\\\w+)-(\\\\d)/x"
        target_label: "n$2"
        replacement: "$1"
      - {action: labelmap, regex: "__meta_(.+)", replacement: "de_$1"}
      - {action: labeldrop, regex: "sobra|igual"}
      - {source_labels: [__param_modo], target_label: __param_modo, replacement: "${1}2"}
      - {source_labels: [__address__], target_label: instance, replacement: "caja"}
      - {action: drop, source_labels: [nombre], regex: "Ana"}
      - {action: dropequal, source_labels: [nombre], target_label: mayusculas}
    metric_relabel_configs:
      - {action: drop, source_labels: [__name__], regex: "otra_.*"}
      - {action: labelkeep, regex: "__name__|tienda|n7|minusculas|mayusculas|reparto|de_color|nombre|instance"}
      - {source_labels: [__name__], regex: "(.*)_total", target_label: __name__, replacement: "${1}"}
  - job_name: mudo
    metrics_path: /mudo
    static_configs: [{targets: ["%(mute)s"]}]
  - job_name: supuesto
    metrics_path: /mudo
    fallback_scrape_protocol: PrometheusText0.0.4
    static_configs: [{targets: ["%(mute)s"]}]
  - job_name: pocas
    sample_limit: 2
    static_configs: [{targets: ["%(shop)s"]}]
  - job_name: descubierto
    http_sd_configs: [{url: "http://%(shop)s/lista", refresh_interval: 100ms}]
  - job_name: fichero
    file_sd_configs: [{files: ["objetivos*.json"], refresh_interval: 100ms}]
"""

RULES = """groups:
  - name: tienda
    interval: 100ms
    labels: {equipo: tienda}
    rules:
      - {record: "tienda:pedidos:suma", expr: 'sum by (tienda) (pedidos_total{job="normal"})', labels: {de: regla}}
      - {record: "mal", expr: 'label_replace(up, "job", "x", "", "")'}
      - alert: Pocos
        expr: pedidos_total{job="normal", tienda="sur"} < 5
        for: 300ms
        labels: {gravedad: "{{ $labels.tienda }}"}
        annotations: {resumen: "quedan {{ $value }} en {{ $labels.tienda }}"}
      - {alert: Siempre, expr: 'vector(7)'}
"""


@dataclass
class Lab:
    """Un Prometheus en marcha, lo que lee y la carpeta donde está su configuración."""

    url: str
    shop: Exporter
    mute: Exporter
    config: Path

    def data(self, path: str, **params: Any) -> Any:
        answer = requests.get(f"{self.url}/api/v1/{path}", params=params, timeout=5)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def values(self, query: str) -> list[float]:
        return sorted(float(row["value"][1]) for row in self.data("query", query=query)["result"])

    def labels(self, query: str) -> dict[str, str]:
        (row,) = self.data("query", query=query)["result"]
        return dict(row["metric"])

    def target(self, job: str) -> dict[str, Any]:
        (one,) = [one for one in self.data("targets")["activeTargets"] if one["scrapePool"] == job]
        return dict(one)

    def rules(self, **params: Any) -> dict[str, dict[str, Any]]:
        (group,) = self.data("rules", **params)["groups"]
        return {one["name"]: one for one in group["rules"]}

    def reload(self) -> requests.Response:
        return requests.post(f"{self.url}/-/reload", timeout=10)


def eventually(condition: Callable[[], object], within_s: float = 15.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "no se cumplió a tiempo"
        threading.Event().wait(0.03)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    root, sources = tmp_path_factory.mktemp("prometheus"), tmp_path_factory.mktemp("config")
    with exporter(metrics=METRICS, otras=METRICS, lista="[]") as shop, exporter(mudo="callado 1\n") as mute:
        mute.content_type = ""
        texts = {
            "prometheus.yml": CONFIG % {"shop": shop.address, "mute": mute.address},
            "reglas.yml": RULES,
            "objetivos.json": json.dumps([{"targets": [shop.address], "labels": {"piso": "1"}}]),
        }
        for name, text in texts.items():
            (sources / name).write_text(text, "utf-8")
        service = next(one for one in SERVICES if one.name == "prometheus")
        files = tuple(ConfigFile(name, (sources / name,)) for name in texts)
        servers = [shop.port, mute.port]
        with running(
            "prometheus", root=root, overrides={"prometheus": replace(service, config=files)}, servers=servers
        ) as env:
            lab = Lab(
                env["PROMETHEUS_URL"],
                shop,
                mute,
                folder(root).path / "services" / "prometheus" / "config",
            )
            eventually(lambda: len(lab.values("up")) == 7)
            yield lab


def test_labels_that_clash_are_kept_aside_unless_they_are_honoured(lab: Lab) -> None:
    own = {"__name__": "pedidos_total", "tienda": "norte", "Zona_X": "Este"}
    address = lab.shop.address
    assert lab.labels('pedidos_total{job="normal", tienda="norte"}') == own | {
        "job": "normal",
        "instance": address,
        "zona": "este",
        "exported_job": "otro",
        "exported_instance": "caja-1",
    }
    assert lab.labels('pedidos_total{job="otro"}') == own | {"job": "otro", "instance": "caja-1"}
    assert lab.labels('pedidos_total{job="honrado"}')["instance"] == address


def test_relabelling_can_do_all_that_it_says(lab: Lab) -> None:
    assert lab.labels('pedidos{tienda="sur"}') == {
        "__name__": "pedidos",
        "tienda": "sur",
        "nombre": "Ana-7",
        "minusculas": "ana-7",
        "mayusculas": "ANA-7",
        "reparto": "570",
        "n7": "Ana",
        "de_color": "Rojo",
        "instance": "caja",
    }
    target = lab.target("etiquetas")
    assert target["scrapeUrl"] == f"http://{lab.shop.address}/otras?modo=rapido2&modo=lento"
    assert "/otras?modo=rapido2&modo=lento" in lab.shop.asked
    assert target["discoveredLabels"]["__meta_color"] == "Rojo"
    assert target["discoveredLabels"]["__param_modo"] == "rapido"
    (dropped,) = lab.data("targets", state="dropped")["droppedTargets"]
    assert dropped["discoveredLabels"]["nombre"] == "Beto-8"
    assert lab.values('otra_cosa{job="etiquetas"}') == []
    (total,) = lab.values('scrape_samples_scraped{job="etiquetas"}')
    (kept,) = lab.values('scrape_samples_post_metric_relabeling{job="etiquetas"}')
    assert (total, kept) == (3, 2)


def test_who_does_not_say_its_type_is_not_read_unless_one_is_supposed(lab: Lab) -> None:
    assert lab.values('up{job="mudo"}') == [0]
    assert lab.target("mudo")["health"] == "down"
    assert lab.target("mudo")["lastError"]
    assert lab.values('up{job="supuesto"}') == [1]
    assert lab.values("callado") == [1]
    lab.mute.content_type = "text/html; charset=utf-8"
    threading.Event().wait(0.3)
    assert lab.values('up{job="mudo"}') == [0]
    assert lab.values("callado") == [1]
    lab.mute.content_type = "text/plain"
    eventually(lambda: lab.values('up{job="mudo"}') == [1])


def test_too_many_samples_are_none(lab: Lab) -> None:
    assert lab.values('up{job="pocas"}') == [0]
    assert lab.values('pedidos_total{job="pocas"}') == []
    assert lab.values('scrape_samples_scraped{job="pocas"}') == [3]
    assert lab.values('scrape_samples_post_metric_relabeling{job="pocas"}') == [3]
    assert lab.values('scrape_series_added{job="pocas"}') == [0]


def test_a_service_that_fails_takes_its_series_with_it(lab: Lab) -> None:
    eventually(lambda: len(lab.values('pedidos_total{job="normal"}')) == 2)
    lab.shop.pages["/metrics"] = METRICS.replace('pedidos_total{tienda="sur"} 5\n', "")
    eventually(lambda: len(lab.values('pedidos_total{job="normal"}')) == 1)
    lab.shop.status = 503
    eventually(lambda: lab.values('up{job="normal"}') == [0])
    assert lab.values('pedidos_total{job="normal"}') == []
    # Lo que valió sigue en la historia: solo deja de valer ahora.
    assert lab.values('count_over_time(pedidos_total{job="normal", tienda="norte"}[1m]) > bool 0') == [1]
    lab.shop.status, lab.shop.pages["/metrics"] = 200, METRICS
    eventually(lambda: len(lab.values('pedidos_total{job="normal"}')) == 2)
    assert lab.values('resets(up{job="normal"}[1m])') == [1]


def test_rules_wait_before_they_warn(lab: Lab) -> None:
    eventually(lambda: lab.values('tienda:pedidos:suma{tienda="sur", de="regla", equipo="tienda"}') == [5])
    assert lab.rules()["Pocos"]["state"] == "inactive"
    lab.shop.pages["/metrics"] = METRICS.replace("} 5", "} 4")
    eventually(lambda: lab.rules(type="alert")["Pocos"]["state"] == "pending")
    (alert,) = lab.rules()["Pocos"]["alerts"]
    assert (alert["state"], alert["value"]) == ("pending", "4e+00")
    assert lab.values('ALERTS{alertname="Pocos", alertstate="pending"}') == [1]
    eventually(lambda: lab.rules()["Pocos"]["state"] == "firing")
    eventually(lambda: lab.values('ALERTS{alertname="Pocos", alertstate="firing"}') == [1])
    (alert,) = [one for one in lab.data("alerts")["alerts"] if one["labels"]["alertname"] == "Pocos"]
    assert alert["labels"]["gravedad"] == "sur"
    assert alert["labels"]["equipo"] == "tienda"
    assert alert["annotations"] == {"resumen": "quedan 4 en sur"}
    assert lab.values('ALERTS{alertname="Pocos", alertstate="pending"}') == []
    lab.shop.pages["/metrics"] = METRICS
    eventually(lambda: lab.rules()["Pocos"]["state"] == "inactive")
    eventually(lambda: lab.values('ALERTS{alertname="Pocos"}') == [])


def test_rules_tell_how_they_went(lab: Lab) -> None:
    eventually(lambda: lab.rules()["mal"]["health"] == "err")
    rules = lab.rules()
    assert [rules[name]["type"] for name in ("tienda:pedidos:suma", "Pocos")] == ["recording", "alerting"]
    assert rules["tienda:pedidos:suma"]["health"] == "ok"
    assert rules["tienda:pedidos:suma"]["labels"] == {"de": "regla", "equipo": "tienda"}
    assert "same labelset" in rules["mal"]["lastError"]
    assert (rules["Pocos"]["duration"], rules["Pocos"]["keepFiringFor"]) == (0.3, 0)
    assert rules["Siempre"]["state"] == "firing"
    assert set(lab.rules(type="record")) == {"tienda:pedidos:suma", "mal"}
    (group,) = lab.data("rules")["groups"]
    assert (group["name"], group["interval"], group["limit"]) == ("tienda", 0.1, 0)
    assert group["file"].endswith("reglas.yml")
    assert group["lastEvaluation"] > "2020"


def test_targets_come_and_go_as_the_list_says(lab: Lab) -> None:
    assert lab.values('up{job="descubierto"}') == []
    lab.shop.pages["/lista"] = json.dumps([{"targets": [lab.shop.address], "labels": {"sala": "b"}}])
    threading.Event().wait(0.5)
    assert lab.values('up{job="descubierto"}') == [], "una lista que no dice ser JSON no se lee"
    lab.shop.types["/lista"] = "application/json; charset=utf-8"
    eventually(lambda: lab.values('up{job="descubierto", sala="b"}') == [1])
    assert lab.target("descubierto")["discoveredLabels"]["__meta_url"] == f"http://{lab.shop.address}/lista"
    lab.shop.pages["/lista"] = "[]"
    eventually(lambda: lab.values('up{job="descubierto"}') == [])
    assert lab.values('pedidos_total{job="descubierto"}') == []


def test_targets_in_a_file_have_its_labels(lab: Lab) -> None:
    assert lab.values('up{job="fichero", piso="1"}') == [1]
    assert lab.target("fichero")["discoveredLabels"]["__meta_filepath"].endswith("objetivos.json")


@pytest.mark.skipif(
    runtime() == "docker", reason="el fichero está dentro del contenedor: aquí no se puede cambiar"
)
def test_a_file_that_changes_changes_the_targets_and_what_goes_is_stale_at_once(lab: Lab) -> None:
    path = lab.config / "objetivos.json"
    before = path.read_text("utf-8")
    path.write_text("[]", "utf-8")
    eventually(lambda: lab.values('up{job="fichero"}') == [])
    assert lab.values('pedidos_total{job="fichero"}') == []
    assert lab.values('count_over_time(up{job="fichero"}[2m]) > bool 0') == [1]
    path.write_text(before, "utf-8")
    eventually(lambda: lab.values('up{job="fichero"}') == [1])


@pytest.mark.skipif(
    runtime() == "docker", reason="el fichero está dentro del contenedor: aquí no se puede cambiar"
)
def test_a_reload_reads_the_file_again_and_a_wrong_one_changes_nothing(lab: Lab) -> None:
    path = lab.config / "prometheus.yml"
    before = path.read_text("utf-8")
    try:
        path.write_text(before.replace("job_name: honrado", "job_nam: honrado"), "utf-8")
        answer = lab.reload()
        assert answer.status_code == 500
        assert "failed to reload config" in answer.text
        assert lab.values("prometheus_config_last_reload_successful") == []
        assert lab.values('up{job="honrado"}') == [1]
        path.write_text(before.replace("job_name: honrado", "job_name: nuevo"), "utf-8")
        assert lab.reload().status_code == 200
        eventually(lambda: lab.values('up{job="nuevo"}') == [1])
        assert {one["scrapePool"] for one in lab.data("targets")["activeTargets"]} >= {"nuevo", "normal"}
        assert "honrado" not in {one["scrapePool"] for one in lab.data("targets")["activeTargets"]}
        # A lo de un trabajo que se borra entero nadie le pone marca: vale hasta que se olvida, a los 5 minutos.
        assert lab.values('up{job="honrado"}') == [1]
        assert "job_name: nuevo" in lab.data("status/config")["yaml"]
    finally:
        path.write_text(before, "utf-8")
        assert lab.reload().status_code == 200


def test_it_says_that_it_is_ready_and_healthy(lab: Lab) -> None:
    assert requests.get(f"{lab.url}/-/ready", timeout=5).text == "Prometheus Server is Ready.\n"
    assert requests.get(f"{lab.url}/-/healthy", timeout=5).text == "Prometheus Server is Healthy.\n"
    assert requests.get(f"{lab.url}/-/reload", timeout=5).status_code == 405
