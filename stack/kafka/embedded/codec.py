"""Leer y escribir los tipos primitivos del protocolo de Kafka.

Desde cierta versión, cada petición usa la forma *flexible*: longitudes en varint y un hueco de etiquetas al
final de cada estructura. Aquí es un interruptor, `flexible`, y quien describe una petición la escribe una sola
vez. Referencia: https://kafka.apache.org/protocol#protocol_types
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import TypeVar
from uuid import UUID

from stack.kafka.embedded.errors import Malformed

T = TypeVar("T")
_INT16, _INT32, _INT64 = struct.Struct(">h"), struct.Struct(">i"), struct.Struct(">q")


class Reader:
    """Lee una petición de izquierda a derecha; lanza `Malformed` si los bytes se acaban antes de tiempo."""

    __slots__ = ("data", "flexible", "position")

    def __init__(self, data: bytes, position: int = 0) -> None:
        self.data = data
        self.position = position
        self.flexible = False

    def _take(self, count: int) -> int:
        """Avanza `count` bytes y devuelve dónde empezaban."""
        start = self.position
        if count < 0 or start + count > len(self.data):
            raise Malformed(f"faltan bytes: se pidieron {count} en la posición {start} de {len(self.data)}")
        self.position = start + count
        return start

    def int8(self) -> int:
        value = self.data[self._take(1)]
        return value - 256 if value > 127 else value

    def int16(self) -> int:
        return int(_INT16.unpack_from(self.data, self._take(2))[0])

    def int32(self) -> int:
        return int(_INT32.unpack_from(self.data, self._take(4))[0])

    def int64(self) -> int:
        return int(_INT64.unpack_from(self.data, self._take(8))[0])

    def boolean(self) -> bool:
        return self.data[self._take(1)] != 0

    def uuid(self) -> UUID:
        start = self._take(16)
        return UUID(bytes=self.data[start : start + 16])

    def varint(self) -> int:
        """Un entero sin signo en base 128, de 32 bits como mucho."""
        value = shift = 0
        while shift < 35:
            byte = self.data[self._take(1)]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
        raise Malformed("un varint de más de cinco bytes")

    def nullable_string(self) -> str | None:
        count = self.varint() - 1 if self.flexible else self.int16()
        if count == -1:
            return None
        start = self._take(count)
        try:
            return self.data[start : start + count].decode()
        except UnicodeDecodeError as error:
            raise Malformed("un texto que no es UTF-8") from error

    def string(self) -> str:
        value = self.nullable_string()
        if value is None:
            raise Malformed("falta un texto obligatorio")
        return value

    def nullable_bytes(self) -> bytes | None:
        count = self.varint() - 1 if self.flexible else self.int32()
        if count == -1:
            return None
        start = self._take(count)
        return self.data[start : start + count]

    def bytes_(self) -> bytes:
        value = self.nullable_bytes()
        if value is None:
            raise Malformed("faltan unos bytes obligatorios")
        return value

    def nullable_array(self, item: Callable[[], T]) -> list[T] | None:
        """Una lista leída con `item` en cada elemento. Ninguno ocupa menos de un byte: eso acota la cuenta."""
        count = self.varint() - 1 if self.flexible else self.int32()
        if count == -1:
            return None
        if count < 0 or count > len(self.data) - self.position:
            raise Malformed(f"una lista de {count} elementos no cabe en lo que queda")
        return [item() for _ in range(count)]

    def array(self, item: Callable[[], T]) -> list[T]:
        return self.nullable_array(item) or []

    def tags(self) -> None:
        """Salta el hueco de etiquetas que cierra cada estructura flexible."""
        if self.flexible:
            for _ in range(self.varint()):
                self.varint()
                self._take(self.varint())


class Writer:
    """Escribe una respuesta. Los métodos llevan los mismos nombres que los de `Reader`."""

    __slots__ = ("buffer", "flexible")

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.flexible = False

    def int8(self, value: int) -> None:
        self.buffer.append(value & 0xFF)

    def int16(self, value: int) -> None:
        self.buffer += _INT16.pack(value)

    def int32(self, value: int) -> None:
        self.buffer += _INT32.pack(value)

    def int64(self, value: int) -> None:
        self.buffer += _INT64.pack(value)

    def boolean(self, value: bool) -> None:
        self.buffer.append(1 if value else 0)

    def uuid(self, value: UUID) -> None:
        self.buffer += value.bytes

    def varint(self, value: int) -> None:
        while value > 0x7F:
            self.buffer.append(value & 0x7F | 0x80)
            value >>= 7
        self.buffer.append(value)

    def nullable_string(self, value: str | None) -> None:
        data = None if value is None else value.encode()
        if self.flexible:
            self.varint(0 if data is None else len(data) + 1)
        else:
            self.int16(-1 if data is None else len(data))
        self.buffer += data or b""

    def string(self, value: str) -> None:
        self.nullable_string(value)

    def bytes_(self, value: bytes) -> None:
        self._count(len(value))
        self.buffer += value

    def array(self, items: Iterable[T], write: Callable[[T], object]) -> None:
        listed = list(items)
        self._count(len(listed))
        for item in listed:
            write(item)

    def tags(self) -> None:
        """Cierra una estructura flexible con cero etiquetas."""
        if self.flexible:
            self.buffer.append(0)

    def _count(self, count: int) -> None:
        if self.flexible:
            self.varint(count + 1)
        else:
            self.int32(count)
