"""De los bytes de un correo a sus partes (RFC 5322 y MIME, RFC 2045 a 2049).

El análisis es el de la biblioteca estándar. Aquí se decide qué parte es el texto, cuál el HTML, cuál va
incrustada y cuál es un adjunto, y cómo se llama cada una («1», «2.1»…), como lo hace Mailpit.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import getaddresses, parsedate_to_datetime

# No se niega a leer un mensaje mal hecho: se enseña lo que se entienda de él.
_PARSER = BytesParser(policy=policy.default.clone(raise_on_defect=False))

_SNIPPET = 200
_UNSEEN = re.compile(r"<(script|style|head|title)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_BREAK = re.compile(r"<(br|/p|/div|/tr|/h[1-6]|/li)\b[^>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True)
class Address:
    """Una dirección: el nombre que se enseña y el buzón."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Part:
    """Una parte que no es el cuerpo: un adjunto o algo incrustado en el HTML."""

    number: str
    filename: str
    content_type: str
    content_id: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Content:
    """Lo que se lee en un correo. `date` es la que dice el remitente (`None` si no la pone, o no se entiende)."""

    subject: str
    message_id: str
    sender: Address | None
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    return_path: str
    date: datetime | None
    text: str
    html: str
    inline: tuple[Part, ...]
    attachments: tuple[Part, ...]
    headers: tuple[tuple[str, str], ...]

    @property
    def snippet(self) -> str:
        """El principio, en una línea: del HTML, si lo hay, que es lo que ve quien lo abre. El tope es de bytes."""
        line = " ".join((as_text(self.html) or self.text).split())
        start = line.encode()[:_SNIPPET].decode("utf-8", "ignore")
        return line if start == line else f"{start}..."


def parse(raw: bytes) -> Content:
    """Lee `raw`. Nunca falla: lo que no se entiende queda vacío."""
    message = _PARSER.parsebytes(raw)
    assert isinstance(message, EmailMessage)
    texts: list[str] = []
    pages: list[str] = []
    inline: list[Part] = []
    attachments: list[Part] = []
    for number, part in _leaves(message):
        kind, disposition = part.get_content_type(), part.get_content_disposition()
        filename = part.get_filename() or ""
        body = not filename and disposition != "attachment"
        if body and kind == "text/plain":
            texts.append(_text(part))
        elif body and kind == "text/html":
            pages.append(_text(part))
        else:
            content_id = str(part.get("Content-ID", "")).strip().strip("<>")
            piece = Part(number, filename, kind, content_id, _bytes(part))
            (attachments if disposition == "attachment" or not content_id else inline).append(piece)
    page = "".join(pages)
    sender = _addresses(message, "From")
    return Content(
        subject=_header(message, "Subject"),
        message_id=_header(message, "Message-ID").strip().strip("<>"),
        sender=sender[0] if sender else None,
        to=_addresses(message, "To"),
        cc=_addresses(message, "Cc"),
        bcc=_addresses(message, "Bcc"),
        reply_to=_addresses(message, "Reply-To"),
        return_path=_header(message, "Return-Path").strip().strip("<>") or (sender[0].address if sender else ""),
        date=_date(_header(message, "Date")),
        text="".join(texts) or as_text(page),
        html=page,
        inline=tuple(inline),
        attachments=tuple(attachments),
        headers=tuple((name, str(value)) for name, value in message.raw_items()),
    )


def as_text(page: str) -> str:
    """El texto de una página HTML, para quien no puede verla pintada."""
    plain = _TAG.sub("", _BREAK.sub("\n", _UNSEEN.sub("", page)))
    return "\n".join(line.strip() for line in html.unescape(plain).splitlines() if line.strip())


def _leaves(message: EmailMessage, number: str = "") -> Iterator[tuple[str, EmailMessage]]:
    """Las partes que no contienen otras, con su número."""
    if message.is_multipart() and message.get_content_type() != "message/rfc822":
        for position, part in enumerate(message.iter_parts(), 1):
            assert isinstance(part, EmailMessage)
            yield from _leaves(part, f"{number}.{position}" if number else str(position))
    else:
        yield number or "0", message


def _text(part: EmailMessage) -> str:
    try:
        return str(part.get_content())
    except (LookupError, KeyError):  # dice estar en un juego de caracteres que no existe
        return _bytes(part).decode("utf-8", "replace")


def _bytes(part: EmailMessage) -> bytes:
    if part.get_content_type() == "message/rfc822":
        return b"".join(one.as_bytes() for one in part.iter_parts())
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _header(message: EmailMessage, name: str) -> str:
    try:
        return str(message.get(name, ""))
    except (ValueError, IndexError, AttributeError):  # la biblioteca tropieza con algunas cabeceras rotas
        return ""


def _addresses(message: EmailMessage, name: str) -> tuple[Address, ...]:
    try:
        values = [str(value) for value in message.get_all(name, [])]
    except (ValueError, IndexError, AttributeError):
        return ()
    return tuple(Address(shown, address) for shown, address in getaddresses(values) if shown or address)


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
