"""Las respuestas, con la forma de las de Mailpit: https://mailpit.axllent.org/docs/api-v1/view.html"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse, Response

from stack.mailbox.embedded.models import Mailbox, Message
from stack.mailbox.embedded.parsing import Address, Part

VERSION = "suplente de stacklab"


def listing(mailbox: Mailbox, matching: Sequence[Message], start: int, limit: int) -> Response:
    """Una página de `matching`, con las cuentas del buzón entero y las de lo que coincide."""
    shown = [summary(message) for message in matching[start : start + limit]]
    return JSONResponse(
        {
            "total": len(mailbox),
            "unread": mailbox.unread,
            "count": len(shown),
            "messages_count": len(matching),
            "messages_unread": sum(not message.read for message in matching),
            "start": start,
            "tags": [],
            "messages": shown,
        }
    )


def summary(message: Message) -> dict[str, Any]:
    """Un mensaje en una lista."""
    content = message.content
    return {
        "ID": message.identifier,
        "MessageID": content.message_id,
        "Read": message.read,
        # En una lista, Mailpit dice `null` donde no hay nadie; en el mensaje entero, una lista vacía.
        **{name: who or (who if name == "ReplyTo" else None) for name, who in _people(message).items()},
        "Subject": content.subject,
        "Created": moment(message.created),
        "Username": "",
        "Tags": [],
        "Size": len(message.raw),
        "Attachments": len(content.attachments),
        "Snippet": content.snippet,
    }


def whole(message: Message) -> Response:
    """Un mensaje entero, menos el contenido de sus adjuntos."""
    content = message.content
    return JSONResponse(
        {
            "ID": message.identifier,
            "MessageID": content.message_id,
            **_people(message),
            "ReturnPath": content.return_path,
            "Subject": content.subject,
            "ListUnsubscribe": {"Header": "", "Links": [], "Errors": "", "HeaderPost": ""},
            "Date": moment(content.date or message.created),
            "Tags": [],
            "Username": "",
            "Text": content.text,
            "HTML": content.html,
            "Size": len(message.raw),
            "Inline": [_part(part) for part in content.inline],
            "Attachments": [_part(part) for part in content.attachments],
        }
    )


def headers(message: Message) -> Response:
    """Las cabeceras tal como llegaron: nombre → valores."""
    found: dict[str, list[str]] = {}
    for name, value in sorted(message.content.headers):
        found.setdefault(name.title(), []).append(" ".join(value.split()))
    return JSONResponse(found)


def info(mailbox: Mailbox) -> Response:
    """Qué programa es y cuánto lleva."""
    counters = mailbox.counters
    return JSONResponse(
        {
            "Version": VERSION,
            "LatestVersion": VERSION,
            "Database": "",
            "DatabaseSize": mailbox.size,
            "Messages": len(mailbox),
            "Unread": mailbox.unread,
            "Tags": {},
            "RuntimeStats": {
                "Uptime": int(time.monotonic() - mailbox.started),
                "Memory": mailbox.size,
                "MessagesDeleted": counters.deleted,
                "SMTPAccepted": counters.accepted,
                "SMTPAcceptedSize": counters.accepted_bytes,
                "SMTPRejected": counters.rejected,
                "SMTPIgnored": 0,
            },
        }
    )


def done() -> Response:
    return PlainTextResponse("ok")


def missing() -> Response:
    return PlainTextResponse("404 page not found", 404)


def wrong(text: str) -> Response:
    return PlainTextResponse(text, 400)


def moment(when: datetime) -> str:
    """Como lo escribe Go: RFC 3339, con Z si es UTC."""
    text = when.isoformat(timespec="milliseconds" if when.microsecond else "seconds")
    return text.removesuffix("+00:00") + "Z" if when.utcoffset() == UTC.utcoffset(None) else text


def _people(message: Message) -> dict[str, Any]:
    content = message.content
    return {
        "From": _address(content.sender or Address("", "")),
        "To": _addresses(content.to),
        "Cc": _addresses(content.cc),
        "Bcc": _addresses(content.bcc),
        "ReplyTo": _addresses(content.reply_to),
    }


def _addresses(found: Iterable[Address]) -> list[dict[str, str]]:
    return [_address(one) for one in found]


def _address(one: Address) -> dict[str, str]:
    return {"Name": one.name, "Address": one.address}


def _part(part: Part) -> dict[str, Any]:
    return {
        "PartID": part.number,
        "FileName": part.filename,
        "ContentType": part.content_type,
        "ContentID": part.content_id,
        "Size": len(part.content),
        "Checksums": {
            "MD5": hashlib.md5(part.content, usedforsecurity=False).hexdigest(),
            "SHA1": hashlib.sha1(part.content, usedforsecurity=False).hexdigest(),
            "SHA256": hashlib.sha256(part.content).hexdigest(),
        },
    }
