"""El proveedor de pagos simulado: se porta como una API de pagos y dice en todas partes que no lo es."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from scenarios.providers.cobros.models import CARDS, Account
from scenarios.providers.cobros.urls import cobros_app

GOOD, SLOW, BROKEN = "4242424242424242", "4000000000001505", "4000000000000507"


class Shop:
    """Un comercio con cuenta, que llama a la aplicación sin abrir ningún puerto."""

    def __init__(self) -> None:
        self.account = Account({"uno": "sk_1", "dos": "sk_2"}, "pk", "rk", ["dos"])
        self.app = cobros_app(self.account)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, Mapping[str, str]]:
        return asyncio.run(self.asking(method, path, body, **headers))

    async def asking(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any, Mapping[str, str]]:
        content = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        names = {"host": "localhost", **{name.replace("_", "-"): value for name, value in headers.items()}}
        plain, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": plain,
            "raw_path": plain.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in names.items()],
            "client": ("127.0.0.1", 1),
            "server": ("localhost", 80),
        }
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        text = b"".join(message.get("body", b"") for message in sent).decode()
        found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        is_json = found.get("content-type", "").startswith("application/json")
        return sent[0]["status"], json.loads(text) if is_json else text, found

    def card(self, number: str = GOOD) -> str:
        _, document, _ = self.ask(
            "POST", "/v1/payment_methods", {"card": {"number": number}}, authorization="Bearer pk"
        )
        return str(document["id"])

    def pay(self, card: str, key: str = "", amount: int = 1000, bearer: str = "sk_1") -> Any:
        order = {"amount": amount, "currency": "eur", "payment_method": card}
        headers = {"idempotency_key": key} if key else {}
        return self.ask("POST", "/v1/payments", order, authorization=f"Bearer {bearer}", **headers)


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_paying_leaves_it_in_the_ledger(shop: Shop) -> None:
    status, paid, headers = shop.pay(shop.card(), "clave-1")
    assert status == 200
    assert (paid["object"], paid["livemode"], paid["status"], paid["api_key"]) == (
        "payment",
        False,
        "succeeded",
        "uno",
    )
    assert headers["x-simulated"] == "true"
    assert headers["request-id"].startswith("req_")
    for bearer in ("rk", "sk_1"):
        _, listed, _ = shop.ask("GET", "/v1/payments?idempotency_key=clave-1", authorization=f"Bearer {bearer}")
        assert [one["id"] for one in listed["data"]] == [paid["id"]]
    assert shop.ask("GET", f"/v1/payments/{paid['id']}", authorization="Bearer rk")[1] == paid


def test_the_same_key_pays_once_and_says_so(shop: Shop) -> None:
    card = shop.card()
    _, first, headers = shop.pay(card, "clave-2")
    _, second, again = shop.pay(card, "clave-2")
    assert first == second
    assert ("idempotent-replayed" in headers, again["idempotent-replayed"]) == (False, "true")
    status, error, _ = shop.pay(card, "clave-2", amount=2)
    assert (status, error["error"]["code"]) == (400, "idempotency_key_reused")
    assert len(shop.account.payments()) == 1
    shop.pay(card)
    shop.pay(card)
    assert len(shop.account.payments()) == 3  # sin clave, cada llamada es un pago


def test_while_the_first_goes_on_the_second_waits(shop: Shop) -> None:
    card = shop.card()
    shop.account.delay_s = 0.05
    order = {"amount": 1000, "currency": "eur", "payment_method": card}

    async def both() -> list[Any]:
        call = {"authorization": "Bearer sk_1", "idempotency_key": "clave-3"}
        return list(await asyncio.gather(*(shop.asking("POST", "/v1/payments", order, **call) for _ in range(2))))

    first, second = asyncio.run(both())
    assert (first[0], second[0], second[1]["error"]["code"]) == (200, 409, "idempotency_key_in_use")
    assert shop.pay(card, "clave-3")[1] == first[1]


def test_a_failure_is_not_remembered(shop: Shop) -> None:
    card = shop.card(BROKEN)
    status, error, _ = shop.pay(card, "clave-4")
    assert (status, error["error"]["type"], shop.account.payments()) == (500, "api_error", [])
    good = shop.card()
    shop.account.failing = True
    assert shop.pay(good, "clave-5")[0] == 500
    shop.account.failing = False
    assert shop.pay(good, "clave-5")[0] == 200


@pytest.mark.parametrize(
    ("number", "code"),
    [(number, one.code) for number, one in CARDS.items() if one.code],
)
def test_a_declined_card_is_a_402_that_stays_in_the_ledger(shop: Shop, number: str, code: str) -> None:
    card = shop.card(number)
    status, document, _ = shop.pay(card, "clave-6")
    error = document["error"]
    assert (status, error["code"], error["decline_code"]) == (402, "card_declined", code)
    assert error["message"].endswith(".")
    assert [one.id for one in shop.account.payments()] == [error["payment"]["id"]]
    assert shop.pay(card, "clave-6")[1] == document


def test_a_suspended_key_cannot_charge_and_comes_back(shop: Shop) -> None:
    card = shop.card()
    status, error, _ = shop.pay(card, bearer="sk_2")
    assert (status, error["error"]["code"]) == (401, "api_key_suspended")
    assert shop.ask("GET", "/v1/account", authorization="Bearer sk_2")[0] == 401
    assert shop.ask("POST", "/sandbox/keys/dos", {"active": True})[1]["keys"]["dos"] == {"active": True}
    assert shop.ask("GET", "/v1/account", authorization="Bearer sk_2")[0] == 200
    assert shop.pay(card, bearer="sk_2")[1]["api_key"] == "dos"


@pytest.mark.parametrize(
    ("method", "path", "body", "bearer", "status"),
    [
        ("POST", "/v1/payments", {"amount": 1, "currency": "eur", "payment_method": "x"}, "pk", 401),
        ("POST", "/v1/payments", {"amount": 1, "currency": "eur", "payment_method": "x"}, "rk", 401),
        ("POST", "/v1/payments", {"amount": 1, "currency": "eur", "payment_method": "x"}, "sk_1", 400),
        ("POST", "/v1/payments", {"amount": 0, "currency": "eur", "payment_method": "x"}, "sk_1", 400),
        ("POST", "/v1/payments", {"amount": True, "currency": "eur", "payment_method": "x"}, "sk_1", 400),
        ("POST", "/v1/payments", {"amount": 1, "currency": "usd", "payment_method": "x"}, "sk_1", 400),
        ("POST", "/v1/payments", b"esto no es JSON", "sk_1", 400),
        ("POST", "/v1/payments", b"x" * 20_000, "sk_1", 413),
        ("GET", "/v1/payments", None, "pk", 401),
        ("GET", "/v1/payments/nada", None, "rk", 404),
        ("POST", "/v1/payment_methods", {"card": {"number": GOOD}}, "sk_1", 401),
        ("POST", "/v1/payment_methods", {"card": {"number": "4111111111111111"}}, "pk", 402),
        ("POST", "/sandbox/keys/nadie", {"active": True}, "", 404),
        ("POST", "/sandbox/behaviour", {"delay_ms": -1}, "", 400),
    ],
)
def test_what_is_wrong_is_an_error_in_json(
    shop: Shop, method: str, path: str, body: Any, bearer: str, status: int
) -> None:
    found, document, _ = shop.ask(method, path, body, authorization=f"Bearer {bearer}")
    assert found == status
    assert set(document["error"]) == {"type", "code", "message"}
    assert shop.account.payments() == []


def test_a_real_card_is_refused_without_being_kept(shop: Shop) -> None:
    status, document, _ = shop.ask(
        "POST", "/v1/payment_methods", {"card": {"number": "4111111111111111"}}, authorization="Bearer pk"
    )
    assert (status, document["error"]["code"]) == (402, "test_card_required")
    assert "4111" not in json.dumps(document)


def test_the_pages_say_it_is_simulated_and_keep_the_secrets(shop: Shop) -> None:
    shop.pay(shop.card(), "clave-7")
    for path in ("/", "/cobertura"):
        status, text, _ = shop.ask("GET", path, accept="text/html")
        assert (status, "proveedor simulado" in text) == (200, True)
        assert not any(secret in text for secret in ("sk_1", "sk_2", ">rk<", ">pk<"))
    assert "clave-7" in shop.ask("GET", "/", accept="text/html")[1]
    assert shop.ask("POST", "/panel/claves/uno", b"active=no")[0] == 303
    assert not shop.account.keys["uno"].active
    assert shop.ask("POST", "/panel/claves/uno", b"active=si", origin="http://otro.example")[0] == 403
    assert not shop.account.keys["uno"].active
