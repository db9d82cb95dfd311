"""El catálogo: lo que aporta cada carpeta de flujo, sin tocar nada más."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import yaml

from scenarios.catalog import SERVICES, catalog
from scenarios.microservice import DISCOVERABLE
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
    assert names.index("uploads") >= len(BASE)
    assert {"uploads", "thumbnails"} <= {one.name for one in SERVICES if one.kind is Kind.MICROSERVICE}
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
        "microservicios",
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


def test_prometheus_finds_every_microservice_in_consul() -> None:
    (config,) = _service(SERVICES, "prometheus").config
    document = yaml.safe_load(rendered(config, _names(SERVICES)))
    job = document["scrape_configs"][0]
    assert (
        job["consul_sd_configs"][0] | {"server": "127.0.0.1:8500", "tags": ["metricas"]}
        == job["consul_sd_configs"][0]
    )
    assert job["scrape_interval"] == "500ms"
    assert all("static_configs" not in one for one in document["scrape_configs"] if one["job_name"] != "kong")
    for service in SERVICES:
        if service.kind is Kind.MICROSERVICE:
            assert service.embedded is not None
            assert set(DISCOVERABLE) <= set(service.embedded.env), service.name
            assert service.embedded.env["SERVICE_ID"] == service.name
