"""Lo que escribe quien hace un flujo: qué explica de cada flecha, y qué pasa cuando algo va mal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scenarios.engine.diagram import Diagram
from scenarios.engine.flow import HoldPoint, Hop, Proof, SpanMatch
from scenarios.engine.sabotage import Sabotage


@dataclass(frozen=True, slots=True)
class Explanation:
    """Las tres frases de un paso y el texto largo que se pide con `?` (véase `Hop`)."""

    what: str
    why: str
    without: str
    more: str


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Un caso de la tabla «Qué pasa si…» de un flujo, que es también una prueba (`test_if_<id>`).

    `when` es lo que ocurre y `then`, lo que se ve.
    """

    id: str
    when: str
    then: str


class Hops:
    """Hace los pasos de un flujo: junta cada flecha de `diagram` con lo que su carpeta dice de ella.

    Los pasos se llaman `letter` y su número en el diagrama (`A1`, `A2`…); `explanations`, `sabotages` y `makers`
    van por ese nombre.
    """

    def __init__(
        self,
        letter: str,
        diagram: Diagram,
        explanations: Mapping[str, Explanation],
        sabotages: Mapping[str, Sabotage],
        makers: Mapping[str, str],
    ) -> None:
        self._arrows = {f"{letter}{number}": arrow for number, arrow in enumerate(diagram.arrows, start=1)}
        self._explanations, self._sabotages, self._makers = explanations, sabotages, makers

    def __call__(
        self,
        hop_id: str,
        service: str,
        prove: Proof,
        *needs: str,
        hold: HoldPoint | None = None,
        unheld: str = "",
        span: SpanMatch | None = None,
        proven_after: str | None = None,
    ) -> Hop:
        """El paso `hop_id`, con los argumentos de `Hop`. `KeyError` si no hay esa flecha o nadie la explica."""
        text = self._explanations[hop_id]
        return Hop(
            id=hop_id,
            arrow=self._arrows[hop_id],
            service=service,
            what=text.what,
            why=text.why,
            without=text.without,
            more=text.more,
            prove=prove,
            sabotage=self._sabotages[hop_id],
            made_by=self._makers[hop_id],
            hold=hold,
            unheld=unheld,
            span=span,
            needs=needs,
            proven_after=proven_after,
        )
