"""Las páginas: la lista de correos y un correo entero."""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from stack.console import spanish
from stack.mailbox.embedded.models import Mailbox
from stack.mailbox.embedded.parsing import Address
from stack.mailbox.embedded.search import NotCovered, search
from stack.web import page

PER_PAGE = 50

# El HTML de un correo se pinta en un marco que no puede ejecutar nada, pedir nada fuera ni salirse de él.
_FRAME = {
    "content-security-policy": "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "img-src 'self' data:; style-src 'unsafe-inline'; font-src data:; frame-ancestors 'self'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
_CID = re.compile(r"cid:([^\"'\s>)]+)", re.IGNORECASE)
_NEW_TAB = '<base target="_blank">'


async def listing(request: Request) -> Response:
    """Los correos, del más nuevo al más viejo; con `q`, solo los que coinciden."""
    mailbox, query = _mailbox(request), request.query_params.get("q", "").strip()
    found, problem = mailbox.newest_first(), ""
    if query:
        try:
            found = list(filter(search(query), found))
        except NotCovered as error:
            found, problem = [], f"El suplente no sabe buscar «{error}»."
    number = request.query_params.get("pagina", "")
    start = (max(int(number), 1) - 1) * PER_PAGE if number.isdecimal() else 0
    return page(
        request,
        "mailbox.html",
        mailbox=mailbox,
        query=query,
        problem=problem,
        messages=found[start : start + PER_PAGE],
        matching=len(found),
        number=start // PER_PAGE + 1,
        last=max(-(-len(found) // PER_PAGE), 1),
        es=spanish,
        ms=_milliseconds,
        who=_who,
        quote=quote,
    )


async def message(request: Request) -> Response:
    """Un correo: lo que se lee, de quién a quién, y tal como viajó. Abrirlo lo da por leído."""
    mailbox = _mailbox(request)
    found = mailbox.find(request.path_params["id"])
    if found is None:
        text = "Ya no está: se borró, o el buzón se reinició (guarda los correos en memoria)."
        return page(request, "message.html", status=404, heading="Ese correo no está", message=text)
    found.read = True
    return page(
        request,
        "mailbox_message.html",
        found=found,
        content=found.content,
        source=found.raw.decode("utf-8", "replace"),
        es=spanish,
        ms=_milliseconds,
        who=_who,
    )


async def html(request: Request) -> Response:
    """La versión HTML de un correo, para el marco de su página; las imágenes incrustadas, en su sitio."""
    found = _mailbox(request).find(request.path_params["id"])
    if found is None:
        return HTMLResponse("", 404, headers=_FRAME)
    numbers = {part.content_id: part.number for part in found.content.inline}

    def address(match: re.Match[str]) -> str:
        number = numbers.get(match.group(1))
        return f"/api/v1/message/{found.identifier}/part/{number}" if number else match.group()

    return HTMLResponse(_NEW_TAB + _CID.sub(address, found.content.html), headers=_FRAME)


async def delete(request: Request) -> Response:
    """Borra un correo (`id`) o, sin él, todos, y vuelve a la lista."""
    chosen = request.query_params.get("id", "")
    _mailbox(request).delete((lambda one: one.identifier == chosen) if chosen else lambda one: True)
    return RedirectResponse("/", 303)


def _mailbox(request: Request) -> Mailbox:
    mailbox = request.app.state.mailbox
    assert isinstance(mailbox, Mailbox)
    return mailbox


def _milliseconds(when: datetime) -> float:
    return when.timestamp() * 1000


def _who(one: Address | None) -> str:
    """Cómo se llama a una persona: su nombre o, si no lo dice, su dirección."""
    return "sin remitente" if one is None else one.name or one.address
