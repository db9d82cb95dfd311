"""Meter muestras en un Prometheus de verdad, con su hora y su valor exactos, por su puerta de *remote write*.

Es la única que las admite tal cual, marcas de serie caducada incluidas. El mensaje es protobuf comprimido con
snappy (https://prometheus.io/docs/specs/prw/remote_write_spec/); aquí se escribe a mano, y snappy, sin comprimir
nada: su formato lo permite.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence

import requests

Series = tuple[Mapping[str, str], Sequence[tuple[int, float]]]
"""Etiquetas, y muestras `(milisegundos, valor)`."""

_CHUNK = 2**16


def send(url: str, series: Iterable[Series]) -> None:
    """Manda `series` al Prometheus de `url`, que ha de tener `--web.enable-remote-write-receiver`."""
    message = b"".join(_field(1, _series(labels, samples)) for labels, samples in series)
    answer = requests.post(
        f"{url}/api/v1/write",
        data=_snappy(message),
        headers={
            "Content-Encoding": "snappy",
            "Content-Type": "application/x-protobuf",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
        },
        timeout=30,
    )
    assert answer.status_code == 204, answer.text


def _series(labels: Mapping[str, str], samples: Sequence[tuple[int, float]]) -> bytes:
    pairs = (_field(1, name.encode()) + _field(2, value.encode()) for name, value in sorted(labels.items()))
    points = (b"\x09" + struct.pack("<d", value) + b"\x10" + _varint(at_ms) for at_ms, value in samples)
    return b"".join(_field(1, pair) for pair in pairs) + b"".join(_field(2, point) for point in points)


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _snappy(content: bytes) -> bytes:
    parts = [_varint(len(content))]
    for start in range(0, len(content), _CHUNK):
        literal = content[start : start + _CHUNK]
        parts += [b"\xf4", struct.pack("<H", len(literal) - 1), literal]
    return b"".join(parts)
