"""Qué es un flujo y qué es cada uno de sus pasos: datos que se leen de la carpeta del flujo.

Un paso (`Hop`) es una flecha del diagrama más todo lo que no cabe en ella: por qué se hace, cómo se prueba, dónde
se puede parar el sistema justo antes y qué hay que estropear para que falle solo él.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scenarios.engine.answer import Answer
from scenarios.engine.diagram import Arrow, Diagram
from scenarios.engine.facts import Evidence

if TYPE_CHECKING:
    from scenarios.engine.context import Run
    from scenarios.engine.sabotage import Sabotage

Proof = Callable[["Run"], Evidence]
"""Lee del servicio el hecho que prueba el paso, o lanza `NotProven`."""


@dataclass(frozen=True, slots=True)
class SpanMatch:
    """Cómo se reconoce un span: microservicio, clase, nombre y atributos (expresiones regulares completas).

    `kind` es el de OpenTelemetry en minúsculas (`client`, `server`, `producer`, `consumer`); vacío, cualquiera.
    """

    service: str
    name: str = ".*"
    kind: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)

    def matches(self, service: str, kind: str, name: str, attributes: Mapping[str, Any]) -> bool:
        """Si un span con esos datos es el que se busca."""
        return (
            service == self.service
            and self.kind in ("", kind)
            and re.fullmatch(self.name, name) is not None
            and all(
                key in attributes and re.fullmatch(pattern, str(attributes[key])) is not None
                for key, pattern in self.attributes.items()
            )
        )


@dataclass(frozen=True, slots=True)
class HoldPoint:
    """Dónde se para el sistema de verdad: al empezar un span (`start`) o al acabar el anterior (`end`)."""

    span: SpanMatch
    moment: str = "start"


def before(span: SpanMatch) -> HoldPoint:
    """Justo antes de que la operación empiece."""
    return HoldPoint(span, "start")


def after(span: SpanMatch) -> HoldPoint:
    """Con la operación hecha, pero sin que quien la pidió lo sepa todavía."""
    return HoldPoint(span, "end")


@dataclass(frozen=True, slots=True)
class Hop:
    """Un paso del flujo: la flecha `arrow` del diagrama, con su explicación, su prueba y su sabotaje.

    `service` es el nombre, en el catálogo, de quien contesta en este paso: de él sale la fidelidad y, si está
    caído, el log. `what`, `why` y `without` son las tres partes de la explicación: qué pasa, por qué se hace así
    y qué se rompería sin ello; `more` es el texto largo que se pide con `?`.

    `hold` dice dónde se puede parar antes de este paso; si es `None`, `unheld` dice por qué no se puede. `span` es
    la operación que dura lo que dura el paso.
    `needs` son los pasos sin los cuales este no puede ocurrir. `proven_after` es el paso tras el cual la prueba
    ya se puede leer (p. ej. Kong no cuenta lo que vio hasta que acaba la petición). `made_by` es dónde está
    escrito lo que ocurre: «fichero · función» («scenarios/services/auth.py · Auth.login») o, en un fichero de
    Kong, el nombre que tiene allí.
    """

    id: str
    arrow: Arrow
    service: str
    what: str
    why: str
    without: str
    more: str
    prove: Proof
    sabotage: Sabotage
    made_by: str
    hold: HoldPoint | None = None
    unheld: str = ""
    span: SpanMatch | None = None
    needs: tuple[str, ...] = ()
    proven_after: str | None = None


@dataclass(frozen=True, slots=True)
class Flow:
    """Un flujo completo.

    `id` es el de la línea de órdenes (`flujo-a`). `services` son los nombres, en `scenarios.catalog`, de lo que
    hay que arrancar, microservicios incluidos. `participants` va del alias en el diagrama al nombre del servicio
    (quien falte es una persona). `traced` son los que han de salir en la traza. `inputs` va de nombre de entrada a
    lo que significa. `prepare` mira cómo está todo antes de empezar y deja listo lo que se va a mandar
    (`Run.plan`). `drive` hace de cliente: provoca el flujo y devuelve lo que le contestaron. `summary` cuenta en
    una línea qué se va a mandar. `dashboard` es el `uid` del panel y `panel_ready` comprueba que ya enseña esta
    ejecución.
    """

    id: str
    title: str
    intro: str
    services: tuple[str, ...]
    diagram: Diagram
    participants: Mapping[str, str]
    hops: tuple[Hop, ...]
    traced: tuple[str, ...]
    prepare: Callable[[Run], Any]
    drive: Callable[[Run], Answer]
    summary: Callable[[Run], str]
    inputs: Mapping[str, str] = field(default_factory=dict)
    dashboard: str | None = None
    panel_ready: Callable[[Run], object] | None = None

    def __post_init__(self) -> None:
        """Un flujo mal declarado no llega a existir: cada flecha tiene su paso y nadie nombra a quien no está."""
        arrows = tuple(hop.arrow for hop in self.hops)
        if arrows != self.diagram.arrows:
            raise ValueError(f"{self.id}: los pasos no son las flechas del diagrama, en su orden")
        known = {hop.id for hop in self.hops}
        for hop in self.hops:
            for other in (*hop.needs, *((hop.proven_after,) if hop.proven_after else ())):
                if other not in known or other == hop.id:
                    raise ValueError(f"{self.id}: {hop.id} nombra el paso «{other}», que no vale")
            if (hop.hold is None) == (not hop.unheld):
                raise ValueError(f"{self.id}: {hop.id} o se puede parar o dice por qué no")

    def hop(self, hop_id: str) -> Hop:
        """El paso que se llama `hop_id`; `KeyError` si no existe."""
        for hop in self.hops:
            if hop.id == hop_id:
                return hop
        raise KeyError(f"{self.id} no tiene un paso «{hop_id}»")

    def dependents(self, hop_id: str) -> tuple[str, ...]:
        """Los pasos que no pueden ocurrir si no ocurre `hop_id`, directa o indirectamente."""
        broken = {hop_id}
        growing = True
        while growing:
            more = {hop.id for hop in self.hops if broken & set(hop.needs)} - broken
            growing = bool(more)
            broken |= more
        return tuple(hop.id for hop in self.hops if hop.id in broken and hop.id != hop_id)

    def services_of(self, hop: Hop) -> tuple[str, ...]:
        """Los servicios que intervienen en `hop`, empezando por quien contesta."""
        ends = (self.participants.get(end.alias) for end in (hop.arrow.receiver, hop.arrow.sender))
        return tuple(dict.fromkeys((hop.service, *(name for name in ends if name))))
