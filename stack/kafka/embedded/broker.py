"""El estado entero del intermediario y lo que acompaña a cada petición."""

from __future__ import annotations

import secrets
import time
from asyncio import Future
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from stack.kafka.embedded.codec import Reader, Writer
from stack.kafka.embedded.groups import Groups
from stack.kafka.embedded.settings import Settings
from stack.kafka.embedded.topics import Topics

T = TypeVar("T")
ByTopic = list[tuple[str, list[T]]]


class Broker:
    """El único intermediario del clúster: topics, grupos y números de productor. Todo en memoria."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.cluster_id = secrets.token_urlsafe(16)
        self.topics = Topics(settings)
        self.groups = Groups(settings)
        # Tras un reinicio siguen vivos productores de antes, con sus números: los nuevos no pueden repetirlos.
        self._last_producer_id = time.time_ns() // 1000

    def reset(self) -> None:
        """Vuelve a estar como recién arrancado."""
        self.groups.reset()
        self.topics.reset()

    def new_producer_id(self) -> int:
        """Un número que no tiene ningún otro productor."""
        self._last_producer_id += 1
        return self._last_producer_id


@dataclass(slots=True)
class Call:
    """Una petición: quién la hace, en qué versión, los bytes que faltan por leer (`r`) y la respuesta (`w`).

    `hurry` se cumple si el mismo cliente manda otra petición mientras esta espera. `silent` es que no
    hay que contestar (Produce con `acks=0`).
    """

    broker: Broker
    version: int
    client_id: str
    client_host: str
    r: Reader
    hurry: Future[None]
    w: Writer = field(default_factory=Writer)
    silent: bool = False

    def read_by_topic(self, partition: Callable[[], T]) -> ByTopic[T]:
        """Lee la forma más común del protocolo: una lista de topics, cada uno con su lista de particiones."""
        r = self.r

        def one_partition() -> T:
            value = partition()
            r.tags()
            return value

        def topic() -> tuple[str, list[T]]:
            value = r.string(), r.array(one_partition)
            r.tags()
            return value

        return r.array(topic)

    def write_by_topic(self, topics: ByTopic[T], partition: Callable[[str, T], None]) -> None:
        """Escribe esa misma forma: `partition(topic, elemento)` escribe cada partición."""
        w = self.w

        def topic(item: tuple[str, list[T]]) -> None:
            name, elements = item

            def one_partition(element: T) -> None:
                partition(name, element)
                w.tags()

            w.string(name)
            w.array(elements, one_partition)
            w.tags()

        w.array(topics, topic)
