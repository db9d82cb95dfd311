"""Lo que las páginas preguntan a Kafka, con el cliente de siempre y plazos cortos.

Cada consulta abre su cliente y lo suelta al acabar: las páginas no guardan conexiones ni dejan grupos. Todo
esto bloquea, así que corre en el grupo de hilos de Starlette.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition, admin

PATIENCE_S = 3.0
# El paquete publica OffsetSpec sin tipos.
OffsetSpec: Any = admin.OffsetSpec  # type: ignore[attr-defined]
_QUIET = logging.getLogger("stack.console.kafka")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False


class KafkaDown(Exception):
    """Kafka no contesta. El texto es la dirección en que se le buscó."""


class NotThere(Exception):
    """No hay un topic con ese nombre."""


@dataclass(frozen=True, slots=True)
class Partition:
    """Una partición: el offset más viejo que conserva y el que tendrá el próximo mensaje."""

    number: int
    start: int
    end: int
    last_timestamp: int | None = None

    @property
    def messages(self) -> int:
        """Cuántos mensajes conserva."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Topic:
    """Un topic. `last_timestamp` es la fecha del mensaje más nuevo, en milisegundos desde 1970."""

    name: str
    partitions: tuple[Partition, ...]

    @property
    def internal(self) -> bool:
        """Si es de los que Kafka usa para sí mismo."""
        return self.name.startswith("__")

    @property
    def messages(self) -> int:
        """Cuántos mensajes conserva entre todas las particiones."""
        return sum(partition.messages for partition in self.partitions)

    @property
    def last_timestamp(self) -> int | None:
        """La fecha del mensaje más nuevo, o `None` si no hay ninguno."""
        return max(
            (part.last_timestamp for part in self.partitions if part.last_timestamp is not None), default=None
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """Por dónde va un grupo en una partición. `committed` es `None` si aún no ha confirmado nada."""

    topic: str
    partition: int
    committed: int | None
    start: int
    end: int
    reader: str | None

    @property
    def lag(self) -> int:
        """Cuántos mensajes le faltan por leer (retraso o *lag*)."""
        return max(0, self.end - max(self.start, self.committed or 0))


@dataclass(frozen=True, slots=True)
class Member:
    """Un consumidor del grupo y las particiones que le tocan, por topic."""

    client_id: str
    host: str
    assignment: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Group:
    """Un grupo de consumidores. `state` es el nombre del estado en el cliente (`STABLE`, `EMPTY`…)."""

    name: str
    state: str
    assignor: str
    members: tuple[Member, ...] = ()
    progress: tuple[Progress, ...] = field(default=())

    @property
    def lag(self) -> int:
        """El retraso total."""
        return sum(item.lag for item in self.progress)

    def lag_in(self, topic: str) -> int | None:
        """El retraso en un topic, o `None` si el grupo no lo lee."""
        found = [item.lag for item in self.progress if item.topic == topic]
        return sum(found) if found else None


def address() -> str:
    """La dirección de Kafka (`KAFKA_BOOTSTRAP_SERVERS`)."""
    return os.environ["KAFKA_BOOTSTRAP_SERVERS"]


def settings() -> dict[str, Any]:
    """Lo que comparten todos nuestros clientes: plazos cortos y nada escrito en la salida.

    Raises:
        KafkaDown: si ni siquiera se puede conectar. Preguntarlo antes ahorra los plazos del cliente.
    """
    host, _, port = address().split(",")[0].rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), 0.5).close()
    except OSError as error:
        raise KafkaDown(address()) from error
    return {
        "bootstrap.servers": address(),
        "client.id": "stacklab-console",
        "socket.timeout.ms": int(PATIENCE_S * 1000),
        "logger": _QUIET,
    }


class Inspector:
    """Una consulta a Kafka. Los fallos de conexión se convierten en `KafkaDown`."""

    def __init__(self) -> None:
        self._admin = admin.AdminClient(settings())

    def cluster(self) -> tuple[str, int]:
        """El identificador del clúster y cuántos intermediarios tiene."""
        described = _result(self._admin.describe_cluster(request_timeout=PATIENCE_S))
        return str(described.cluster_id), len(described.nodes)

    def topics(self, *, with_dates: bool = True) -> list[Topic]:
        """Todos los topics, los internos al final."""
        return sorted(self._topics(None, with_dates), key=lambda topic: (topic.internal, topic.name))

    def topic(self, name: str) -> Topic:
        """Un topic, o `NotThere`."""
        found = self._topics({name}, with_dates=True)
        if not found:
            raise NotThere(name)
        return found[0]

    def _topics(self, names: set[str] | None, with_dates: bool) -> list[Topic]:
        try:
            # Se piden todos y se elige: pedir uno solo por su nombre podría crearlo.
            metadata = self._admin.list_topics(timeout=PATIENCE_S)
        except KafkaException as error:
            raise KafkaDown(address()) from error
        chosen = {
            name: sorted(topic.partitions)
            for name, topic in metadata.topics.items()
            if (names is None or name in names) and topic.error is None
        }
        everything = [TopicPartition(name, number) for name, numbers in chosen.items() for number in numbers]
        starts = self._offsets(everything, OffsetSpec.earliest())
        ends = self._offsets(everything, OffsetSpec.latest())
        dates = self._offsets(everything, OffsetSpec.max_timestamp()) if with_dates else {}

        def partition(name: str, number: int) -> Partition:
            key = (name, number)
            when = dates[key].timestamp if key in dates else -1
            start, end = starts[key].offset, ends[key].offset
            return Partition(number, start, end, when if when >= 0 and end > start else None)

        return [
            Topic(name, tuple(partition(name, number) for number in numbers if (name, number) in ends))
            for name, numbers in chosen.items()
        ]

    def _offsets(self, partitions: Iterable[TopicPartition], spec: OffsetSpec) -> dict[tuple[str, int], Any]:
        """Lo que contesta ListOffsets por (topic, partición); se omite la que dé un error (acaba de borrarse)."""
        asked = dict.fromkeys(partitions, spec)
        if not asked:
            return {}
        found = {}
        for partition, future in self._admin.list_offsets(asked, request_timeout=PATIENCE_S).items():
            with suppress(NotThere):
                found[partition.topic, partition.partition] = _result(future)
        return found

    def groups(self) -> list[Group]:
        """Todos los grupos, por nombre, con sus miembros y por dónde van."""
        listed = _result(self._admin.list_consumer_groups(request_timeout=PATIENCE_S)).valid
        names = sorted(found.group_id for found in listed)
        if not names:
            return []
        described = self._admin.describe_consumer_groups(names, request_timeout=PATIENCE_S)
        marks = {
            (topic.name, part.number): part for topic in self.topics(with_dates=False) for part in topic.partitions
        }
        groups = []
        for name in names:
            with suppress(NotThere):
                groups.append(self._group(name, _result(described[name]), marks))
        return groups

    def _group(self, name: str, described: Any, marks: Mapping[tuple[str, int], Partition]) -> Group:
        members = tuple(sorted((_member(member) for member in described.members), key=lambda item: item.client_id))
        asked = [ConsumerGroupTopicPartitions(name)]
        offsets = self._admin.list_consumer_group_offsets(asked, request_timeout=PATIENCE_S)[name]
        committed = {(part.topic, part.partition): part.offset for part in _result(offsets).topic_partitions}
        readers = {
            (topic, number): member.client_id
            for member in members
            for topic, numbers in member.assignment.items()
            for number in numbers
        }
        progress = tuple(
            Progress(
                topic=topic,
                partition=number,
                committed=committed.get((topic, number)),
                start=marks[topic, number].start,
                end=marks[topic, number].end,
                reader=readers.get((topic, number)),
            )
            for topic, number in sorted(committed.keys() | readers.keys())
            if (topic, number) in marks
        )
        return Group(name, described.state.name, described.partition_assignor, members, progress)


def _member(described: Any) -> Member:
    assignment: dict[str, list[int]] = {}
    for part in described.assignment.topic_partitions:
        assignment.setdefault(part.topic, []).append(part.partition)
    return Member(
        described.client_id,
        described.host.removeprefix("/"),
        {topic: tuple(sorted(numbers)) for topic, numbers in sorted(assignment.items())},
    )


def _result(future: Future[Any]) -> Any:
    """Espera a una petición de administración y traduce sus errores a los nuestros."""
    try:
        return future.result(PATIENCE_S + 1)
    except TimeoutError as error:
        raise KafkaDown(address()) from error
    except KafkaException as error:
        if error.args[0].name() in {"UNKNOWN_TOPIC_OR_PART", "GROUP_ID_NOT_FOUND", "_NOENT"}:
            raise NotThere(error.args[0].str()) from error
        raise KafkaDown(address()) from error
