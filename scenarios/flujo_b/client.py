"""Quien entra: una estudiante recién matriculada, con su correo y su contraseña, desde el teléfono."""

from __future__ import annotations

import json
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field

from scenarios.engine.answer import Answer
from scenarios.engine.client import call
from scenarios.engine.context import Run
from scenarios.engine.read import let_catch_up, metric_of
from scenarios.flujo_b.people import enrol

LOGIN, ME = "/api/auth/login", "/api/auth/me"
TOPIC, GROUP = "usuario_autenticado", "analytics"
TTL_S = 24 * 3600
_SETTLE_WITHIN_S = 4.0

WRONG_PATH, LOST_REPLY = "wrong-path", "lost-reply"
"""Lo que puede hacer mal el cliente: llamar a otra ruta o no recibir la respuesta."""


@dataclass(frozen=True, slots=True)
class Login:
    """Quién entra y cómo estaban las cuentas justo antes (`None`, si no se pudieron leer), en `counted_at`.

    `user` es su nombre dentro (`user-12`): sale de un número que pone la base de datos y que el cliente no manda.
    Vacío, si no se la pudo matricular.
    """

    email: str
    name: str
    user: str
    password: str = field(repr=False)
    logins_before: float | None
    active_before: float | None
    counted_before: float | None
    counted_at: float


def prepare(run: Run) -> Login:
    """Matricula a una estudiante solo para esta ejecución y apunta cómo están los contadores."""
    email, name = f"eva-{run.id}@escuela.example", f"Eva de la prueba {run.id}"
    password = secrets.token_urlsafe(18)
    user = ""
    with suppress(
        Exception
    ):  # si la base de datos o un microservicio no están, ya lo dirá el paso que los necesite
        user = f"user-{enrol(run.env['DATABASE_URL'], name, email, password)}"
    logins = active = counted = None
    with suppress(Exception):
        logins = metric_of(run, run.env["AUTH_URL"], "auth_logins_total", {"result": "ok"})
    with suppress(Exception):
        url = run.env["ANALYTICS_URL"]
        metric_of(run, url, "analytics_events_total", {})  # si no contesta, no hay a quién esperar
        let_catch_up(run, "Analytics", GROUP, TOPIC, _SETTLE_WITHIN_S)
        active = metric_of(run, url, "usuarios_activos", {})
        counted = metric_of(run, url, "analytics_events_total", {"result": "new"})
    counted_at = time.time()
    return Login(email, name, user, password, logins, active, counted, counted_at)


def summary(run: Run) -> str:
    """Qué se va a mandar, en una línea. La contraseña, no."""
    return f"{entering(run).email}, una estudiante matriculada para esta ejecución, y su contraseña"


def entering(run: Run) -> Login:
    """Quien entra en `run`."""
    assert isinstance(run.plan, Login)
    return run.plan


def drive(run: Run) -> Answer:
    """Entra a través de Kong y devuelve lo que contestó."""
    login = entering(run)
    return call(
        run,
        "POST",
        run.env["KONG_PROXY_URL"],
        "/api/auth/lojin" if run.fault == WRONG_PATH else LOGIN,
        body=json.dumps({"email": login.email, "password": login.password}).encode(),
        headers={"Content-Type": "application/json"},
        whom="Kong",
        lost_reply=run.fault == LOST_REPLY,
    )
