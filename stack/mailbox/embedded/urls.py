"""Las rutas del puerto `http`: la API de Mailpit y nuestras páginas."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from stack.mailbox.embedded import pages, responses
from stack.mailbox.embedded.coverage import COVERAGE
from stack.mailbox.embedded.models import Mailbox, Message
from stack.mailbox.embedded.search import NotCovered, search
from stack.mailbox.embedded.smtp import Lifespan
from stack.web import create_app

DEFAULT_LIMIT = 50

# Lo que viene en un correo lo escribió cualquiera: aunque sea HTML, que no pueda ejecutar nada aquí.
SANDBOX = {"content-security-policy": "sandbox; default-src 'none'", "x-content-type-options": "nosniff"}


def mailbox_app(mailbox: Mailbox, lifespan: Lifespan | None = None) -> Starlette:
    """La aplicación que enseña `mailbox`. `lifespan` es lo que debe vivir tanto como ella."""
    api = _Api(mailbox)
    message = "/api/v1/message/{id}"
    app = create_app(
        COVERAGE,
        [
            Route("/", pages.listing),
            Route("/view/{id}", pages.message),
            Route("/view/{id}/html", pages.html),
            Route("/borrar", pages.delete, methods=["POST"]),
            Route("/livez", _alive),
            Route("/readyz", _alive),
            Route("/api/v1/messages", api.messages, methods=["GET", "PUT", "DELETE"]),
            Route("/api/v1/search", api.search, methods=["GET", "DELETE"]),
            Route("/api/v1/info", api.info),
            Route(message, api.message),
            Route(f"{message}/headers", api.headers),
            Route(f"{message}/raw", api.raw),
            Route(f"{message}/part/{{part}}", api.part),
        ],
        templates=Path(__file__).parent / "templates",
        nav=(("Correos", "/"), ("Qué cubre", "/cobertura")),
    )
    app.state.mailbox = mailbox
    if lifespan is not None:
        app.router.lifespan_context = lifespan
    return app


async def _alive(_: Request) -> Response:
    return PlainTextResponse("ok")


class _Api:
    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def messages(self, request: Request) -> Response:
        mailbox = self._mailbox
        if request.method == "PUT":
            return await self._mark(request)
        if request.method == "DELETE":
            chosen = (await _body(request) or {}).get("IDs") or []
            mailbox.delete((lambda one: one.identifier in chosen) if chosen else lambda one: True)
            return responses.done()
        return responses.listing(mailbox, mailbox.newest_first(), *_window(request))

    async def search(self, request: Request) -> Response:
        query = request.query_params.get("query", "").strip()
        if not query:
            return responses.wrong("Error: no search query")
        try:
            test = search(query)
        except NotCovered as error:
            return _not_covered(error)
        if request.method == "DELETE":
            self._mailbox.delete(test)
            return responses.done()
        found = [one for one in self._mailbox.newest_first() if test(one)]
        return responses.listing(self._mailbox, found, *_window(request))

    async def info(self, _: Request) -> Response:
        return responses.info(self._mailbox)

    async def message(self, request: Request) -> Response:
        def answer(message: Message) -> Response:
            message.read = True
            return responses.whole(message)

        return self._with(request, answer)

    async def headers(self, request: Request) -> Response:
        return self._with(request, responses.headers)

    async def raw(self, request: Request) -> Response:
        def answer(message: Message) -> Response:
            named = {"content-disposition": f'attachment; filename="{message.identifier}.eml"'}
            extra = named if request.query_params.get("dl") == "1" else {}
            return Response(message.raw, media_type="text/plain; charset=utf-8", headers=SANDBOX | extra)

        return self._with(request, answer)

    async def part(self, request: Request) -> Response:
        def answer(message: Message) -> Response:
            for part in (*message.content.attachments, *message.content.inline):
                if part.number == request.path_params["part"]:
                    name = quote(part.filename or part.content_id)
                    shown = {"content-disposition": f'inline; filename="{name}"'}
                    return Response(part.content, media_type=part.content_type, headers=SANDBOX | shown)
            return responses.missing()

        return self._with(request, answer)

    async def _mark(self, request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return responses.wrong("no es un objeto JSON")
        identifiers, query = body.get("IDs") or [], body.get("Search") or ""
        if identifiers and query:
            return responses.wrong("You may specify either IDs or a search query, not both")
        try:
            test = search(query)
        except NotCovered as error:
            return _not_covered(error)
        chosen = self._mailbox.among(identifiers) if identifiers else filter(test, self._mailbox.newest_first())
        self._mailbox.mark(chosen, bool(body.get("Read")))
        return responses.done()

    def _with(self, request: Request, answer: Callable[[Message], Response]) -> Response:
        message = self._mailbox.find(request.path_params["id"])
        return responses.missing() if message is None else answer(message)


async def _body(request: Request) -> dict[str, Any] | None:
    """El objeto JSON de la petición; `None` si no lo es."""
    try:
        body = json.loads(await request.body())
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _window(request: Request) -> tuple[int, int]:
    """Desde cuál y cuántos. Lo que no es un número válido se ignora, como hace Mailpit."""
    start, limit = request.query_params.get("start", ""), request.query_params.get("limit", "")
    return (int(start) if start.isdecimal() else 0), (int(limit) if limit.isdecimal() else DEFAULT_LIMIT)


def _not_covered(error: NotCovered) -> Response:
    text = f"Este suplente de {COVERAGE.imitates} no sabe buscar «{error}». En /cobertura está qué cubre y qué no."
    return JSONResponse({"error": text}, 501)
