"""Microservicio de finanzas: manda cobrar lo que debe cada estudiante. No sabe cobrar, ni dónde se cobra.

POST /api/finance/charges   cobra a quien diga el token; con `Idempotency-Key`, una sola vez aunque se repita

Pregunta a Consul qué pasarelas están sanas y llama a una. Si esa muere entre la respuesta y la llamada, prueba con
otra; y como todas llevan la misma clave de idempotencia hasta el proveedor, nadie paga dos veces.
"""

from __future__ import annotations

import logging
import random
import uuid
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Header, HTTPException, Response
from fastapi.responses import JSONResponse
from prometheus_client import Counter
from pydantic import BaseModel, Field

from scenarios.kit.app import create_app, serve
from scenarios.kit.calls import Caller, Reply
from scenarios.kit.discovery import Directory, Instance
from scenarios.kit.errors import Unavailable
from scenarios.kit.identity import user_from_token
from scenarios.kit.logs import setup_logs
from scenarios.kit.settings import optional
from scenarios.kit.telemetry import setup_telemetry

GATEWAYS = "pasarelas-pago"
ASK_TIMES = 2
"""Cuántas veces se pregunta a Consul por una misma orden: la segunda, si ninguna de las primeras contestó."""

_log = logging.getLogger(__name__)
_charges = Counter("charges_total", "Cobros pedidos, según cómo acabaron.", ["result"])
_retries = Counter("charge_retries_total", "Veces que hubo que probar con otra pasarela.")
_RESULTS = {200: "succeeded", 202: "requires_action", 402: "declined", 503: "unavailable"}
for _result in (*_RESULTS.values(), "rejected"):
    _charges.labels(_result)  # para que la serie exista, a cero, desde el principio


class Charge(BaseModel):
    """Lo que se cobra. La tarjeta no pasa por aquí: solo el nombre que le dio el proveedor."""

    concept: str = Field(min_length=1, max_length=200)
    amount: int = Field(ge=1, le=10_000_000, strict=True, description="Céntimos.")
    currency: Literal["eur"] = "eur"
    payment_method: str = Field(min_length=1, max_length=255)


class Finance:
    """Lo que hace el microservicio, con los clientes que necesita."""

    def __init__(self, directory: Directory, caller: Caller) -> None:
        self._directory, self._caller = directory, caller

    def charge(self, student: str, charge: Charge, key: str) -> Reply:
        """Manda cobrar a una pasarela sana; si no contesta o falla, a otra.

        Raises:
            HTTPException: 503 si no hay ninguna sana, o ninguna de las que había pudo.
            Unavailable: Consul no contesta y no se sabe dónde están.
        """
        order = {
            "amount": charge.amount,
            "currency": charge.currency,
            "payment_method": charge.payment_method,
            "description": charge.concept,
            "metadata": {"student": student},
        }
        problem = ""
        for instance in self._candidates():
            if problem:
                _retries.inc()
            try:
                reply = self._caller.post(f"{instance.url}/api/payments/process", order, {"Idempotency-Key": key})
            except Unavailable as error:
                problem = f"{instance.id} no contesta"
                _log.warning("se prueba con otra pasarela", extra={"failed": instance.id, "problem": str(error)})
                continue
            if reply.status < 500:
                return reply
            detail = str(reply.document.get("detail", "")).partition(". ")[0]
            problem = detail or f"{instance.id} contestó {reply.status}"
            _log.warning("se prueba con otra pasarela", extra={"failed": instance.id, "problem": problem})
        raise HTTPException(503, _explained(problem), {"Retry-After": "2"})

    def _candidates(self) -> Iterator[Instance]:
        """Las instancias sanas, al azar para repartir; a cada una se la prueba una vez."""
        tried: set[str] = set()
        for _ in range(ASK_TIMES):
            fresh = [one for one in self._directory.healthy(GATEWAYS) if one.id not in tried]
            if not fresh and not tried:
                return
            random.shuffle(fresh)
            for instance in fresh:
                tried.add(instance.id)
                yield instance


def _explained(problem: str) -> str:
    if not problem:
        return (
            "Ahora mismo no hay ninguna pasarela de pago sana: Consul no da ninguna. No se ha cobrado nada; "
            "vuelve a intentarlo dentro de un rato."
        )
    return (
        f"No se ha podido confirmar el cobro ({problem.rstrip('.')}) y no hay otra pasarela de pago sana. "
        "Repítelo con la misma Idempotency-Key: no se pagará dos veces."
    )


def _answer(reply: Reply) -> Response:
    """Lo que dijo la pasarela, a quien pidió el cobro."""
    known: dict[str, Any] = {
        name: reply.document[name]
        for name in ("payment", "status", "amount", "code", "gateway", "detail")
        if name in reply.document
    }
    status = 202 if known.get("status") == "requires_action" else reply.status
    replayed = reply.headers.get("idempotent-replayed")
    return JSONResponse(known, status, {"Idempotent-Replayed": replayed} if replayed else None)


def build() -> FastAPI:
    """La aplicación, con sus clientes creados a partir del entorno."""
    timeout_s = float(optional("PAYMENT_TIMEOUT_S", "15"))
    finance = Finance(Directory.from_env(), Caller("La pasarela de pago", timeout_s))
    app = create_app("finanzas")

    @app.post("/api/finance/charges")
    def charge(
        charge: Charge,
        student: Annotated[str, Depends(user_from_token)],
        idempotency_key: Annotated[str, Header(max_length=255)] = "",
    ) -> Response:
        """Cobra a quien diga el token. Sin `Idempotency-Key`, cada llamada es un cobro distinto."""
        result = "unavailable"
        try:
            answer = _answer(finance.charge(student, charge, idempotency_key or uuid.uuid4().hex))
            result = _RESULTS.get(answer.status_code, "rejected")
            return answer
        finally:
            _charges.labels(result).inc()

    return app


if __name__ == "__main__":
    setup_logs("finanzas")
    setup_telemetry("finanzas")
    serve(build())
