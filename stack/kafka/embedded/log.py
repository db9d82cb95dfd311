"""El registro de una partición: lotes en orden, del más viejo al más nuevo, y quién espera el siguiente."""

from __future__ import annotations

import time
from asyncio import Future
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from stack.kafka.embedded.batch import Batch, Incoming, find_timestamp
from stack.kafka.embedded.errors import ErrorCode, KafkaError

EARLIEST, LATEST, MAX_TIMESTAMP = -2, -1, -3
_REMEMBERED_BATCHES = 5
_REMEMBERED_PRODUCERS = 1000
_LARGEST_SEQUENCE = 0x7FFFFFFF


@dataclass(slots=True)
class _Producer:
    """Lo último que escribió un productor idempotente: (primera secuencia, última, offset) de cinco lotes."""

    epoch: int
    recent: deque[tuple[int, int, int]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED_BATCHES))


class Log:
    """Una partición. `start` es el offset más viejo que se conserva; `end`, el que tendrá el próximo mensaje."""

    def __init__(self) -> None:
        self.start = 0
        self.end = 0
        self.bytes = 0
        self.batches: list[Batch] = []
        self._producers: dict[int, _Producer] = {}
        self._waiting: set[Future[None]] = set()

    def append(self, incoming: Incoming) -> int:
        """Añade un lote y despierta a quien espere. Devuelve el offset de su primer mensaje.

        Un lote repetido por un productor idempotente no se guarda dos veces: devuelve el offset que ya tenía.

        Raises:
            KafkaError: `OUT_OF_ORDER_SEQUENCE_NUMBER` o `INVALID_PRODUCER_EPOCH` si falta o sobra un lote.
        """
        if incoming.producer_id >= 0:
            repeated = self._known(incoming)
            if repeated is not None:
                return repeated
        batch = incoming.place(self.end, time.time())
        self.batches.append(batch)
        self.bytes += len(batch.data)
        self.end = batch.last_offset + 1
        self.wake()
        return batch.base_offset

    def _known(self, incoming: Incoming) -> int | None:
        """El offset de este lote si ya estaba; si no, lo apunta como el último de su productor y da `None`."""
        producer = self._producers.get(incoming.producer_id)
        if producer is None or incoming.producer_epoch > producer.epoch:
            if producer is not None and incoming.base_sequence != 0:
                raise KafkaError(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
            producer = _Producer(incoming.producer_epoch)
        elif incoming.producer_epoch < producer.epoch:
            raise KafkaError(ErrorCode.INVALID_PRODUCER_EPOCH)
        last = (incoming.base_sequence + incoming.count - 1) & _LARGEST_SEQUENCE
        for first_known, last_known, offset in producer.recent:
            if (first_known, last_known) == (incoming.base_sequence, last):
                return offset
        if producer.recent and incoming.base_sequence != (producer.recent[-1][1] + 1) & _LARGEST_SEQUENCE:
            raise KafkaError(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
        producer.recent.append((incoming.base_sequence, last, self.end))
        self._producers.pop(incoming.producer_id, None)
        self._producers[incoming.producer_id] = producer
        if len(self._producers) > _REMEMBERED_PRODUCERS:
            del self._producers[next(iter(self._producers))]
        return None

    def read(self, offset: int, max_bytes: int, *, at_least_one: bool) -> list[bytes]:
        """Los lotes desde el que contiene `offset`, hasta `max_bytes`; vacío si no hay nada nuevo.

        `at_least_one` entrega el primero aunque no quepa: así un mensaje grande no atasca a nadie.

        Raises:
            KafkaError: `OFFSET_OUT_OF_RANGE` si `offset` ya se borró o todavía no existe.
        """
        if not self.start <= offset <= self.end:
            raise KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE)
        found: list[bytes] = []
        index = bisect_left(self.batches, offset, key=lambda batch: batch.last_offset)
        while index < len(self.batches):
            data = self.batches[index].data
            max_bytes -= len(data)
            if max_bytes < 0 and (found or not at_least_one):
                break
            found.append(data)
            index += 1
        return found

    def lookup(self, timestamp: int) -> tuple[int, int]:
        """`(fecha, offset)` de `EARLIEST`, `LATEST`, `MAX_TIMESTAMP` o del primer mensaje con esa fecha o más.

        La fecha es -1 donde no la hay; el offset es -1 si ningún mensaje es tan nuevo.
        """
        if timestamp == EARLIEST:
            return -1, self.start
        if timestamp == LATEST:
            return -1, self.end
        if timestamp == MAX_TIMESTAMP:
            if not self.batches:
                return -1, -1
            newest = max(self.batches, key=lambda batch: batch.max_timestamp)
            _, offset = find_timestamp(newest, newest.max_timestamp, self.start)
            return (newest.max_timestamp, offset) if offset >= 0 else (-1, -1)
        for batch in self.batches:
            if batch.max_timestamp >= timestamp:
                when, offset = find_timestamp(batch, timestamp, self.start)
                if offset >= 0:
                    return when, offset
        return -1, -1

    def retain(self, max_bytes: int, max_age_s: float) -> None:
        """Olvida los lotes más viejos si se pasan los límites (negativo: sin límite).

        Como los segmentos de Kafka, se olvida por tramos: un octavo del límite de cada vez.
        """
        oldest = time.time() - max_age_s if max_age_s >= 0 else 0.0
        surplus, drop = (self.bytes - max_bytes * 7 // 8 if 0 <= max_bytes < self.bytes else 0), 0
        for batch in self.batches:
            if surplus <= 0 and batch.arrived >= oldest:
                break
            surplus -= len(batch.data)
            drop += 1
        self._forget(drop)

    def forget_oldest(self) -> None:
        """Olvida el lote más viejo."""
        self._forget(1)

    def delete_before(self, offset: int) -> None:
        """Borra los mensajes anteriores a `offset`; -1 es «todos».

        Raises:
            KafkaError: `OFFSET_OUT_OF_RANGE` si `offset` todavía no existe.
        """
        offset = self.end if offset == -1 else offset
        if not 0 <= offset <= self.end:
            raise KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE)
        self._forget(bisect_left(self.batches, offset, key=lambda batch: batch.last_offset))
        self.start = max(self.start, offset)

    def _forget(self, count: int) -> None:
        if count:
            self.bytes -= sum(len(batch.data) for batch in self.batches[:count])
            del self.batches[:count]
            self.start = max(self.start, self.batches[0].base_offset if self.batches else self.end)

    def wake(self) -> None:
        """Despierta a quienes esperan mensajes nuevos de esta partición (o su final, si se borra el topic)."""
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        self._waiting.clear()

    def watch(self, waiter: Future[None]) -> None:
        """Apunta a alguien que espera."""
        self._waiting.add(waiter)

    def unwatch(self, waiter: Future[None]) -> None:
        """Deja de esperar."""
        self._waiting.discard(waiter)


def largest(logs: Iterable[Log]) -> Log | None:
    """La partición que más ocupa, o `None` si todas están vacías."""
    biggest = max(logs, key=lambda log: log.bytes, default=None)
    return biggest if biggest is not None and biggest.bytes else None
