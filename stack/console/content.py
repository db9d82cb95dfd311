"""Cómo se enseñan unos bytes que no sabemos qué son: JSON, texto o hexadecimal, y qué enlaces se pueden pulsar."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

LONGEST_TEXT = 20_000
LONGEST_HEX = 512

_URL = re.compile(r"http://[^\s\"'<>\\]+")
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Shown:
    """Unos bytes, como se enseñan. `size` es cuántos eran.

    `kind` es `json`, `text`, `hex` o `empty`; en Kafka también `null`, cuando no hay ni cero bytes.
    """

    kind: str
    text: str
    size: int
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """Un trozo de texto; con `href`, se puede pulsar."""

    text: str
    href: str = ""


def shown(data: bytes, *, size: int | None = None, longest: int = LONGEST_TEXT) -> Shown:
    """Unos bytes para enseñar. `size` es el tamaño entero, si `data` es solo el principio."""
    total = len(data) if size is None else size
    whole = total == len(data)
    if not data:
        return Shown("empty", "", total)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        # Un corte puede haber partido el último carácter; cualquier otro fallo es que no es texto.
        if whole or error.start < len(data) - 3:
            return _hex(data, total)
        text = data[: error.start].decode()
    if any(not (char.isprintable() or char in "\n\r\t") for char in text):
        return _hex(data, total)
    kind = "text"
    if whole and text.lstrip()[:1] in ("{", "["):
        with suppress(ValueError, RecursionError):
            text, kind = json.dumps(json.loads(text), ensure_ascii=False, indent=2), "json"
    return Shown(kind, text[:longest], total, cut=not whole or len(text) > longest)


def name(data: bytes) -> str:
    """El nombre de una clave o de un campo: su texto o, si no lo es, sus bytes como los escribe redis-cli."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = ""
    return text if text.isprintable() and (text or not data) else quoted(data)


def quoted(data: bytes) -> str:
    """Unos bytes entre comillas, para pegarlos en redis-cli: `"bin\\xff\\x00"`."""
    plain = "".join(chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\x{byte:02x}" for byte in data)
    return f'"{plain}"'


def pieces(text: str) -> Iterator[Piece]:
    """`text` partido por sus URL. Solo se pueden pulsar las que llevan a esta misma máquina: las demás pudo
    haberlas escrito cualquiera y llevar a cualquier parte."""
    start = 0
    for match in _URL.finditer(text):
        url = match.group().rstrip(".,;:)]}")
        if not _is_here(url):
            continue
        yield Piece(text[start : match.start()])
        yield Piece(url, url)
        start = match.start() + len(url)
    yield Piece(text[start:])


def _is_here(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.hostname in _HERE and not parts.username and parts.port != 0
    except ValueError:
        return False


def _hex(data: bytes, total: int) -> Shown:
    return Shown("hex", data[:LONGEST_HEX].hex(" "), total, cut=total > LONGEST_HEX)
