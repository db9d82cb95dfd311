"""Los flujos con los programas reales que hay en esta máquina (`STACKLAB_BIN`, `KAFKA_HOME`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scenarios.flows import FLOWS
from tests.support.flows import fidelities, run_flow, stacklab

TOTAL = sum(len(flow.hops) for flow in FLOWS.values())
# De Kong y Grafana no hay programa que se pueda instalar sin más: contestan los suplentes, y se dice.
REAL = ("Kafka", "Redis", "MinIO", "Jaeger", "Vault", "Base de Datos", "Consul")
# El proveedor de pagos del flujo C está fuera: en todas partes es simulado.
FIDELITIES = {"binary", "embedded", "simulated"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("casa")
    yield home
    assert stacklab(home, "down", "--volumes").returncode == 0


@pytest.mark.timeout(300)
def test_every_hop_of_every_flow_is_proven(home: Path) -> None:
    lines = run_flow(home, "all", "--runtime", "binary")
    last = lines[-1]
    assert (last["status"], last["proven"], last["total"]) == ("passed", TOTAL, TOTAL)
    assert set(fidelities(lines).values()) <= FIDELITIES
    to = {line["to"]: line["fidelity"] for line in lines if line["type"] == "hop"}
    there = [name for name in REAL if name in to]
    assert there
    assert {name: to[name] for name in there} == dict.fromkeys(there, "binary")
