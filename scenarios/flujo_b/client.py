"""Quien entra: una estudiante recién matriculada, con su correo y su contraseña, desde el teléfono."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from scenarios.engine.answer import Answer
from scenarios.engine.client_span import export_client_span
from scenarios.engine.context import Run
from scenarios.engine.evidence import metric_of, pending_messages
from scenarios.engine.facts import NotProven
from scenarios.engine.relay import losing_replies
from scenarios.engine.waiting import Deadline, until
from scenarios.flujo_b.people import enrol
from scenarios.kit.wire import DESK

LOGIN, ME = "/api/auth/login", "/api/auth/me"
TOPIC, GROUP = "usuario_autenticado", "analytics"
TTL_S = 24 * 3600
_SETTLE_WITHIN_S = 4.0

WRONG_PATH, LOST_REPLY = "wrong-path", "lost-reply"
"""Lo que puede hacer mal el cliente: llamar a otra ruta o no recibir la respuesta."""


@dataclass(frozen=True, slots=True)
class Login:
    """Quién entra y cómo estaban las cuentas justo antes (`None`, si no se pudieron leer).

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
        _settle(run)
        active = metric_of(run, url, "usuarios_activos", {})
        counted = metric_of(run, url, "analytics_events_total", {"result": "new"})
    return Login(email, name, user, password, logins, active, counted)


def _settle(run: Run) -> None:
    """Espera un poco a que Analytics acabe lo que tuviera de antes: si no, parecería de ahora."""
    deadline = Deadline()
    deadline.within(_SETTLE_WITHIN_S)

    def nothing_pending() -> None:
        try:
            pending = pending_messages(run, GROUP, TOPIC)
        except Exception as error:
            raise NotProven("Kafka no contesta.", final=True) from error
        if pending:
            raise NotProven(f"A Analytics le quedan {pending} mensajes de antes.")

    with suppress(NotProven):
        until(nothing_pending, deadline, "Kafka")


def summary(run: Run) -> str:
    """Qué se va a mandar, en una línea. La contraseña, no."""
    return f"{entering(run).email}, una estudiante matriculada para esta ejecución, y su contraseña"


def entering(run: Run) -> Login:
    """Quien entra en `run`."""
    assert isinstance(run.plan, Login)
    return run.plan


def drive(run: Run) -> Answer:
    """Entra a través de Kong y devuelve lo que contestó."""
    from urllib3 import Timeout
    from urllib3.exceptions import HTTPError

    login = entering(run)
    path = "/api/auth/lojin" if run.fault == WRONG_PATH else LOGIN
    body = json.dumps({"email": login.email, "password": login.password}).encode()
    headers = {"Content-Type": "application/json", **run.headers()}
    # Si alguien puede parar la petición a mitad, hay que esperarla lo que haga falta.
    patience = Timeout(connect=3, read=3600 if DESK in run.baggage else 20)
    start = time.time_ns()
    with _kong(run) as base:
        if run.fault == LOST_REPLY:
            headers["Connection"] = "close"
        try:
            response = run.clients.http.request("POST", base + path, body=body, headers=headers, timeout=patience)
            answer = Answer(
                response.status, {name.lower(): value for name, value in response.headers.items()}, response.data
            )
        except HTTPError as error:
            answer = Answer(0, problem=_problem(error))
    attributes: dict[str, str | int] = {"http.request.method": "POST", "url.path": path}
    if answer.status:
        attributes["http.response.status_code"] = answer.status
    with suppress(HTTPError, OSError):
        export_client_span(run, f"POST {path}", start, time.time_ns(), attributes)
    return answer


def _problem(error: Exception) -> str:
    from urllib3.exceptions import NewConnectionError, ReadTimeoutError

    if isinstance(error, NewConnectionError):
        return "no se pudo conectar con Kong"
    if isinstance(error, ReadTimeoutError):
        return "Kong no contestó a tiempo"
    return "la conexión se cortó sin que llegase la respuesta"


@contextmanager
def _kong(run: Run) -> Iterator[str]:
    base = run.env["KONG_PROXY_URL"]
    if run.fault != LOST_REPLY:
        yield base
        return
    address = urlsplit(base)
    with losing_replies(str(address.hostname), int(address.port or 80)) as relay:
        yield f"http://{relay}"
