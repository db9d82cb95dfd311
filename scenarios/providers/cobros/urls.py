"""Las rutas: la API de pagos, los mandos del simulador y la página con el libro.

POST /v1/payment_methods        guarda una tarjeta (con la clave pública): `{"card": {"number": "4242…"}}`
POST /v1/payments               cobra; con `Idempotency-Key`, una sola vez aunque se repita
GET  /v1/payments[/{id}]        el libro; `?idempotency_key=…` lo filtra
GET  /v1/account                si contesta 200, la clave vale
GET  /sandbox                   los mandos: claves activas, tardanza y fallo
POST /sandbox/keys/{nombre}     `{"active": false}` suspende una clave
POST /sandbox/behaviour         `{"delay_ms": 800, "failing": false}`
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from scenarios.providers.cobros import responses
from scenarios.providers.cobros.models import CARDS, Account, Order, Refused
from stack.console import spanish
from stack.web import Coverage, create_app, page

MAX_AMOUNT = 99_999_999
MAX_DELAY_MS = 60_000
MAX_BODY = 16 * 1024
SHOWN = 25

COVERAGE = Coverage(
    title="Cobros",
    imitates="",
    covers=(
        "Guardar tarjetas de prueba, cobrar, rechazar, pedir confirmación y consultar el libro.",
        "Claves de idempotencia con las reglas de Stripe: repetir, reutilizar mal y a la vez.",
        "Una clave secreta para cada instancia de quien cobra, que se puede suspender.",
        "Tardar y fallar, a petición o según la tarjeta.",
    ),
    lacks=(
        "Mover dinero: nada de esto sale de esta máquina, y una tarjeta de verdad se rechaza sin guardarla.",
        "Devoluciones, suscripciones, avisos por webhook y monedas distintas del euro.",
        "Guardar en disco: al parar se olvida todo.",
    ),
)

Endpoint = Callable[[Request], Awaitable[Response]]


def cobros_app(account: Account) -> Starlette:
    """La aplicación con la cuenta `account`."""
    api, desk = _Api(account), _Panel(account)
    routes = [
        Route("/", desk.home),
        Route("/cobertura", desk.coverage),
        Route("/panel/claves/{name}", desk.toggle, methods=["POST"]),
        Route("/v1/account", _told(api.account)),
        Route("/v1/payment_methods", _told(api.save), methods=["POST"]),
        Route("/v1/payments", _told(api.payments)),
        Route("/v1/payments", _told(api.pay), methods=["POST"]),
        Route("/v1/payments/{id}", _told(api.payment)),
        Route("/sandbox", _told(api.sandbox)),
        Route("/sandbox/keys/{name}", _told(api.set_key), methods=["POST"]),
        Route("/sandbox/behaviour", _told(api.set_behaviour), methods=["POST"]),
    ]
    return create_app(
        COVERAGE,
        routes,
        templates=Path(__file__).parent / "templates",
        nav=(("Pagos", "/"), ("Qué cubre", "/cobertura")),
    )


def _told(endpoint: Endpoint) -> Endpoint:
    """Lo que se rechaza se cuenta en JSON."""

    async def attend(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Refused as error:
            return responses.refused(error)

    return attend


class _Api:
    def __init__(self, account: Account) -> None:
        self._account = account

    async def account(self, request: Request) -> Response:
        self._account.secret(_bearer(request))
        return responses.account()

    async def save(self, request: Request) -> Response:
        self._account.check_publishable(_bearer(request))
        card = (await _body(request)).get("card")
        number = card.get("number") if isinstance(card, dict) else None
        return responses.method(self._account.save(str(number or "")))

    async def payments(self, request: Request) -> Response:
        self._account.check_reader(_bearer(request))
        found = self._account.payments(request.query_params.get("idempotency_key", ""))
        return responses.listing(found[:100])

    async def payment(self, request: Request) -> Response:
        self._account.check_reader(_bearer(request))
        return responses.found(self._account.payment(request.path_params["id"]))

    async def pay(self, request: Request) -> Response:
        account = self._account
        api_key = account.secret(_bearer(request))
        order = _order(await _body(request))
        method = account.method(order.method)
        idempotency_key = request.headers.get("idempotency-key", "")[:255]
        if (known := account.begin(order, idempotency_key)) is not None:
            return responses.payment(known, replayed=True)
        try:
            await asyncio.sleep(account.delay_s + method.behaviour.delay_s)
            if account.failing or method.behaviour.broken:
                raise Refused(
                    500, "api_error", "internal", "El proveedor tiene un problema. No se ha cobrado nada."
                )
            return responses.payment(account.settle(order, idempotency_key, api_key.name, method))
        finally:
            account.give_up(idempotency_key)

    async def sandbox(self, request: Request) -> Response:
        return responses.sandbox(self._account)

    async def set_key(self, request: Request) -> Response:
        active = (await _body(request)).get("active")
        if not isinstance(active, bool):
            raise _wrong("active", "verdadero o falso")
        _key(self._account, request).active = active
        return responses.sandbox(self._account)

    async def set_behaviour(self, request: Request) -> Response:
        body = await _body(request)
        delay, failing = body.get("delay_ms", 0), body.get("failing", False)
        if not _whole(delay, 0, MAX_DELAY_MS):
            raise _wrong("delay_ms", f"milisegundos, hasta {MAX_DELAY_MS}")
        if not isinstance(failing, bool):
            raise _wrong("failing", "verdadero o falso")
        self._account.delay_s, self._account.failing = delay / 1000, failing
        return responses.sandbox(self._account)


class _Panel:
    """Lo que vería el comercio al entrar en la web de su proveedor."""

    def __init__(self, account: Account) -> None:
        self._account = account

    async def home(self, request: Request) -> Response:
        found = self._account.payments()
        return page(
            request,
            "cobros.html",
            account=self._account,
            payments=found[:SHOWN],
            total=len(found),
            cards=CARDS,
            es=spanish,
        )

    async def coverage(self, request: Request) -> Response:
        return page(request, "cobros_coverage.html")

    async def toggle(self, request: Request) -> Response:
        try:
            key = _key(self._account, request)
        except Refused as error:
            return responses.refused(error)
        form = parse_qs((await request.body())[:MAX_BODY].decode("utf-8", "replace"))
        key.active = form.get("active") == ["si"]
        return RedirectResponse("/", 303)


def _key(account: Account, request: Request) -> Any:
    name = request.path_params["name"]
    if name not in account.keys:
        raise Refused(404, "invalid_request_error", "resource_missing", f"No hay ninguna clave «{name}».")
    return account.keys[name]


def _bearer(request: Request) -> str:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not given:
        raise Refused(401, "authentication_error", "api_key_missing", "Falta la clave en Authorization: Bearer …")
    return given


async def _body(request: Request) -> dict[str, Any]:
    content = b""
    async for piece in request.stream():
        content += piece
        if len(content) > MAX_BODY:
            raise Refused(
                413, "invalid_request_error", "too_large", "El cuerpo de la petición es demasiado grande."
            )
    try:
        document = json.loads(content or b"{}")
    except ValueError as error:
        raise Refused(400, "invalid_request_error", "not_json", "El cuerpo no es JSON.") from error
    if not isinstance(document, dict):
        raise Refused(400, "invalid_request_error", "not_json", "El cuerpo no es un objeto JSON.")
    return document


def _order(body: dict[str, Any]) -> Order:
    amount: Any = body.get("amount")
    currency, method = body.get("currency"), body.get("payment_method")
    description, metadata = body.get("description", ""), body.get("metadata", {})
    if not _whole(amount, 1, MAX_AMOUNT):
        raise _wrong("amount", f"céntimos, entre 1 y {MAX_AMOUNT}")
    if currency != "eur":
        raise _wrong("currency", "«eur»")
    if not isinstance(method, str) or not method:
        raise _wrong("payment_method", "el identificador de una tarjeta guardada")
    if not isinstance(description, str) or not isinstance(metadata, dict):
        raise _wrong("description y metadata", "un texto y un objeto")
    return Order(amount, "eur", method, description[:500], {str(k): str(v) for k, v in metadata.items()})


def _whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _wrong(name: str, wanted: str) -> Refused:
    return Refused(400, "invalid_request_error", "parameter_invalid", f"{name} tiene que ser {wanted}.")
