"""El catálogo: lo que aporta cada carpeta de flujo, sin tocar nada más."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import yaml

from scenarios.catalog import SERVICES, catalog
from stack.addresses import Endpoint, Viewpoint, variables
from stack.catalog import SERVICES as BASE
from stack.config import rendered
from stack.model import Kind, Service


def _names(services: tuple[Service, ...]) -> dict[str, str]:
    endpoints = [
        Endpoint(service.name, port.name, port.scheme, "127.0.0.1", port.number, "127.0.0.1", port.number)
        for service in services
        for port in service.ports
    ]
    credentials = {name.upper(): "x" for service in services for name in service.credentials}
    return variables(endpoints, Viewpoint.HOST) | credentials


def _service(services: tuple[Service, ...], name: str) -> Service:
    return next(service for service in services if service.name == name)


def test_base_services_come_first_and_microservices_behind() -> None:
    names = [service.name for service in SERVICES]
    assert names[: len(BASE)] == [service.name for service in BASE]
    assert [service.name for service in SERVICES if service.kind is Kind.MICROSERVICE] == ["uploads", "thumbnails"]
    assert len(set(names)) == len(names)


def test_ports_do_not_collide() -> None:
    ports = [port.number for service in SERVICES for port in service.ports]
    assert len(set(ports)) == len(ports)


def test_a_folder_adds_its_pieces(tmp_path: Path) -> None:
    flow = tmp_path / "flujo_z"
    flow.mkdir()
    (flow / "prometheus.yml").write_text("scrape_configs:\n  - job_name: zeta\n", "utf-8")
    (flow / "kong.yaml").write_text("services:\n  - name: zeta\n", "utf-8")
    (flow / "dashboard.json").write_text('{"uid": "flujo-z"}', "utf-8")
    services = catalog([flow])
    names = _names(services)
    (config,) = _service(services, "prometheus").config
    assert [job["job_name"] for job in yaml.safe_load(rendered(config, names))["scrape_configs"]] == [
        "kong",
        "zeta",
    ]
    kong = next(file for file in _service(services, "kong").config if file.target == "kong.yaml")
    document = yaml.safe_load(rendered(kong, names))
    assert document["services"] == [{"name": "zeta"}]
    assert document["plugins"]
    dashboards = {file.target: file.sources for file in _service(services, "grafana").config}
    assert dashboards["dashboards/flujo-z.json"] == (flow / "dashboard.json",)


def test_without_folders_it_is_the_base_and_what_is_planted_in_it() -> None:
    bare = [replace(one, seed="") for one in catalog([]) if one.name != "database"]
    assert bare == [one for one in BASE if one.name != "database"]
    assert {one.name for one in catalog([]) if one.seed} == {"vault", "database"}


def test_prometheus_reads_the_microservices_of_flow_a() -> None:
    (config,) = _service(SERVICES, "prometheus").config
    document = yaml.safe_load(rendered(config, _names(SERVICES)))
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in document["scrape_configs"]}
    assert targets["uploads"] == ["127.0.0.1:7101"]
    assert targets["thumbnails"] == ["127.0.0.1:7102"]
