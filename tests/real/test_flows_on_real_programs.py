"""Los flujos con los programas reales que hay en esta máquina (`STACKLAB_BIN`, `KAFKA_HOME`)."""

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


@pytest.fixture(scope="module")
def lines(home: Path) -> list[dict[str, Any]]:
    """Lo que cuenta la ejecución de todos los flujos."""
    return run_flow(home, "all", "--runtime", "binary")


@pytest.mark.timeout(300)
def test_every_hop_of_every_flow_is_proven(lines: list[dict[str, Any]]) -> None:
    last = lines[-1]
    assert (last["status"], last["proven"], last["total"]) == ("passed", TOTAL, TOTAL)
    assert set(fidelities(lines).values()) <= FIDELITIES
    to = {line["to"]: line["fidelity"] for line in lines if line["type"] == "hop"}
    there = [name for name in REAL if name in to]
    assert there
    assert {name: to[name] for name in there} == dict.fromkeys(there, "binary")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("place", leaks.PLACES, ids=lambda place: place.__name__)
def test_no_secret_is_where_it_should_not(home: Path, lines: list[dict[str, Any]], place: leaks.Place) -> None:
    leaks.search(Laboratory(project(home), home, SERVICES), place)


def test_no_secret_is_told_to_the_person(home: Path, lines: list[dict[str, Any]]) -> None:
    leaks.search_told(Laboratory(project(home), home, SERVICES), json.dumps(lines, ensure_ascii=False))
