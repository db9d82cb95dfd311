"""Prometheus pregunta a Consul a quién tiene que leer: quien se apunta se lee, y quien se borra deja de contar.

Sigue https://prometheus.io/docs/prometheus/latest/configuration/configuration/#consul_sd_config.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import consul
import pytest
import requests

from stack.catalog import SERVICES
from stack.model import ConfigFile
from tests.support.exporter import Exporter, exporter

CONFIG = """global: {scrape_interval: 100ms, scrape_timeout: 100ms}
scrape_configs:
  - job_name: apuntados
    consul_sd_configs:
      - {server: "${CONSUL_HTTP_ADDRESS}", services: [tienda], refresh_interval: 200ms}
    relabel_configs:
      - {source_labels: [__meta_consul_service], target_label: servicio}
      - {source_labels: [__meta_consul_service_id], target_label: instancia}
      - {source_labels: [__meta_consul_service_metadata_version], target_label: version}
      - {source_labels: [__meta_consul_tags], target_label: marcas}
      - {source_labels: [__meta_consul_health], target_label: salud}
      - {source_labels: [__meta_consul_dc], target_label: centro}
  - job_name: marcados
    consul_sd_configs:
      - {server: "${CONSUL_HTTP_ADDRESS}", tags: [metricas], refresh_interval: 200ms}
"""


@dataclass
class Lab:
    """Los dos servicios, con su cliente, y quien publica métricas."""

    url: str
    consul_url: str
    consul: consul.Consul
    shop: Exporter

    def labels(self, query: str) -> list[dict[str, str]]:
        answer = requests.get(f"{self.url}/api/v1/query", params={"query": query}, timeout=5).json()
        return [row["metric"] for row in answer["data"]["result"]]

    def register(self, instance: str, tags: list[str] | None = None, meta: dict[str, str] | None = None) -> None:
        """Apunta una instancia. A mano: `python-consul` no sabe mandar `Meta`."""
        host, _, port = self.shop.address.rpartition(":")
        body = {"Name": "tienda", "ID": instance, "Address": host, "Port": int(port)}
        body |= {"Tags": tags or [], "Meta": meta or {}}
        answer = requests.put(f"{self.consul_url}/v1/agent/service/register", json=body, timeout=5)
        assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def lab(started: Callable[..., dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    config: Path = tmp_path_factory.mktemp("config") / "prometheus.yml"
    config.write_text(CONFIG, "utf-8")
    service = next(one for one in SERVICES if one.name == "prometheus")
    changed = replace(service, config=(ConfigFile("prometheus.yml", (config,)),), depends_on=("consul",))
    with exporter(metrics="pedidos_total 5\n") as shop:
        env = started("consul", "prometheus", overrides={"prometheus": changed}, servers=[shop.port])
        client = consul.Consul(host=env["CONSUL_HTTP_HOST"], port=int(env["CONSUL_HTTP_PORT"]))
        yield Lab(env["PROMETHEUS_URL"], env["CONSUL_HTTP_URL"], client, shop)
        client.http.session.close()


def eventually(condition: Callable[[], object], within_s: float = 20.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "no se cumplió a tiempo"
        threading.Event().wait(0.03)


def test_who_signs_up_is_read_and_who_leaves_is_not(lab: Lab) -> None:
    lab.register("tienda-1", tags=["metricas", "verde"], meta={"version": "1.2"})
    lab.register("tienda-2")
    eventually(lambda: len(lab.labels('up{job="apuntados"} == 1')) == 2)

    found = {one["instancia"]: one for one in lab.labels('pedidos_total{job="apuntados"}')}
    assert found["tienda-1"] == {
        "__name__": "pedidos_total",
        "job": "apuntados",
        "instance": lab.shop.address,
        "servicio": "tienda",
        "instancia": "tienda-1",
        "version": "1.2",
        "marcas": ",metricas,verde,",
        "salud": "passing",
        "centro": "dc1",
    }
    assert (found["tienda-2"]["marcas"], "version" in found["tienda-2"]) == (",,", False)
    eventually(lambda: len(lab.labels('up{job="marcados"} == 1')) == 1)

    lab.consul.agent.service.deregister("tienda-1")
    eventually(lambda: len(lab.labels('up{job="apuntados"}')) == 1)
    eventually(lambda: lab.labels('up{job="marcados"}') == [])
    assert [one["instancia"] for one in lab.labels("pedidos_total")] == ["tienda-2"]


def test_what_was_found_is_told_with_the_targets(lab: Lab) -> None:
    lab.register("tienda-3", meta={"version": "3", "con-guion": "sí"})
    address = lab.shop.address

    def discovered() -> list[dict[str, str]]:
        data = requests.get(f"{lab.url}/api/v1/targets?state=active", timeout=5).json()["data"]
        every = [one["discoveredLabels"] for one in data["activeTargets"]]
        return [one for one in every if one.get("__meta_consul_service_id") == "tienda-3"]

    eventually(discovered)
    (labels,) = discovered()
    assert labels["__address__"] == address
    assert labels["__meta_consul_service_port"] == address.rpartition(":")[2]
    assert labels["__meta_consul_service_address"] == address.rpartition(":")[0]
    assert labels["__meta_consul_service_metadata_con_guion"] == "sí"
    assert labels["__meta_consul_node"]
    assert labels["__meta_consul_address"]
