"""Los dieciséis sabotajes: cada uno pone en rojo su prueba, y ninguna que no dependa de ella."""

from __future__ import annotations

import pytest

from scenarios.engine.events import HopStatus
from scenarios.engine.runner import run
from scenarios.flows import FLOWS
from stack.laboratory import Laboratory
from tests.support.sabotaging import only_what_depends_on_it_turns_red

FLOW = FLOWS["flujo-a"]
EVERYTHING = [hop.id for hop in FLOW.hops]

NOT_PROVEN = {
    "A1": EVERYTHING,
    "A2": ["A2"],
    "A3": [hop_id for hop_id in EVERYTHING if hop_id not in ("A1", "A2")],
    "A4": ["A4", "A5", "A7", "A9"],
    "A5": [hop_id for hop_id in EVERYTHING if hop_id not in ("A1", "A2", "A3", "A4")],
    "A6": ["A6", "A10", "A11", "A12", "A13", "A15", "A16"],
    "A7": ["A7"],
    "A8": ["A8", "A9", "A14"],
    "A9": ["A9"],
    "A10": ["A10", "A11", "A12", "A13", "A15", "A16"],
    "A11": ["A11", "A12", "A13", "A15"],
    "A12": ["A12"],
    "A13": ["A13"],
    "A14": ["A14"],
    "A15": ["A15"],
    "A16": ["A16"],
}
"""Lo que deja de probarse con cada sabotaje: lo que de verdad pasa, medido, y no solo lo que se permite."""


@pytest.mark.parametrize("broken", EVERYTHING)
def test_breaking_one_arrow_turns_red_its_own_proof(laboratory: Laboratory, broken: str) -> None:
    only_what_depends_on_it_turns_red(
        FLOW, laboratory, broken, NOT_PROVEN, impatience_s=2 if broken == "A10" else 3
    )


def test_afterwards_everything_is_as_it_was(laboratory: Laboratory) -> None:
    result = run(FLOW, laboratory)
    assert [done.reason for done in result.hops if done.status is not HopStatus.PROVEN] == []
