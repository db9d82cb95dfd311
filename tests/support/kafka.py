"""Ayudas para hablar con Kafka en las pruebas, siempre con el cliente de verdad."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

T = TypeVar("T")
PATIENCE_S = 20.0


def eventually(ask: Callable[[], T], *, until: Callable[[T], bool] = bool, patience_s: float = PATIENCE_S) -> T:
    """Repite `ask` hasta que su respuesta cumpla `until`; si no llega a tiempo falla con la última respuesta."""
    deadline = time.monotonic() + patience_s
    while True:
        answer = ask()
        if until(answer):
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"tras {patience_s} s la respuesta sigue siendo {answer!r}")
        time.sleep(0.02)


def error_name(future: Future[Any]) -> str:
    """El nombre del error con que acabó una petición de administración («NONE» si fue bien)."""
    try:
        future.result(PATIENCE_S)
    except KafkaException as error:
        return str(error.args[0].name())
    return "NONE"


class Kafka:
    """Un Kafka en marcha en `address`, con los clientes que usan las pruebas."""

    def __init__(self, address: str, *, real: bool) -> None:
        self.address = address
        self.real = real
        # Sin avisos de reconexión cuando la prueba acaba y el intermediario ya se ha parado.
        self._common = {"bootstrap.servers": address, "log_level": 2}
        self.admin = AdminClient(self._common)
        self._open: list[Consumer] = []

    def create(self, topic: str, partitions: int = 1, **configs: str) -> str:
        """Crea un topic y espera a poder usarlo. Los `_` de los nombres de `configs` son puntos."""
        settings = {key.replace("_", "."): value for key, value in configs.items()}
        new = NewTopic(topic, num_partitions=partitions, replication_factor=1, config=settings)
        self.admin.create_topics([new])[topic].result(PATIENCE_S)
        eventually(lambda: self.partitions(topic), until=lambda found: found == partitions)
        # Recién anunciado, en Kafka pasa un instante hasta que quien manda en cada partición lo sabe.
        eventually(lambda: self._in_charge(topic, partitions))
        return topic

    def _in_charge(self, topic: str, partitions: int) -> bool:
        """Si el intermediario ya contesta por todas las particiones."""
        asked = {TopicPartition(topic, number): OffsetSpec.latest() for number in range(partitions)}
        return all(error_name(found) == "NONE" for found in self.admin.list_offsets(asked).values())

    def partitions(self, topic: str) -> int:
        """Cuántas particiones tiene; 0 si no existe. Preguntarlo no lo crea."""
        metadata = self.admin.list_topics(timeout=PATIENCE_S)
        return len(metadata.topics[topic].partitions) if topic in metadata.topics else 0

    def send(
        self,
        topic: str,
        values: Iterable[bytes | str | None],
        config: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> list[Message]:
        """Envía `values` y devuelve los mensajes tal como los confirmó el intermediario."""
        producer = Producer(self._common | {"linger.ms": 0} | dict(config or {}))
        delivered: list[Message] = []

        def confirmed(error: Any, message: Message) -> None:
            if error is not None:
                raise KafkaException(error)
            delivered.append(message)

        for value in values:
            producer.produce(topic, value, on_delivery=confirmed, **fields)
        assert producer.flush(PATIENCE_S) == 0
        return delivered

    def consumer(self, group: str = "sin-grupo", **config: Any) -> Consumer:
        """Un consumidor que se cierra al acabar la prueba. Los `_` de `config` son puntos."""
        settings: dict[str, Any] = {
            **self._common,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "heartbeat.interval.ms": 300,
            "session.timeout.ms": 6000,
            # Lo que pide por una conexión espera a lo anterior: con el plazo de fábrica (500 ms), medio segundo.
            "fetch.wait.max.ms": 50,
        }
        consumer = Consumer(settings | {key.replace("_", "."): value for key, value in config.items()})
        self._open.append(consumer)
        return consumer

    def read(self, topic: str, count: int, offset: int = 0, partitions: Sequence[int] = (0,)) -> list[Message]:
        """Lee `count` mensajes a partir de `offset`, sin grupo de por medio."""
        consumer = self.consumer()
        consumer.assign([TopicPartition(topic, partition, offset) for partition in partitions])
        return take(consumer, count)

    def close(self) -> None:
        """Cierra los consumidores que sigan abiertos."""
        while self._open:
            self._open.pop().close()


def take(consumer: Consumer, count: int, patience_s: float = PATIENCE_S) -> list[Message]:
    """Los `count` mensajes siguientes de un consumidor."""
    messages: list[Message] = []
    deadline = time.monotonic() + patience_s
    while len(messages) < count:
        assert time.monotonic() < deadline, f"solo han llegado {len(messages)} de {count} mensajes"
        for message in consumer.consume(count - len(messages), 0.05):
            if message.error():
                raise KafkaException(message.error())
            messages.append(message)
    return messages


def assigned(consumer: Consumer) -> set[int]:
    """Las particiones que tiene ahora un consumidor. Para que se entere hay que sondearlo: puede leer algo."""
    message = consumer.poll(0.02)
    assert message is None or not message.error(), message.error()
    return {part.partition for part in consumer.assignment()}
