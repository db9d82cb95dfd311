"""Construye un lote de mensajes (record batch v2) para las pruebas, sin compresión o con gzip."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Sequence


def batch(
    timestamps: Sequence[int] = (1000,),
    *,
    producer_id: int = -1,
    epoch: int = -1,
    sequence: int = -1,
    value: bytes = b"v",
    compress: bool = False,
) -> bytes:
    """Un lote con un mensaje por cada fecha (milisegundos desde 1970). La suma CRC va a cero."""
    first = timestamps[0]
    body = b"".join(_record(number, when - first, value) for number, when in enumerate(timestamps))
    if compress:
        body = gzip.compress(body)
    count = len(timestamps)
    fields = (int(compress), count - 1, first, max(timestamps), producer_id, epoch, sequence, count)
    rest = struct.pack(">ibI", -1, 2, 0) + struct.pack(">hiqqqhii", *fields) + body
    return struct.pack(">qi", 0, len(rest)) + rest


def _record(offset_delta: int, timestamp_delta: int, value: bytes) -> bytes:
    inner = (
        b"\0"
        + _varint(timestamp_delta)
        + _varint(offset_delta)
        + _varint(-1)
        + _varint(len(value))
        + value
        + b"\0"
    )
    return _varint(len(inner)) + inner


def _varint(value: int) -> bytes:
    value = (value << 1) ^ (value >> 63)
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
