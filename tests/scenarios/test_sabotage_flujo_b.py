"""Los doce sabotajes: cada uno pone en rojo su prueba, y ninguna que no dependa de ella."""

from __future__ import annotations

import pytest

from scenarios.engine.events import HopStatus
from scenarios.engine.runner import run
from scenarios.flows import FLOWS
from stack.laboratory import Laboratory

FLOW = FLOWS["flujo-b"]
EVERYTHING = [hop.id for hop in FLOW.hops]

NOT_PROVEN = {
    "B1": EVERYTHING,
    "B2": EVERYTHING[1:],
    "B3": ["B3"],
    "B4": ["B4", "B9", "B11"],
    "B5": [hop_id for hop_id in EVERYTHING[4:] if hop_id != "B6"],
    "B6": EVERYTHING[5:],
    "B7": ["B7"],
    "B8": ["B8", "B12"],
    "B9": ["B9", "B11"],
    "B10": ["B10", "B11"],
    "B11": ["B11"],
    "B12": ["B12"],
}
"""Lo que deja de probarse con cada sabotaje: lo que de verdad pasa, medido, y no solo lo que se permite."""


@pytest.mark.parametrize("broken", EVERYTHING)
def test_breaking_one_arrow_turns_red_its_own_proof(login_laboratory: Laboratory, broken: str) -> None:
    result = run(FLOW, login_laboratory, sabotage=broken, patience_s=1.5 if broken == "B12" else 3)
    statuses = {done.hop.id: done.status for done in result.hops}
    red = [hop_id for hop_id, status in statuses.items() if status is not HopStatus.PROVEN]
    assert statuses[broken] is HopStatus.FAILED
    assert set(red) <= {broken, *FLOW.dependents(broken)}
    assert red == NOT_PROVEN[broken], {done.hop.id: done.reason for done in result.hops if done.hop.id in red}
    assert [hop_id for hop_id, status in statuses.items() if status is HopStatus.FAILED] == [broken]
    assert not result.passed


def test_afterwards_everything_is_as_it_was(login_laboratory: Laboratory) -> None:
    result = run(FLOW, login_laboratory)
    assert [done.reason for done in result.hops if done.status is not HopStatus.PROVEN] == []
