"""La forma de las respuestas: JSON con `object`, `id` y `livemode: false`, como en una API de pagos de verdad."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import JSONResponse

from scenarios.providers.cobros.models import Account, Method, Payment, Refused, Status

_SAYS = {
    "generic_decline": "El banco rechazó la tarjeta.",
    "insufficient_funds": "La tarjeta no tiene saldo suficiente.",
    "expired_card": "La tarjeta está caducada.",
}


def payment(one: Payment, *, replayed: bool = False) -> JSONResponse:
    """El pago, o el error 402 si se rechazó (que también lleva el pago: quedó apuntado)."""
    headers = {"Idempotent-Replayed": "true"} if replayed else {}
    shape = payment_shape(one)
    if one.status is not Status.DECLINED:
        return _json(shape, headers=headers)
    error = {
        "type": "card_error",
        "code": "card_declined",
        "decline_code": one.code,
        "message": _SAYS[one.code],
        "payment": shape,
    }
    return _json({"error": error}, 402, headers)


def payment_shape(one: Payment) -> dict[str, Any]:
    """Un pago en JSON."""
    shape: dict[str, Any] = {
        "id": one.id,
        "object": "payment",
        "livemode": False,
        "amount": one.amount,
        "currency": one.currency,
        "status": one.status,
        "description": one.description,
        "metadata": dict(one.metadata),
        "card": {"last4": one.last4},
        "idempotency_key": one.idempotency_key or None,
        "api_key": one.api_key,
        "created": int(one.created),
    }
    if one.status is Status.DECLINED:
        shape["decline_code"] = one.code
    if one.status is Status.REQUIRES_ACTION:
        shape["next_action"] = {"type": "redirect_to_bank"}
    return shape


def found(one: Payment) -> JSONResponse:
    """Un pago del libro, quedase como quedase."""
    return _json(payment_shape(one))


def listing(found: Sequence[Payment]) -> JSONResponse:
    """Una lista de pagos."""
    return _json({"object": "list", "livemode": False, "data": [payment_shape(one) for one in found]})


def method(one: Method) -> JSONResponse:
    """Una tarjeta guardada, sin su número."""
    return _json({"id": one.id, "object": "payment_method", "livemode": False, "card": {"last4": one.last4}})


def account() -> JSONResponse:
    """La cuenta: si contesta, la clave vale."""
    return _json({"id": "acct_escuela", "object": "account", "livemode": False, "charges_enabled": True})


def sandbox(one: Account) -> JSONResponse:
    """Los mandos del simulador, tal como están."""
    keys = {key.name: {"active": key.active} for key in one.keys.values()}
    return _json(
        {
            "object": "sandbox",
            "livemode": False,
            "keys": keys,
            "delay_ms": int(one.delay_s * 1000),
            "failing": one.failing,
        }
    )


def refused(error: Refused) -> JSONResponse:
    """Un error, como los da una API de pagos."""
    return _json({"error": {"type": error.kind, "code": error.code, "message": error.message}}, error.status)


def _json(
    document: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    own = {"Request-Id": f"req_{secrets.token_hex(8)}", "X-Simulated": "true"}
    return JSONResponse(document, status, {**own, **(headers or {})})
