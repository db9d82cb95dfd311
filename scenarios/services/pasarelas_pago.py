"""Microservicio que cobra: habla con el proveedor de pagos para que los demás no tengan que hacerlo.

POST /api/payments/process   cobra; exige `Idempotency-Key`, y con la misma no se cobra dos veces

Corre en varias instancias, cada una con su propia clave del proveedor: si se filtra una, se suspende esa y las
demás siguen. Una instancia cuya clave no vale está viva pero no lista (`/ready`), y Consul deja de darla.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Header, Response
from fastapi.responses import JSONResponse
from prometheus_client import Counter, Histogram
from pydantic import BaseModel, Field

from scenarios.kit.app import create_app, serve
from scenarios.kit.calls import Caller, Reply
from scenarios.kit.errors import Unavailable
from scenarios.kit.logs import setup_logs
from scenarios.kit.settings import optional, required
from scenarios.kit.telemetry import setup_telemetry

PROVIDER = "El proveedor de pagos"
ATTEMPTS = 2
BUSY_FOR_S, BUSY_EVERY_S = 3.0, 0.1
"""Lo que se insiste, y cada cuánto, cuando el proveedor dice que la primera petición sigue en curso."""

_log = logging.getLogger(__name__)
_payments = Counter("payments_total", "Pagos pedidos al proveedor, según cómo acabaron.", ["result"])
_seconds = Histogram("payment_provider_seconds", "Lo que tarda el proveedor, con los reintentos.")
for _result in ("succeeded", "declined", "requires_action", "rejected", "error"):
    _payments.labels(_result)  # para que la serie exista, a cero, desde el principio


class Order(BaseModel):
    """Lo que hay que cobrar: céntimos de euro a una tarjeta que el proveedor ya conoce."""

    amount: int = Field(ge=1, le=10_000_000, strict=True)
    currency: Literal["eur"]
    payment_method: str = Field(min_length=1, max_length=255)
    description: str = Field(default="", max_length=500)
    metadata: dict[str, str] = Field(default_factory=dict)


class Gateway:
    """Una instancia: su nombre, su clave y el proveedor con que habla."""

    def __init__(self, provider_url: str, key: str, instance: str, timeout_s: float) -> None:
        self._url, self._instance = provider_url, instance
        self._headers = {"Authorization": f"Bearer {key}"}
        self._caller = Caller(PROVIDER, timeout_s)

    def not_ready(self) -> str:
        """Por qué no se puede cobrar con esta instancia (el proveedor calla o no acepta su clave), o vacío."""
        try:
            reply = self._caller.get(f"{self._url}/v1/account", self._headers, traced=False)
        except Unavailable:
            return "el proveedor de pagos no contesta"
        if reply.status == 401:
            return "el proveedor de pagos no acepta la clave de esta instancia"
        return "" if reply.status == 200 else f"el proveedor de pagos contestó {reply.status}"

    def process(self, order: Order, key: str) -> Response:
        """Cobra `order` una sola vez y cuenta cómo quedó.

        Raises:
            Unavailable: el proveedor no llegó a contestar, o falló. Con la misma clave se puede repetir.
        """
        began, result = time.perf_counter(), "error"
        try:
            reply = self._insist(order.model_dump(), {**self._headers, "Idempotency-Key": key})
            status, document = _told(reply)
            result = str(document.get("status", "rejected"))
        finally:
            _payments.labels(result).inc()
            _seconds.observe(time.perf_counter() - began)
        replayed = reply.headers.get("idempotent-replayed") == "true"
        _log.info(
            "pago atendido", extra={"payment": document.get("payment"), "result": result, "replay": replayed}
        )
        headers = {"Idempotent-Replayed": "true"} if replayed else None
        return JSONResponse({**document, "gateway": self._instance}, status, headers)

    def _insist(self, order: Mapping[str, Any], headers: Mapping[str, str]) -> Reply:
        """La respuesta del proveedor. Repetir es seguro: lleva siempre la misma clave de idempotencia."""
        problem: object = "no contestó"
        attempts, until = ATTEMPTS, time.monotonic() + BUSY_FOR_S
        while attempts:
            try:
                reply = self._caller.post(f"{self._url}/v1/payments", order, headers)
            except Unavailable as error:
                attempts, problem = attempts - 1, error
                continue
            if reply.status == 401:
                raise Unavailable(PROVIDER, "no acepta la clave de esta instancia")
            if reply.status == 409 and time.monotonic() < until:
                time.sleep(BUSY_EVERY_S)  # la primera petición sigue en curso: acabará, y entonces se sabrá
            elif reply.status >= 500 or reply.status == 409:
                attempts, problem = attempts - 1, f"contestó {reply.status}"
            else:
                return reply
        raise Unavailable(PROVIDER, problem)


def _told(reply: Reply) -> tuple[int, dict[str, Any]]:
    """El estado y el documento con que contamos lo que dijo el proveedor."""
    if reply.status == 200:
        paid = reply.document
        return 200, {"payment": paid["id"], "status": paid["status"], "amount": paid["amount"]}
    error = reply.document.get("error") or {}
    if error.get("code") == "card_declined":
        declined = error["payment"]
        return 402, {
            "detail": error["message"],
            "code": error["decline_code"],
            "payment": declined["id"],
            "status": declined["status"],
            "amount": declined["amount"],
        }
    status = 409 if error.get("type") == "idempotency_error" else 422
    return status, {"detail": error.get("message", "El proveedor de pagos no acepta esta orden.")}


def build() -> FastAPI:
    """La aplicación, con su proveedor y su clave leídos del entorno."""
    gateway = Gateway(
        required("PROVIDER_URL"),
        required("PROVIDER_KEY"),
        optional("SERVICE_ID", "pasarelas-pago"),
        float(optional("PROVIDER_TIMEOUT_S", "10")),
    )
    app = create_app("pasarelas-pago", not_ready=gateway.not_ready)

    @app.post("/api/payments/process")
    def process(order: Order, idempotency_key: Annotated[str, Header(min_length=8, max_length=255)]) -> Response:
        """Cobra la orden."""
        return gateway.process(order, idempotency_key)

    return app


if __name__ == "__main__":
    setup_logs("pasarelas-pago")
    setup_telemetry("pasarelas-pago")
    serve(build())
