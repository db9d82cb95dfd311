"""Flujo C: las flechas del diagrama con su explicación, su prueba y su sabotaje."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from scenarios.engine.authoring import Hops
from scenarios.engine.context import CLIENT_SERVICE
from scenarios.engine.diagram import read
from scenarios.engine.flow import Flow, Hop, after, before
from scenarios.flujo_c import client, spans
from scenarios.flujo_c.explanations import EXPLANATIONS
from scenarios.flujo_c.makers import MAKERS
from scenarios.flujo_c.proofs import finding, paying, tracing
from scenarios.flujo_c.sabotages import SABOTAGES
from scenarios.flujo_c.services import SICK, WELL

_DIAGRAM = read(Path(__file__).with_name("diagram.mmd"))

_JAEGER = "Cada uno va contando su parte desde el principio; aquí solo se comprueba que está y que encaja."


def _hops() -> Iterator[Hop]:
    hop = Hops("C", _DIAGRAM, EXPLANATIONS, SABOTAGES, MAKERS)

    ask, call, provider = spans.ASK, spans.CALL, spans.PROVIDER
    # Quien pregunta o llama no cuenta lo que hizo hasta que le contestan: de ahí `proven_after`.
    yield hop("C1", "consul", finding.c1, hold=before(ask), span=ask, proven_after="C2")
    yield hop("C2", "consul", finding.c2, "C1", hold=after(ask), span=ask)
    yield hop("C3", WELL, paying.c3, "C2", hold=before(call), span=call, proven_after="C5")
    yield hop("C4", "cobros", paying.c4, "C3", hold=before(provider), span=provider)
    yield hop("C5", WELL, paying.c5, "C4", hold=after(provider), span=spans.PROCESS)
    yield hop("C6", "jaeger", tracing.c6, unheld=_JAEGER, span=spans.REQUEST)
    yield hop("C7", "jaeger", tracing.c7, "C3", unheld=_JAEGER, span=spans.PROCESS)


FLOW = Flow(
    id="flujo-c",
    title="Cobro por la pasarela sana",
    intro="Hay que cobrar una matrícula. Hay dos pasarelas de pago y una está enferma: fíjate en que Finanzas no "
    "lo sabe ni tiene por qué. Pregunta a Consul, y Consul solo le da la que puede.",
    services=(
        "consul",
        "jaeger",
        "prometheus",
        "grafana",
        "cobros",
        "finanzas",
        SICK,
        WELL,
    ),
    diagram=_DIAGRAM,
    # De las dos pasarelas, la que atiende es la sana.
    participants={"F": "finanzas", "C": "consul", "P": WELL, "J": "jaeger"},
    hops=tuple(_hops()),
    traced=(CLIENT_SERVICE, "finanzas", "pasarelas-pago"),
    prepare=client.prepare,
    drive=client.drive,
    summary=client.summary,
    inputs={"card": "El número de una tarjeta de prueba del proveedor. Sin él se usa una con la que se cobra."},
    dashboard="flujo-c",
    panel_ready=tracing.panel_ready,
)
