"""Quien pide el cobro: la web de la escuela, con el token de la estudiante y una tarjeta de prueba."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from scenarios.engine import read
from scenarios.engine.answer import Answer
from scenarios.engine.client import call
from scenarios.engine.context import Run
from scenarios.engine.facts import NotProven
from scenarios.engine.waiting import Deadline, until
from scenarios.flujo_c.services import SICK, WELL

PATH, PROCESS_PATH = "/api/finance/charges", "/api/payments/process"
SERVICE = "pasarelas-pago"
GOOD_CARD = "4242424242424242"
CONCEPT = "Matrícula de Sistemas Distribuidos"
_READY_WITHIN_S = 6.0

SILENT = "silent"
"""Lo que puede hacer mal el cliente: no contar su parte a Jaeger."""


@dataclass(frozen=True, slots=True)
class Charge:
    """Lo que se va a cobrar, y cuántas órdenes había atendido ya cada pasarela (`None`, si no se pudo leer).

    `amount` son céntimos, distintos en cada ejecución; `method`, el nombre que dio el proveedor a la tarjeta.
    """

    student: str
    amount: int
    key: str
    method: str
    requests_before: Mapping[str, float | None]
    counted_at: float


def prepare(run: Run) -> Charge:
    """Deja una pasarela enferma y otra sana, espera a que Consul lo sepa y da la tarjeta al proveedor."""
    method = "sin-tarjeta"
    with suppress(Exception):  # si falta alguien, ya lo dirá el paso que lo necesite
        set_key(run, SICK, active=False)
        set_key(run, WELL, active=True)
        method = save_card(run, str(run.inputs.get("card") or GOOD_CARD))
    _settle(run)
    amount = 10_000 + random.Random(run.id).randrange(90_000)
    before = {name: _requests(run, name) for name in (SICK, WELL)}
    return Charge(f"ana-{run.id}", amount, f"matricula-{run.id}", method, before, time.time())


def _settle(run: Run) -> None:
    """Espera a que Consul haya comprobado las dos: recién arrancadas, todavía no sabe nada de ellas."""
    deadline = Deadline()
    deadline.within(_READY_WITHIN_S)

    def as_it_should() -> None:
        known = {one.id: one for one in read.registered(run, SERVICE).instances}
        if not known.get(WELL, _NOBODY).passing or known.get(SICK, _NOBODY).passing:
            raise NotProven("Consul todavía no ha comprobado a las dos pasarelas.")

    with suppress(NotProven):
        until(as_it_should, deadline, "Consul")


_NOBODY = read.InstanceFact("", "", False, "", 0)


def charged(run: Run) -> Charge:
    """Lo que se cobra en `run`."""
    assert isinstance(run.plan, Charge)
    return run.plan


def summary(run: Run) -> str:
    """Qué se va a mandar, en una línea."""
    return f"{CONCEPT}: {euros(charged(run).amount)}, con la tarjeta de prueba {_shown(run)}"


def _shown(run: Run) -> str:
    return f"··{str(run.inputs.get('card') or GOOD_CARD)[-4:]}"


def euros(cents: int) -> str:
    """«123,45 €»."""
    return f"{cents / 100:.2f} €".replace(".", ",")


def token(run: Run, student: str) -> str:
    """Un JWT para `student`, como el que le daría la escuela al entrar."""
    import jwt

    now = int(time.time())
    return jwt.encode({"sub": student, "iat": now, "exp": now + 300}, run.credentials["JWT_SECRET"], "HS256")


def drive(run: Run) -> Answer:
    """Pide el cobro a Finanzas y devuelve lo que contestó."""
    charge = charged(run)
    order = {"concept": CONCEPT, "amount": charge.amount, "payment_method": charge.method}
    return call(
        run,
        "POST",
        run.env["FINANZAS_URL"],
        PATH,
        body=json.dumps(order).encode(),
        headers={
            "Authorization": f"Bearer {token(run, charge.student)}",
            "Idempotency-Key": charge.key,
            "Content-Type": "application/json",
        },
        whom="Finanzas",
        patience_s=30,
        silent=run.fault == SILENT,
    )


# --- el proveedor, visto por quien tiene cuenta en él ---


def save_card(run: Run, number: str) -> str:
    """Da la tarjeta al proveedor y devuelve el nombre que le pone: por la escuela nunca pasa el número.

    Raises:
        NotProven: el proveedor no la acepta.
    """
    headers = {"Authorization": f"Bearer {run.credentials['COBROS_PUBLIC_KEY']}"}
    document = provider(run, "POST", "/v1/payment_methods", headers, {"card": {"number": number}})
    return str(document["id"])


def set_key(run: Run, name: str, *, active: bool) -> None:
    """Reactiva o suspende, en el panel del proveedor, la clave de la pasarela `name`."""
    provider(run, "POST", f"/sandbox/keys/{name}", {}, {"active": active})


def provider(
    run: Run, method: str, path: str, headers: Mapping[str, str], body: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Lo que contesta el proveedor; `NotProven` si no es un 200."""
    content = json.dumps(body).encode() if body is not None else None
    answer = read.ask(run, method, run.env["COBROS_URL"] + path, headers=headers, body=content)
    document = answer.json()
    if not answer.ok or not isinstance(document, dict):
        error = document.get("error", {}) if isinstance(document, dict) else {}
        raise NotProven(f"El proveedor de pagos contestó {answer.status}. {error.get('message', '')}".strip())
    return document


def _requests(run: Run, name: str) -> float | None:
    """Cuántas órdenes de cobro ha atendido la pasarela `name` desde que arrancó."""
    with suppress(Exception):
        return requests_of(run, name)
    return None


def requests_of(run: Run, name: str) -> float:
    """Lo mismo, fallando si no contesta."""
    url = run.env[f"{name.upper().replace('-', '_')}_URL"]
    return read.metric_of(run, url, "http_requests_total", {"route": PROCESS_PATH})
