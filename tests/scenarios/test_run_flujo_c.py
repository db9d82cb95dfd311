"""El flujo C de principio a fin: de una vez, paso a paso y estropeado."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from scenarios.engine.events import HopDone, HopPending, HopStatus, HopWaiting, RunEvent, as_json
from scenarios.engine.runner import RunResult, run
from scenarios.engine.stepping import Step
from scenarios.flows import FLOWS
from scenarios.flujo_c.services import SICK, WELL
from stack.laboratory import Laboratory
from stack.model import Fidelity
from tests.support.charges import Till
from tests.support.sabotaging import only_what_depends_on_it_turns_red

FLOW = FLOWS["flujo-c"]
EVERYTHING = [hop.id for hop in FLOW.hops]

NOT_PROVEN = {
    "C1": ["C1", "C2", "C3", "C4", "C5", "C7"],
    "C2": ["C2", "C3", "C4", "C5", "C7"],
    "C3": ["C3", "C4", "C5", "C7"],
    "C4": ["C4", "C5"],
    "C5": ["C5"],
    "C6": ["C6"],
    "C7": ["C7"],
}
"""Lo que deja de probarse con cada sabotaje: lo que de verdad pasa, medido, y no solo lo que se permite."""


@pytest.fixture
def till(cashier_laboratory: Laboratory) -> Iterator[Till]:
    one = Till(cashier_laboratory)
    yield one
    one.close()


def _reasons(result: RunResult) -> list[str]:
    return [f"{done.hop.id}: {done.reason}" for done in result.hops if done.status is not HopStatus.PROVEN]


def test_seven_of_seven(cashier_laboratory: Laboratory, till: Till) -> None:
    events: list[RunEvent] = []
    result = run(FLOW, cashier_laboratory, on_event=events.append)
    assert _reasons(result) == []
    lines = [json.loads(json.dumps(as_json(event))) for event in events]
    assert [line["id"] for line in lines if line["type"] == "hop"] == EVERYTHING
    assert (lines[-1]["status"], lines[-1]["proven"], lines[-1]["total"]) == ("passed", 7, 7)
    assert all(line["evidence"]["details"] for line in lines[1:-1])
    fidelities = {event.hop.id: event.fidelity for event in events if isinstance(event, HopDone)}
    assert [hop_id for hop_id, one in fidelities.items() if one is Fidelity.SIMULATED] == ["C4"]
    assert till.http.request("GET", lines[-1]["trace_url"]).status == 200
    assert till.http.request("GET", lines[-1]["dashboard_url"]).status == 200
    assert till.registered() == {SICK: False, WELL: True}


def test_the_system_stands_still_before_each_hop(cashier_laboratory: Laboratory, till: Till) -> None:
    events: list[RunEvent] = []
    seen: dict[str, int] = {}
    held: dict[str, bool] = {}

    def look(waiting: HopWaiting) -> Step:
        seen[waiting.hop.id] = len(till.ledger(f"matricula-{started.run_id}"))
        held[waiting.hop.id] = waiting.held
        assert till.http.request("GET", f"{till.env['FINANZAS_URL']}/health").status == 200
        return Step.NEXT

    def note(event: RunEvent) -> None:
        nonlocal started
        events.append(event)
        started = started or event

    started = None  # type: ignore[var-annotated]
    result = run(FLOW, cashier_laboratory, stepper=look, on_event=note)
    assert _reasons(result) == []
    # El pago está en el libro del proveedor antes de que la pasarela se entere (C5), y no antes (C4).
    assert seen == {"C1": 0, "C2": 0, "C3": 0, "C4": 0, "C5": 1, "C6": 1, "C7": 1}
    assert [hop_id for hop_id, one in held.items() if not one] == ["C6", "C7"]
    assert [event.hop.id for event in events if isinstance(event, HopPending)] == ["C1", "C3"]


@pytest.mark.parametrize("broken", EVERYTHING)
def test_breaking_one_arrow_turns_red_its_own_proof(cashier_laboratory: Laboratory, broken: str) -> None:
    only_what_depends_on_it_turns_red(FLOW, cashier_laboratory, broken, NOT_PROVEN, impatience_s=2)


def test_afterwards_everything_is_as_it_was(cashier_laboratory: Laboratory) -> None:
    assert _reasons(run(FLOW, cashier_laboratory)) == []


def test_who_stops_takes_its_name_off_consul_first(cashier_laboratory: Laboratory, till: Till) -> None:
    cashier_laboratory.down([SICK])
    try:
        assert set(till.registered()) == {WELL}
    finally:
        cashier_laboratory.up([SICK])
