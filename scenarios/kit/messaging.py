"""Mensajes (Kafka) vistos por un microservicio: publicar un suceso y atender los de otros.

El contexto de la traza viaja en las cabeceras del mensaje (`traceparent` y `baggage`), igual que en HTTP. El span
de quien consume es hijo del de quien publicó, para que toda la historia sea una sola traza, y lleva además un
enlace a él (https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/).
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from opentelemetry import context, propagate, trace
from opentelemetry.trace import Link, SpanKind, Status, StatusCode
from prometheus_client import Counter, Gauge

from scenarios.kit.errors import Unavailable
from scenarios.kit.settings import required

_log = logging.getLogger(__name__)
_tracer = trace.get_tracer(__name__)
_LAG = Gauge("kafka_consumer_lag", "Mensajes que el grupo tiene por leer.", ["topic", "group"])
_DEAD = Counter(
    "kafka_dead_letters_total", "Mensajes apartados porque no se pudieron atender.", ["topic", "group"]
)

DEAD_LETTERS = ".dlq"
"""Cómo acaba el nombre del topic donde se apartan los mensajes que nadie pudo atender (*dead-letter queue*)."""
POLL_S, UNASSIGNED_S = 0.5, 8.0
"""Cuánto se espera cada mensaje, y cuánto se está sin ninguna partición antes de volver a pedirlas: solo entrar en
un grupo nuevo puede llevar más de tres segundos."""

PUBLISH_WITHIN_S = 3.0
PARTITIONS = 3
ATTEMPTS = 3
_BACKOFF_S = 0.2

Event = Mapping[str, Any]


class NotUnderstood(Exception):
    """El mensaje no se entiende: repetirlo no serviría de nada."""


def _tell(error: KafkaError) -> None:
    """librdkafka avisa de cada intento de conexión que falla, muchos por segundo; se anota lo que importa."""
    if error.code() == KafkaError._ALL_BROKERS_DOWN:
        _log.warning("Kafka no contesta; se seguirá intentando")
    elif error.fatal():
        _log.error("Kafka: %s", error.str())


def _settings(**changes: Any) -> dict[str, Any]:
    """Los ajustes comunes de los clientes de Kafka, más `changes` (con `_` en lugar de los puntos)."""
    common = {
        "bootstrap.servers": required("KAFKA_BOOTSTRAP_SERVERS"),
        "error_cb": _tell,
        "log_level": 2,
        "reconnect.backoff.max.ms": 1000,
    }
    return common | {name.replace("_", "."): value for name, value in changes.items()}


def _is_fatal(error: KafkaError) -> bool:
    return bool(error.fatal()) or error.code() == KafkaError._FATAL


def ensure_topics(*names: str) -> None:
    """Crea los topics que falten, con `PARTITIONS` particiones cada uno."""
    admin = AdminClient(_settings())
    created = admin.create_topics([NewTopic(name, num_partitions=PARTITIONS) for name in names])
    for future in created.values():
        try:
            future.result(timeout=10)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise Unavailable("Kafka", error) from error


class Publisher:
    """Publica sucesos y no dice que lo ha hecho hasta que Kafka lo confirma."""

    def __init__(self, within_s: float = PUBLISH_WITHIN_S) -> None:
        """`within_s` es lo que se espera, como mucho, a que Kafka confirme cada suceso."""
        self._within_s = within_s
        self._producer = self._made()

    def _made(self) -> Producer:
        # Esperar a todas las réplicas y no duplicar al reintentar: un suceso de negocio lo merece.
        return Producer(
            _settings(
                acks="all",
                enable_idempotence=True,
                linger_ms=0,
                message_timeout_ms=int(self._within_s * 1000),
            )
        )

    def publish(self, topic: str, key: str, event: Event) -> None:
        """Publica `event` (como JSON) en `topic`. La misma clave va siempre a la misma partición, en orden.

        Raises:
            Unavailable: Kafka no lo confirmó a tiempo.
        """
        self.send(topic, key.encode(), json.dumps(event, ensure_ascii=False).encode())

    def connect(self) -> None:
        """Se conecta ya, para que el primer suceso no tenga que esperar a la conexión."""
        try:
            self._producer.list_topics(timeout=PUBLISH_WITHIN_S)
        except KafkaException as error:
            raise Unavailable("Kafka", error) from error

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Mapping[str, str] | None = None
    ) -> None:
        """Como `publish`, con los bytes ya hechos y, si se quiere, más cabeceras."""
        attributes: dict[str, str] = {
            "messaging.system": "kafka",
            "messaging.operation.type": "send",
            "messaging.operation.name": "send",
            "messaging.destination.name": topic,
        }
        if key is not None:
            attributes["messaging.kafka.message.key"] = key.decode("utf-8", "replace")
        with _tracer.start_as_current_span(f"send {topic}", kind=SpanKind.PRODUCER, attributes=attributes) as span:
            carrier: dict[str, str] = dict(headers or {})
            propagate.inject(carrier)
            delivered = self._deliver(topic, key, value, {name: text.encode() for name, text in carrier.items()})
            span.set_attribute("messaging.destination.partition.id", str(delivered.partition()))
            span.set_attribute("messaging.kafka.offset", delivered.offset() or 0)

    def _deliver(self, topic: str, key: bytes | None, value: bytes | None, headers: dict[str, Any]) -> Message:
        outcome: list[tuple[KafkaError | None, Message]] = []
        try:
            self._producer.produce(
                topic,
                value,
                key,
                headers=headers,
                on_delivery=lambda error, message: outcome.append((error, message)),
            )
            deadline = time.monotonic() + self._within_s + 1
            while not outcome and time.monotonic() < deadline:
                self._producer.poll(0.1)
        except (KafkaException, BufferError) as error:
            if isinstance(error, KafkaException) and _is_fatal(error.args[0]):
                self._producer = self._made()
            raise Unavailable("Kafka", error) from error
        if not outcome or outcome[0][0] is not None:
            if outcome and outcome[0][0] is not None and _is_fatal(outcome[0][0]):
                # Para no duplicar ni desordenar, este productor ya no enviará nada más: hace falta otro.
                self._producer = self._made()
            raise Unavailable("Kafka", outcome[0][0] if outcome else "no confirmó el mensaje")
        return outcome[0][1]

    def close(self) -> None:
        """Espera un poco a que salga lo que quede."""
        self._producer.flush(2)


class Subscription:
    """Atiende los mensajes de un topic en un hilo propio, de uno en uno y confirmando después de atender.

    Confirmar después significa que, si el proceso muere a medias, el mensaje se vuelve a entregar: por eso
    atender dos veces el mismo debe dejar lo mismo. Un mensaje que no se entiende, o que falla `ATTEMPTS` veces,
    va al topic `<topic>.dlq`, donde se puede mirar y repetir; así no tapona a los que vienen detrás. En sus
    cabeceras lleva por qué se apartó y de dónde venía, y `kafka_dead_letters_total` los cuenta.
    """

    def __init__(
        self,
        topic: str,
        group: str,
        handle: Callable[[Event], None],
        on_failure: Callable[[], None] = lambda: None,
    ) -> None:
        self._topic, self._group = topic, group
        self._handle, self._on_failure = handle, on_failure
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"consumer-{topic}", daemon=True)
        self._dead_letters = Publisher()
        _DEAD.labels(topic, group)  # para que la serie exista, a cero, desde el principio

    @contextmanager
    def running(self) -> Iterator[None]:
        """Atiende mensajes mientras dure el bloque; al salir deja el grupo, para que otro siga sin esperar."""
        ensure_topics(self._topic, f"{self._topic}{DEAD_LETTERS}")
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join(10)
            self._dead_letters.close()

    @property
    def alive(self) -> bool:
        """Si el hilo sigue atendiendo."""
        return self._thread.is_alive()

    def _work(self) -> None:
        consumer = Consumer(
            _settings(
                client_id=self._group,
                group_id=self._group,
                # Con nombre fijo, al reiniciarse recupera sus particiones sin esperar a que caduque el de antes.
                group_instance_id=f"{self._group}-1",
                auto_offset_reset="earliest",
                enable_auto_commit=False,
                session_timeout_ms=10_000,
                heartbeat_interval_ms=2_000,
                max_poll_interval_ms=1_800_000,
                # Si el topic desaparece y vuelve (un Kafka recién puesto en marcha), que se note en segundos.
                topic_metadata_refresh_interval_ms=2_000,
            )
        )
        try:
            consumer.subscribe([self._topic])
            without = 0
            while not self._stop.is_set():
                message = consumer.poll(POLL_S)
                # Si el topic no estaba justo cuando se repartían las particiones (un Kafka que vuelve vacío), el
                # reparto sale en blanco y nadie lo repite. Este grupo es de uno: volver a entrar no molesta.
                without = 0 if consumer.assignment() else without + 1
                if without * POLL_S >= UNASSIGNED_S:
                    _log.warning("sin particiones que atender; se vuelve a entrar en el grupo")
                    consumer.unsubscribe()
                    consumer.subscribe([self._topic])
                    without = 0
                if message is None:
                    pass
                elif message.error() is not None:
                    _log.warning("Kafka: %s", message.error())
                else:
                    self._attend(consumer, message)
                self._measure_lag(consumer)
        finally:
            consumer.close()

    def _attend(self, consumer: Consumer, message: Message) -> None:
        sender = propagate.extract(_headers(message))
        token = context.attach(sender)
        try:
            self._process(message, Link(trace.get_current_span(sender).get_span_context()))
            consumer.commit(message=message, asynchronous=False)
        except (KafkaException, Unavailable, ConnectionError) as error:
            # No quedó confirmado: se vuelve a él, porque seguir adelante sería darlo por atendido.
            _log.warning("se volverá a atender el mensaje", extra={"problem": str(error)})
            self._stop.wait(_BACKOFF_S)
            consumer.seek(TopicPartition(self._topic, message.partition() or 0, message.offset() or 0))
        finally:
            context.detach(token)

    def _process(self, message: Message, sender: Link) -> None:
        attributes: dict[str, str | int] = {
            "messaging.system": "kafka",
            "messaging.operation.type": "process",
            "messaging.operation.name": "process",
            "messaging.destination.name": self._topic,
            "messaging.consumer.group.name": self._group,
            "messaging.destination.partition.id": str(message.partition()),
            "messaging.kafka.offset": message.offset() or 0,
        }
        links = [sender] if sender.context.is_valid else []
        with _tracer.start_as_current_span(
            f"process {self._topic}", kind=SpanKind.CONSUMER, attributes=attributes, links=links
        ) as span:
            try:
                self._handle_with_retries(_decode(message))
            except Exception as error:
                self._on_failure()
                span.record_exception(error)
                span.set_status(Status(StatusCode.ERROR, str(error)))
                _log.exception("mensaje apartado", extra={"offset": message.offset()})
                self._set_aside(message, error)

    def _set_aside(self, message: Message, error: Exception) -> None:
        where = {"dlq.partition": str(message.partition()), "dlq.offset": str(message.offset())}
        why = {"dlq.reason": str(error)[:200], "dlq.group": self._group}
        self._dead_letters.send(f"{self._topic}{DEAD_LETTERS}", message.key(), message.value(), where | why)
        _DEAD.labels(self._topic, self._group).inc()

    def _handle_with_retries(self, event: Event) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._handle(event)
                return
            except NotUnderstood:
                raise
            except Exception as error:
                if attempt == ATTEMPTS:
                    raise
                _log.warning("se reintenta", extra={"attempt": attempt, "problem": str(error)})
                self._stop.wait(_BACKOFF_S * attempt)

    def _measure_lag(self, consumer: Consumer) -> None:
        lag = 0
        for partition in consumer.position(consumer.assignment()):
            _, high = consumer.get_watermark_offsets(partition, cached=True)
            if high >= 0 and partition.offset >= 0:
                lag += max(0, high - partition.offset)
        _LAG.labels(self._topic, self._group).set(lag)


def _headers(message: Message) -> dict[str, str]:
    pairs = dict(message.headers() or []).items()
    return {
        name: value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""
        for name, value in pairs
    }


def _decode(message: Message) -> Event:
    try:
        event = json.loads(message.value() or b"")
    except ValueError as error:
        raise NotUnderstood("el mensaje no es JSON") from error
    if not isinstance(event, dict):
        raise NotUnderstood("el mensaje no es un objeto JSON")
    return event
