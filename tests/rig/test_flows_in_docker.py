"""Los mismos pasos, probados igual, con los servicios en contenedores y con mezclas de runtimes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scenarios.flows import FLOWS
from tests.support.flows import fidelities, run_flow, stacklab

MIXTURES = {
    "docker": (),
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


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mixture", MIXTURES)
def test_every_hop_of_every_flow_is_proven(home: Path, mixture: str) -> None:
    lines = run_flow(home, "all", "--runtime", "docker", *MIXTURES[mixture])
    last = lines[-1]
    assert last["flows"][0]["total"] == 16
    assert (last["status"], last["proven"], last["total"]) == ("passed", TOTAL, TOTAL)
    assert "docker" in fidelities(lines).values()
    assert stacklab(home, "status").returncode == 0


@pytest.mark.timeout(240)
def test_going_back_to_what_pip_gives_leaves_no_container(home: Path) -> None:
    lines = run_flow(home, "flujo-a", "--runtime", "embedded")
    assert lines[-1]["proven"] == 16
    assert "docker" not in fidelities(lines).values()
