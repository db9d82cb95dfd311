"""La entrada y la salida: lo que pasa entre el cliente, Kong y Auth (B1, B2, B10 y B11)."""

from __future__ import annotations

import hashlib

from scenarios.engine import read
from scenarios.engine.context import Run
from scenarios.engine.facts import Evidence, NotProven
from scenarios.engine.proofs import answered_ok
from scenarios.engine.trace import Span
from scenarios.flujo_b import spans
from scenarios.flujo_b.client import LOGIN, entering
from scenarios.flujo_b.proofs.found import knock, login_span, row


def b1(run: Run) -> Evidence:
    """Kong recibió esta petición, la dejó pasar y la está contando; y por esa ruta solo se entra con POST."""
    answer = run.answer()
    if 400 <= answer.status < 500 and "via" not in answer.headers:  # Kong pone Via solo en lo que dejó pasar
        raise NotProven("Kong no dejó pasar la petición.", final=True)
    seen = run.until(lambda: _kong_span(run), "Jaeger")
    url = run.env["KONG_PROXY_URL"] + LOGIN
    other = run.until(lambda: read.ask(run, "GET", url, headers=read.untraced(run)), "Kong")
    if other.status != 404:
        raise NotProven(f"Kong contestó {other.status} a un GET de {LOGIN}; se esperaba 404.", final=True)
    probe = run.until(lambda: read.ask(run, "POST", url, headers=read.untraced(run)), "Kong")
    limit, left = (probe.headers.get(f"ratelimit-{name}", "") for name in ("limit", "remaining"))
    if not limit:
        raise NotProven("La respuesta de Kong no trae RateLimit-Limit: no está contando llamadas.", final=True)
    return Evidence(
        "Kong",
        f"su span es de esta petición · quedan {left} intentos de {limit} por minuto",
        {
            "traza": run.trace_id,
            "span de Kong": seen.span_id,
            "respuesta a un GET": other.status,
            "RateLimit-Limit": limit,
            "RateLimit-Remaining": left,
        },
    )


def _kong_span(run: Run) -> Span:
    for span in run.trace().find(spans.KONG):
        if span.parent_id == run.span_id:
            return span
    raise NotProven("En Jaeger no está el span de Kong para esta petición.")


def b2(run: Run) -> Evidence:
    """La petición llegó a Auth de manos de Kong."""
    above, below = run.until(lambda: read.edge(run, "kong", spans.LOGIN, "la petición en Auth"), "Jaeger")
    return Evidence(
        "Jaeger",
        f"{above.service} → {below.service} · {below.name}",
        {"padre (Kong)": above.span_id, "hijo (Auth)": below.span_id, "traza": run.trace_id},
    )


def b10(run: Run) -> Evidence:
    """Auth contestó 200 a Kong, con un token ya firmado."""
    return answered_ok(run, "Auth", spans.LOGIN)


def b11(run: Run) -> Evidence:
    """El cliente recibió el token que firmó Auth y los datos de su fila; y con ese token entra."""
    answer = run.answer()
    document = answer.json() or {}
    if not answer.ok or not isinstance(document.get("token"), str):
        raise NotProven(f"El cliente no recibió un 200 con su token: {answer}.", final=True)
    stored = run.until(lambda: row(run), "Base de datos")
    expected = {"id": stored.user, "name": stored.name, "email": stored.email, "role": stored.role}
    if document.get("user") != expected:
        raise NotProven("Los datos que recibió el cliente no son los de su fila.", final=True)
    given = hashlib.sha256(document["token"].encode()).hexdigest()
    signed = str(run.until(lambda: login_span(run), "Jaeger").attributes.get("jwt.sha256", ""))
    if given != signed:
        raise NotProven("El token que recibió el cliente no es el que firmó Auth.", final=True)
    inside = knock(run, document["token"])
    if not inside.ok or (inside.json() or {}).get("user", {}).get("id") != entering(run).user:
        raise NotProven(f"Con el token recibido no se entra: {inside}.", final=True)
    return Evidence(
        "Kong",
        f"{answer.status} · {stored.name}, {stored.role} · con su token, /api/auth/me contesta {inside.status}",
        {
            "estado": answer.status,
            "usuario": stored.user,
            "huella del token recibido (sha256)": given,
            "huella del token firmado (span)": signed,
            "respuesta de /api/auth/me": inside.status,
        },
    )
