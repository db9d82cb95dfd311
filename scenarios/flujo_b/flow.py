"""Flujo B: las flechas del diagrama con su explicación, su prueba y su sabotaje."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from scenarios.engine.authoring import Hops
from scenarios.engine.context import CLIENT_SERVICE
from scenarios.engine.diagram import read
from scenarios.engine.flow import Flow, Hop, after, before
from scenarios.flujo_b import client, spans
from scenarios.flujo_b.explanations import EXPLANATIONS
from scenarios.flujo_b.makers import MAKERS
from scenarios.flujo_b.proofs import activity, checks, door, session
from scenarios.flujo_b.sabotages import SABOTAGES

_DIAGRAM = read(Path(__file__).with_name("diagram.mmd"))

_INSIDE_KONG = "Dentro de Kong no se puede parar a mitad: el sistema se detiene en cuanto la petición sale de él."


def _hops() -> Iterator[Hop]:
    hop = Hops("B", _DIAGRAM, EXPLANATIONS, SABOTAGES, MAKERS)

    # Kong y el span de la petición no cuentan lo que vieron hasta que la petición acaba: de ahí casi todos los
    # `proven_after`.
    read_key, query, save, send = spans.READ_KEY, spans.QUERY, spans.SAVE_SESSION, spans.SEND
    sign, process = spans.SIGN, spans.PROCESS
    yield hop(
        "B1", "kong", door.b1, span=spans.KONG, proven_after="B11", unheld="La petición todavía no ha salido."
    )
    yield hop("B2", "kong", door.b2, "B1", unheld=_INSIDE_KONG, span=spans.KONG_FORWARD, proven_after="B11")
    yield hop("B3", "vault", checks.b3, "B2", hold=before(read_key), span=read_key, proven_after="B11")
    yield hop("B4", "vault", checks.b4, "B3", hold=after(read_key), span=read_key)
    yield hop("B5", "database", checks.b5, "B4", hold=before(query), span=query)
    yield hop("B6", "database", checks.b6, "B5", hold=after(query), span=query, proven_after="B11")
    yield hop("B7", "redis", session.b7, "B6", hold=before(save), span=save)
    yield hop("B8", "kafka", session.b8, "B7", hold=before(send), span=send)
    yield hop("B9", "kong", session.b9, "B4", "B7", hold=before(sign), span=sign, proven_after="B11")
    yield hop("B10", "kong", door.b10, "B9", hold=after(sign), span=spans.LOGIN, proven_after="B11")
    yield hop("B11", "kong", door.b11, "B6", "B10", unheld=_INSIDE_KONG, span=spans.CLIENT)
    yield hop("B12", "kafka", activity.b12, "B8", hold=before(process), span=process)


FLOW = Flow(
    id="flujo-b",
    title="Login y sesión",
    intro="Una estudiante entra con su correo y su contraseña y sale con un token. Fíjate en quién sabe qué: la "
    "contraseña la ve solo Auth, la clave no está en ningún fichero, y cerrar la sesión invalida un token que "
    "todavía no ha caducado.",
    services=(
        "redis",
        "kafka",
        "vault",
        "database",
        "kong",
        "consul",
        "jaeger",
        "prometheus",
        "grafana",
        "console",
        "auth",
        "analytics",
    ),
    diagram=_DIAGRAM,
    participants={
        "K": "kong",
        "A": "auth",
        "V": "vault",
        "R": "redis",
        "Ka": "kafka",
        "DB": "database",
        "Servicio Analytics": "analytics",
    },
    hops=tuple(_hops()),
    traced=(CLIENT_SERVICE, "kong", "auth", "analytics"),
    prepare=client.prepare,
    drive=client.drive,
    summary=client.summary,
    dashboard="flujo-b",
    panel_ready=activity.panel_ready,
)
