"""Los mismos pasos, probados igual, con los servicios en contenedores y con mezclas de runtimes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scenarios.catalog import SERVICES
from scenarios.flows import FLOWS
from stack.laboratory import Laboratory
from tests.support import leaks
from tests.support.flows import fidelities, run_flow, stacklab
from tests.support.running import project

MIXTURES = {
    "kafka-y-redis-fuera": ("--set", "kafka=embedded", "--set", "redis=embedded"),
    "kong-y-prometheus-fuera": ("--set", "kong=embedded", "--set", "prometheus=embedded"),
    "jaeger-y-minio-fuera": ("--set", "jaeger=embedded", "--set", "minio=embedded"),
    # Consul comprueba a los microservicios desde donde corre, y Prometheus los lee desde donde corre.
    "consul-fuera": ("--set", "consul=embedded"),
    "prometheus-y-grafana-fuera": ("--set", "prometheus=embedded", "--set", "grafana=embedded"),
}
TOTAL = sum(len(flow.hops) for flow in FLOWS.values())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("casa")
    yield home
    assert stacklab(home, "down", "--volumes").returncode == 0


@pytest.fixture(scope="module")
def in_docker(home: Path) -> list[dict[str, Any]]:
    """Lo que cuenta la ejecución de todos los flujos, con todos los servicios en contenedores."""
    return run_flow(home, "all", "--runtime", "docker")


def proven(lines: list[dict[str, Any]], home: Path) -> None:
    last = lines[-1]
    assert last["flows"][0]["total"] == 16
    assert (last["status"], last["proven"], last["total"]) == ("passed", TOTAL, TOTAL)
    assert "docker" in fidelities(lines).values()
    assert stacklab(home, "status").returncode == 0


@pytest.mark.timeout(300)
def test_every_hop_is_proven_in_containers(home: Path, in_docker: list[dict[str, Any]]) -> None:
    proven(in_docker, home)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("place", leaks.PLACES, ids=lambda place: place.__name__)
def test_no_secret_is_where_it_should_not(home: Path, in_docker: list[dict[str, Any]], place: leaks.Place) -> None:
    laboratory = Laboratory(project(home), home, SERVICES)
    seen = leaks.search(laboratory, place)
    if place in {leaks.logs, leaks.orders}:
        inside = {
            "kafka",
            "redis",
            "minio",
            "vault",
            "database",
            "kong",
            "consul",
            "jaeger",
            "prometheus",
            "grafana",
        }
        assert inside <= set(leaks.containers(laboratory))
        assert inside <= {where.rpartition(" ")[2] for where in seen if "contenedor" in where}


def test_no_secret_is_told_to_the_person(home: Path, in_docker: list[dict[str, Any]]) -> None:
    leaks.search_told(Laboratory(project(home), home, SERVICES), json.dumps(in_docker, ensure_ascii=False))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mixture", MIXTURES)
def test_every_hop_of_every_flow_is_proven(home: Path, mixture: str) -> None:
    proven(run_flow(home, "all", "--runtime", "docker", *MIXTURES[mixture]), home)


@pytest.mark.timeout(240)
def test_going_back_to_what_pip_gives_leaves_no_container(home: Path) -> None:
    lines = run_flow(home, "flujo-a", "--runtime", "embedded")
    assert lines[-1]["proven"] == 16
    assert "docker" not in fidelities(lines).values()
