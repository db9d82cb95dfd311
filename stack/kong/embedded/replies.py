"""Las respuestas que da Kong por sí mismo, con sus palabras y en el formato que pide `Accept`.

Sigue `kong/pdk/response.lua` y `kong/tools/http.lua` de Kong 3.9.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json; charset=utf-8"

_MESSAGES = {
    400: "Bad request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    408: "Request timeout",
    411: "Length required",
    413: "Payload too large",
    414: "URI too long",
    417: "Expectation failed",
    426: "Upgrade required",
    429: "Too many requests",
    494: "Request header or cookie too large",
    500: "An unexpected error occurred",
    502: "An invalid response was received from the upstream server",
    503: "The upstream server is currently unavailable",
    504: "The upstream server is timing out",
}

_TYPES = {
    "text/html": "text/html; charset=utf-8",
    "application/json": JSON,
    "text/plain": "text/plain; charset=utf-8",
    "application/xml": "application/xml; charset=utf-8",
    "application/*": JSON,
    "text/*": "text/plain; charset=utf-8",
    "*/*": JSON,
}

_TEMPLATES = {
    "application/json": '{\n  "message":"%s",\n  "request_id":"%s"\n}',
    "text/plain": "%s\nrequest_id: %s\n",
    "application/xml": (
        '<?xml version="1.0" encoding="UTF-8"?>\n<error>\n  <message>%s</message>\n'
        "  <requestid>%s</requestid>\n</error>\n"
    ),
    "text/html": (
        '<!doctype html>\n<html>\n  <head>\n    <meta charset="utf-8">\n    <title>Error</title>\n  </head>\n'
        "  <body>\n    <h1>Error</h1>\n    <p>%s.</p>\n    <p>request_id: %s</p>\n  </body>\n</html>\n"
    ),
}

_MEDIA_RANGE = re.compile(r"\s*([a-z0-9*][\w.+*-]*/[\w.+*-]+)\s*((?:;[^;]*)*)\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reply:
    """Una respuesta hecha aquí: estado, cuerpo y cabeceras. `unexpected` si nace de un fallo y no de un plugin."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    unexpected: bool = False


def message_for(status: int) -> str:
    """La frase de Kong para `status`."""
    return _MESSAGES.get(status, f"The upstream server responded with {status}")


def as_json(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Reply:
    """Un JSON compacto (`kong.response.exit` con una tabla)."""
    content = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    return Reply(status, content, {"Content-Type": JSON} | dict(headers or {}))


def error(
    status: int,
    message: str | None,
    *,
    request_id: str,
    accept: str | None,
    headers: Mapping[str, str] | None = None,
    unexpected: bool = False,
) -> Reply:
    """Un error con su `request_id` (`kong.response.error`), en JSON, HTML, XML o texto según `accept`."""
    content_type = negotiate(accept)
    template = _TEMPLATES[content_type.split(";")[0]]
    body = (template % (message or message_for(status), request_id)).encode()
    status = 400 if status == 494 else status
    return Reply(status, body, {"Content-Type": content_type} | dict(headers or {}), unexpected)


def negotiate(accept: str | None) -> str:
    """El tipo de contenido de un error: el preferido de `accept` que Kong sabe escribir; si no, JSON."""
    best, chosen = 0.0, JSON
    for part in (accept or "").split(","):
        found = _MEDIA_RANGE.match(part)
        if not found:
            continue
        quality = re.search(r";\s*q=([01](?:\.\d{0,3})?)", found.group(2))
        weight = float(quality.group(1)) if quality else 1.0
        if weight > best:
            best, chosen = weight, _TYPES.get(found.group(1).lower(), JSON)
    return chosen
