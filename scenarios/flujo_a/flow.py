"""Flujo A: las flechas del diagrama con su explicación, su prueba y su sabotaje."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from scenarios.engine.authoring import Hops
from scenarios.engine.context import CLIENT_SERVICE
from scenarios.engine.diagram import read
from scenarios.engine.flow import Flow, Hop, after, before
from scenarios.flujo_a import client, spans
from scenarios.flujo_a.explanations import EXPLANATIONS
from scenarios.flujo_a.makers import MAKERS
from scenarios.flujo_a.proofs import background, door, monitoring, upload
from scenarios.flujo_a.sabotages import SABOTAGES

_DIAGRAM = read(Path(__file__).with_name("diagram.mmd"))

_INSIDE_KONG = "Dentro de Kong no se puede parar a mitad: el sistema se detiene en cuanto la petición sale de él."
_PROMETHEUS = "Prometheus lee cuando le toca, sin preguntar; todo lo demás ya ha ocurrido."
_JAEGER = "Jaeger va recibiendo apuntes desde el principio; aquí solo se comprueba que están todos."


def _hops() -> Iterator[Hop]:
    hop = Hops("A", _DIAGRAM, EXPLANATIONS, SABOTAGES, MAKERS)

    request, send, process = spans.UPLOAD_REQUEST, spans.SEND, spans.PROCESS
    # Kong y el span de la petición no cuentan lo que vieron hasta que la petición acaba: de ahí `proven_after`.
    yield hop(
        "A1", "kong", door.a1, span=spans.KONG, proven_after="A9", unheld="La petición todavía no ha salido."
    )
    yield hop("A2", "kong", door.a2, "A1", unheld=_INSIDE_KONG, span=spans.KONG_CHECKS, proven_after="A9")
    yield hop("A3", "kong", door.a3, "A1", unheld=_INSIDE_KONG, span=spans.KONG_FORWARD, proven_after="A9")
    yield hop("A4", "minio", upload.a4, "A3", hold=before(spans.PUT_ORIGINAL), span=spans.PUT_ORIGINAL)
    yield hop("A5", "minio", upload.a5, "A4", hold=after(spans.PUT_ORIGINAL), span=spans.PUT_ORIGINAL)
    yield hop("A6", "kafka", upload.a6, "A5", hold=before(send), span=send)
    yield hop("A7", "redis", upload.a7, "A6", hold=before(spans.CACHE_URL), span=spans.CACHE_URL)
    yield hop("A8", "kong", door.a8, "A5", "A6", hold=after(spans.CACHE_URL), span=request)
    yield hop("A9", "kong", door.a9, "A4", "A8", unheld=_INSIDE_KONG, span=spans.CLIENT)
    yield hop("A10", "kafka", background.a10, "A6", hold=before(process), span=process, proven_after="A13")
    yield hop("A11", "minio", background.a11, "A10", hold=before(spans.GET_ORIGINAL), span=spans.GET_ORIGINAL)
    yield hop("A12", "minio", background.a12, "A11", hold=before(spans.PUT_THUMBNAIL), span=spans.PUT_THUMBNAIL)
    yield hop("A13", "redis", background.a13, "A12", hold=before(spans.CACHE_URLS), span=spans.CACHE_URLS)
    yield hop("A14", "prometheus", monitoring.a14, "A8", unheld=_PROMETHEUS)
    yield hop("A15", "prometheus", monitoring.a15, "A12", unheld=_PROMETHEUS)
    yield hop("A16", "jaeger", monitoring.a16, "A8", "A10", unheld=_JAEGER)


FLOW = Flow(
    id="flujo-a",
    title="Subida de avatar",
    intro="Una estudiante sube su foto. Fíjate en que la respuesta llega antes de que existan las miniaturas: "
    "alguien las hace después, sin que nadie espere.",
    services=(
        "redis",
        "kafka",
        "minio",
        "kong",
        "consul",
        "jaeger",
        "prometheus",
        "grafana",
        "console",
        "uploads",
        "thumbnails",
    ),
    diagram=_DIAGRAM,
    participants={
        "K": "kong",
        "U": "uploads",
        "M": "minio",
        "Ka": "kafka",
        "T": "thumbnails",
        "R": "redis",
        "P": "prometheus",
        "J": "jaeger",
    },
    hops=tuple(_hops()),
    traced=(CLIENT_SERVICE, "kong", "uploads", "thumbnails"),
    prepare=client.prepare,
    drive=client.drive,
    summary=client.summary,
    inputs={"file": "La foto que se sube (PNG, JPEG o WebP). Sin ella se usa una dibujada por stacklab."},
    dashboard="flujo-a",
    panel_ready=monitoring.panel_ready,
)
