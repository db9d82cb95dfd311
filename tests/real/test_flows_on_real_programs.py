"""Los flujos con los programas reales que hay en esta máquina (`STACKLAB_BIN`, `KAFKA_HOME`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.flows import fidelities, run_flow, stacklab

FLOWS = {"flujo-a": 16, "flujo-b": 12, "flujo-c": 7}
# De Kong y Grafana no hay programa que se pueda instalar sin más: contestan los suplentes, y se dice.
REAL = ("Kafka", "Redis", "MinIO", "Jaeger", "Vault", "Base de Datos", "Consul")
# El proveedor de pagos del flujo C está fuera: en todas partes es simulado.
FIDELITIES = {"binary", "embedded", "simulated"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("casa")
    yield home
    assert stacklab(home, "down", "--volumes").returncode == 0


@pytest.mark.timeout(240)
@pytest.mark.parametrize("flow", FLOWS)
def test_every_hop_is_proven(home: Path, flow: str) -> None:
    lines = run_flow(home, flow, "--runtime", "binary")
    last = lines[-1]
    assert (last["status"], last["proven"], last["total"]) == ("passed", FLOWS[flow], FLOWS[flow])
    assert set(fidelities(lines).values()) <= FIDELITIES
    to = {line["to"]: line["fidelity"] for line in lines if line["type"] == "hop"}
    there = [name for name in REAL if name in to]
    assert there
    assert {name: to[name] for name in there} == dict.fromkeys(there, "binary")
