"""Estropear una flecha de un flujo y mirar qué deja de probarse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scenarios.engine.events import HopStatus
from scenarios.engine.flow import Flow
from scenarios.engine.runner import run
from stack.laboratory import Laboratory


def only_what_depends_on_it_turns_red(
    flow: Flow,
    laboratory: Laboratory,
    broken: str,
    not_proven: Mapping[str, Sequence[str]],
    *,
    impatience_s: float = 3,
) -> None:
    """Estropea `broken` y exige que falle esa prueba, y que de las demás solo falten las de `not_proven`.

    Esas han de depender de ella según el flujo. A lo que no va a llegar se le espera `impatience_s` segundos; a lo
    demás, lo que haga falta aunque la máquina esté cargada.
    """
    impatient = dict.fromkeys(not_proven[broken], impatience_s)
    result = run(flow, laboratory, sabotage=broken, patience_s=20, patience_by_hop=impatient)
    statuses = {done.hop.id: done.status for done in result.hops}
    red = [hop_id for hop_id, status in statuses.items() if status is not HopStatus.PROVEN]
    assert statuses[broken] is HopStatus.FAILED
    assert set(red) <= {broken, *flow.dependents(broken)}
    assert red == not_proven[broken], {done.hop.id: done.reason for done in result.hops if done.hop.id in red}
    assert [hop_id for hop_id, status in statuses.items() if status is HopStatus.FAILED] == [broken]
    assert not result.passed
