"""La puerta SMTP (RFC 5321), con aiosmtpd: acepta correo de cualquiera y para cualquiera, y no lo reparte."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from email.utils import formatdate, getaddresses, make_msgid
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session
from starlette.applications import Starlette

from stack.mailbox.embedded.models import Mailbox

MAX_SIZE = 32 * 2**20
MAX_RECIPIENTS = 100

Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]

# Una cabecera, o la continuación de la anterior. Lo demás, antes de la línea en blanco, no es un correo.
_HEADER_LINE = re.compile(rb"[ \t]|[!-9;-~]+[ \t]*:")
_HEADER = re.compile(rb"^(to|cc|bcc)[ \t]*:[ \t]*(.*(?:\r?\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE)


class Reception:
    """Lo que aiosmtpd pregunta en cada paso de una entrega."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Apunta un destinatario más, hasta el máximo."""
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Guarda el mensaje y dice con qué nombre; si sus cabeceras no lo son, no lo quiere."""
        content = envelope.content
        raw = content if isinstance(content, bytes) else str(content or "").encode()
        if not all(map(_HEADER_LINE.match, head(raw).splitlines())):
            self._mailbox.counters.rejected += 1
            return "451 4.3.5 Unable to process mail"
        peer = session.peer[0] if isinstance(session.peer, tuple) else ""
        heading = received(session.host_name or "", peer, envelope.mail_from or "", envelope.rcpt_tos, raw)
        return f"250 2.0.0 Ok: queued as {self._mailbox.receive(heading + raw).identifier}"

    async def handle_exception(self, error: Exception) -> str:
        """Un fallo nuestro: quien envía debe saber que no quedó guardado."""
        self._mailbox.counters.rejected += 1
        return f"451 4.3.0 {type(error).__name__}"


def received(host: str, peer: str, sender: str, recipients: list[str], raw: bytes) -> bytes:
    """Lo que se añade delante: por dónde llegó, quién lo envió y a quién más iba sin decirlo (Bcc).

    Y un Message-ID, si no lo trae: sin él no se podría responder en el mismo hilo.
    """
    lines = [f"Received: from {host} ([{peer}]) by stacklab with SMTP; {formatdate()}", f"Return-Path: <{sender}>"]
    named = head(raw)
    if not re.search(rb"^message-id[ \t]*:", named, re.IGNORECASE | re.MULTILINE):
        lines.append(f"Message-ID: {make_msgid(domain='stacklab')}")
    told = [value.decode("utf-8", "replace") for _, value in _HEADER.findall(named)]
    known = {address.lower() for _, address in getaddresses(told)}
    if hidden := [address for address in recipients if address.lower() not in known]:
        lines.append(f"Bcc: {', '.join(hidden)}")
    return "".join(f"{line}\r\n" for line in lines).encode()


def head(raw: bytes) -> bytes:
    """Las cabeceras: lo que va antes de la primera línea en blanco, que también puede ser la primera de todas."""
    return re.split(rb"(?:^|\r?\n)\r?\n", raw, maxsplit=1)[0]


def receiving(mailbox: Mailbox, port: int) -> Lifespan:
    """Mientras la aplicación web vive, la puerta SMTP está abierta en `port`; si no se puede abrir, `OSError`."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        def connection() -> Any:
            return SMTP(
                Reception(mailbox),
                hostname="stacklab",
                ident="stacklab",
                data_size_limit=MAX_SIZE,
                enable_SMTPUTF8=True,
                loop=asyncio.get_running_loop(),
            )

        host = os.environ.get("STACKLAB_LISTEN_HOST", "127.0.0.1")
        server = await asyncio.get_running_loop().create_server(connection, host, port)
        try:
            yield
        finally:
            server.close()

    return lifespan
