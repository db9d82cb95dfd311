"""Un lote de mensajes (*record batch* v2), la unidad en que Kafka guarda y entrega.

El intermediario no abre los lotes: les pone su offset en la cabecera y los devuelve tal como llegaron,
comprimidos o no. Solo se abren para encontrar qué mensaje tiene una fecha.
Referencia: https://kafka.apache.org/documentation/#recordbatch
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from stack.kafka.embedded.errors import ErrorCode, KafkaError

# baseOffset, batchLength, partitionLeaderEpoch, magic, crc, attributes, lastOffsetDelta,
# baseTimestamp, maxTimestamp, producerId, producerEpoch, baseSequence, recordCount
_HEADER = struct.Struct(">qiibIhiqqqhii")
HEADER_BYTES = _HEADER.size
_LENGTH_STARTS_AFTER = 12
_MAGIC = 2
_COMPRESSION, _CONTROL = 0x07, 0x20
_GZIP = 1
_LEADER_EPOCH = bytes(4)


@dataclass(frozen=True, slots=True)
class Batch:
    """Un lote ya colocado en su partición. `arrived` es la hora en que llegó, en segundos desde 1970."""

    base_offset: int
    last_offset: int
    base_timestamp: int
    max_timestamp: int
    data: bytes
    arrived: float


@dataclass(frozen=True, slots=True)
class Incoming:
    """Un lote recién llegado, con lo que hace falta de su cabecera y sin offset todavía."""

    count: int
    base_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    data: bytes

    def place(self, offset: int, arrived: float) -> Batch:
        """El lote con `offset` escrito en la cabecera. La suma CRC no cubre esos bytes, así que sigue valiendo."""
        data = b"".join((offset.to_bytes(8, "big"), self.data[8:12], _LEADER_EPOCH, self.data[16:]))
        return Batch(offset, offset + self.count - 1, self.base_timestamp, self.max_timestamp, data, arrived)


def parse(data: bytes | None) -> Incoming:
    """Comprueba la cabecera de un lote que llega en Produce.

    Raises:
        KafkaError: `CORRUPT_MESSAGE` si la cabecera no cuadra con los bytes; `INVALID_RECORD` si es de otro
            formato o un lote de control, que un cliente no puede escribir.
    """
    if data is None or len(data) < HEADER_BYTES:
        raise KafkaError(ErrorCode.CORRUPT_MESSAGE, "el lote es más corto que su cabecera")
    _, length, _, magic, _, attributes, last_delta, base_ts, max_ts, pid, epoch, sequence, count = (
        _HEADER.unpack_from(data)
    )
    if magic != _MAGIC:
        raise KafkaError(ErrorCode.INVALID_RECORD, f"solo se admite el formato de mensajes 2, no el {magic}")
    if length != len(data) - _LENGTH_STARTS_AFTER or count < 1 or last_delta != count - 1:
        raise KafkaError(ErrorCode.CORRUPT_MESSAGE, "la cabecera del lote no cuadra con su contenido")
    if attributes & _CONTROL:
        raise KafkaError(ErrorCode.INVALID_RECORD, "un cliente no puede escribir lotes de control")
    return Incoming(count, base_ts, max_ts, pid, epoch, sequence, data)


def find_timestamp(batch: Batch, timestamp: int, start: int = 0) -> tuple[int, int]:
    """`(fecha, offset)` del primer mensaje con fecha ≥ `timestamp` (milisegundos desde 1970) y offset ≥ `start`.

    Con una compresión que la biblioteca estándar no abre (snappy, lz4, zstd) devuelve el principio del lote:
    quien lee desde ahí no se pierde ningún mensaje, a lo sumo ve alguno anterior. `(-1, -1)` si no hay ninguno.
    """
    opened = False
    for offset, when in _records(batch):
        opened = True
        if when >= timestamp and offset >= start:
            return when, offset
    return (-1, -1) if opened else (batch.base_timestamp, max(batch.base_offset, start))


def _records(batch: Batch) -> Iterator[tuple[int, int]]:
    """Los pares (offset, fecha) de los mensajes del lote; ninguno si no se puede abrir."""
    attributes, count = _HEADER.unpack_from(batch.data)[5], _HEADER.unpack_from(batch.data)[12]
    body = batch.data[HEADER_BYTES:]
    codec = attributes & _COMPRESSION
    if codec == _GZIP:
        try:
            body = zlib.decompress(body, wbits=31)
        except zlib.error:
            return
    elif codec:
        return
    position = 0
    try:
        for _ in range(count):
            length, position = _zigzag(body, position)
            following = position + length
            timestamp_delta, position = _zigzag(body, position + 1)
            offset_delta, _ = _zigzag(body, position)
            yield batch.base_offset + offset_delta, batch.base_timestamp + timestamp_delta
            position = following
    except IndexError:
        return


def _zigzag(data: bytes, position: int) -> tuple[int, int]:
    """Un entero con signo (varint en zigzag) y la posición siguiente."""
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), position
        shift += 7
