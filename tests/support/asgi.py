"""Pide una página a una aplicación ASGI sin abrir ningún puerto."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote


@dataclass(frozen=True, slots=True)
class Answer:
    """Lo que contestó la aplicación."""

    status: int
    text: str
    body: bytes
    headers: Mapping[str, str]


def get(app: Any, target: str) -> Answer:
    """`GET target`, con `Host: localhost` y prefiriendo HTML, como un navegador."""
    return ask(app, "GET", target)


def ask(app: Any, method: str, target: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Como `get`, con otro método y cambiando o añadiendo cabeceras (en minúsculas)."""
    sent_headers = {"host": "localhost", "accept": "text/html"} | dict(headers or {})
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in sent_headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
    }
    sent: list[dict[str, Any]] = []

    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if asked:  # quien manda un fichero vuelve a escuchar, por si se ha ido el navegador: no se va
            await asyncio.Event().wait()
        asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    body = b"".join(message.get("body", b"") for message in sent)
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], body.decode(errors="replace"), body, headers)
