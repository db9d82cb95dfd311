"""Los doce sabotajes: cada uno pone en rojo su prueba, y ninguna que no dependa de ella."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from scenarios.engine.events import HopStatus
from scenarios.engine.runner import run
from scenarios.flows import FLOWS
from scenarios.flujo_b import keys, rotation
from stack.laboratory import Laboratory
from tests.support.sabotaging import only_what_depends_on_it_turns_red

FLOW = FLOWS["flujo-b"]
EVERYTHING = [hop.id for hop in FLOW.hops]

NOT_PROVEN = {
    "B1": EVERYTHING,
    "B2": EVERYTHING[1:],
    "B3": EVERYTHING[2:],
    "B4": EVERYTHING[3:],
    "B5": [hop_id for hop_id in EVERYTHING[4:] if hop_id != "B6"],
    "B6": EVERYTHING[5:],
    "B7": ["B7"],
    "B8": ["B8", "B12"],
    "B9": ["B9", "B10", "B11"],
    "B10": ["B10", "B11"],
    "B11": ["B11"],
    "B12": ["B12"],
}
"""Lo que deja de probarse con cada sabotaje: lo que de verdad pasa, medido, y no solo lo que se permite."""


@pytest.mark.parametrize("broken", EVERYTHING)
def test_breaking_one_arrow_turns_red_its_own_proof(login_laboratory: Laboratory, broken: str) -> None:
    only_what_depends_on_it_turns_red(
        FLOW, login_laboratory, broken, NOT_PROVEN, impatience_s=1.5 if broken == "B12" else 3
    )


@contextmanager
def _wide_permit(laboratory: Laboratory) -> Iterator[None]:
    """Auth puede leer todos los secretos."""
    with keys.administrator(laboratory.env(["vault"])) as vault:
        right = vault.sys.read_policy("auth")["data"]["rules"]
        vault.sys.create_or_update_policy("auth", f'{right}\npath "secret/data/*" {{ capabilities = ["read"] }}')
        try:
            yield
        finally:
            vault.sys.create_or_update_policy("auth", right)


@contextmanager
def _kong_without_keys(laboratory: Laboratory) -> Iterator[None]:
    """Kong no conoce ninguna clave."""
    rotation.teach(laboratory, [])
    try:
        yield
    finally:
        rotation.synchronise(laboratory)


@pytest.mark.parametrize(
    ("wrong", "expected"), [(_wide_permit, ["B3"]), (_kong_without_keys, ["B9", "B11"])], ids=["permiso", "kong"]
)
def test_what_works_by_luck_is_not_proven(
    login_laboratory: Laboratory, wrong: Callable[[Laboratory], AbstractContextManager[None]], expected: list[str]
) -> None:
    """Se entra sin problemas, pero algo no está como se dice: el permiso sobra, o el token no abre."""
    with wrong(login_laboratory):
        result = run(FLOW, login_laboratory, patience_s=20, patience_by_hop=dict.fromkeys(expected, 3))
    assert result.finished.answer == "200"
    assert [done.hop.id for done in result.hops if done.status is not HopStatus.PROVEN] == expected


def test_afterwards_everything_is_as_it_was(login_laboratory: Laboratory) -> None:
    result = run(FLOW, login_laboratory)
    assert [done.reason for done in result.hops if done.status is not HopStatus.PROVEN] == []
