"""Las rutas de las páginas de Kafka; la aplicación de la consola las monta con las demás.

Los manejadores no son `async`: Starlette los corre en su grupo de hilos, porque el cliente de Kafka bloquea.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stack.console.kafka import spanish
from stack.console.kafka.client import Inspector, KafkaDown, NotThere, address
from stack.console.kafka.messages import PAGE, latest
from stack.kafka.coverage import COVERS, IMITATES, LACKS
from stack.model import Fidelity
from stack.web import page

Handler = Callable[[Request], Response]


@dataclass(frozen=True, slots=True)
class _Tab:
    text: str
    path: str


_TABS = (_Tab("Topics", "/kafka"), _Tab("Grupos", "/kafka/grupos"))


def _page(request: Request, template: str, *, status: int = 200, **context: Any) -> Response:
    """Una página con lo que usan todas: pestañas, formatos en español y si lo que contesta es el suplente."""
    fidelity = os.environ.get("STACKLAB_FIDELITY_KAFKA", Fidelity.EMBEDDED)
    return page(
        request,
        template,
        status=status,
        es=spanish,
        tabs=_TABS,
        imitates=IMITATES if fidelity == Fidelity.EMBEDDED else "",
        address=address(),
        **context,
    )


def _asking_kafka(handler: Handler) -> Handler:
    """Si Kafka no contesta o el topic no existe, una página que dice qué pasa y qué se puede hacer."""

    @wraps(handler)
    def guarded(request: Request) -> Response:
        try:
            return handler(request)
        except KafkaDown:
            return _page(request, "kafka_down.html", status=503)
        except NotThere:
            return _page(request, "kafka_missing.html", status=404, name=request.path_params.get("name", ""))

    return guarded


@_asking_kafka
def topics(request: Request) -> Response:
    """`/kafka`: los topics, cuánto guardan y cuándo llegó lo último."""
    inspector = Inspector()
    cluster_id, brokers = inspector.cluster()
    return _page(request, "kafka_topics.html", topics=inspector.topics(), cluster_id=cluster_id, brokers=brokers)


@_asking_kafka
def topic(request: Request) -> Response:
    """`/kafka/topics/{name}`: particiones, quién lo lee y los últimos mensajes.

    `particion` enseña una sola; `antes` (`0:17,2:5`) sigue por los mensajes anteriores a esos offsets.
    """
    inspector = Inspector()
    found = inspector.topic(request.path_params["name"])
    numbers = {partition.number for partition in found.partitions}
    chosen = _number(request.query_params.get("particion"), numbers)
    before = _cursor(request.query_params.get("antes", ""))
    partitions = [part for part in found.partitions if chosen is None or part.number == chosen]
    groups = [(group, group.lag_in(found.name)) for group in inspector.groups()]
    messages = latest(found.name, partitions, before)
    return _page(
        request,
        "kafka_topic.html",
        topic=found,
        chosen=chosen,
        paging=bool(before),
        page_size=PAGE,
        messages=messages,
        older=",".join(f"{part}:{offset}" for part, offset in (messages.older or {}).items()),
        readers=[(group, lag) for group, lag in groups if lag is not None],
    )


@_asking_kafka
def groups(request: Request) -> Response:
    """`/kafka/grupos`: quién lee, por dónde va y cuánto le falta."""
    return _page(request, "kafka_groups.html", groups=Inspector().groups())


def coverage(request: Request) -> Response:
    """`/kafka/cobertura`: qué cubre el suplente y qué no."""
    return _page(request, "kafka_coverage.html", covers=COVERS, lacks=LACKS, product=IMITATES)


def _number(text: str | None, allowed: set[int]) -> int | None:
    return int(text) if text and text.isdecimal() and int(text) in allowed else None


def _cursor(text: str) -> dict[int, int]:
    """`0:17,2:5` → `{0: 17, 2: 5}`; lo que no se entiende no cuenta."""
    pairs = [item.split(":") for item in text.split(",")]
    return {
        int(pair[0]): int(pair[1])
        for pair in pairs
        if len(pair) == 2 and all(part.isdecimal() and len(part) < 19 for part in pair)
    }


routes = [
    Route("/kafka", topics),
    Route("/kafka/topics/{name}", topic),
    Route("/kafka/grupos", groups),
    Route("/kafka/cobertura", coverage),
]
