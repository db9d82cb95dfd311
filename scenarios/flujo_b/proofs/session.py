"""Lo que deja el login: la sesión, el suceso y el token (B7 a B9)."""

from __future__ import annotations

import time

from scenarios.engine import read
from scenarios.engine.context import Run
from scenarios.engine.facts import Evidence, NotProven
from scenarios.engine.proofs import event_is_ours, in_kafka
from scenarios.engine.read import RecordFact
from scenarios.flujo_b.client import TOPIC, TTL_S, entering
from scenarios.flujo_b.proofs.found import Token, in_hours, is_over, knock, login_span, session, token

_SLACK_S = 3


def b7(run: Run) -> Evidence:
    """La sesión está, dura 24 horas contadas desde ahora, y no guarda ni la contraseña ni el token."""
    login = entering(run)
    opened = run.until(lambda: session(run), "Redis")
    if opened.ttl_s == -1:
        raise NotProven(f"La sesión «{opened.key}» no caduca; se esperaba un TTL de {TTL_S} s.", final=True)
    least = TTL_S - (time.time() - run.started_at) - _SLACK_S
    if not least <= opened.ttl_s <= TTL_S:
        raise NotProven(
            f"A la sesión le quedan {opened.ttl_s} s; se esperaban entre {least:.0f} y {TTL_S} s.", final=True
        )
    if opened.data.get("user") != login.user or opened.data.get("email") != login.email:
        raise NotProven(f"La sesión «{opened.key}» no dice que sea de {login.user}.", final=True)
    if login.password in str(opened.data) or "eyJ" in str(opened.data):
        raise NotProven("La sesión guarda la contraseña o el token.", final=True)
    return Evidence(
        "Redis",
        f"session:{login.user}:{opened.sid[:6]}… · caduca en {in_hours(opened.ttl_s)}",
        {
            "clave": opened.key,
            "TTL en segundos": opened.ttl_s,
            "de quién": login.user,
            "campos": sorted(opened.data),
        },
    )


def b8(run: Run) -> Evidence:
    """El suceso está en su partición, con la clave del usuario y la traza de esta ejecución, y sin secretos."""
    login = entering(run)
    record = run.until(lambda: published(run), "Kafka")
    event_is_ours(run, record, login.user, {"event": TOPIC, "user": login.user, "role": "student"})
    if any(secret in record.value.decode("utf-8", "replace") for secret in (login.password, login.email, "eyJ")):
        raise NotProven("El suceso lleva la contraseña, el correo o el token.", final=True)
    event = record.json()
    return in_kafka(run, record, {"campos": sorted(event), "ocurrió": str(event.get("occurred_at"))})


def published(run: Run) -> RecordFact:
    """El suceso de esta ejecución. Se publica antes de contestar: si ya hay respuesta y no está, no estará."""
    return read.record_of_run(run, TOPIC, final=is_over(run))


def b9(run: Run) -> Evidence:
    """El token que firmó Auth es el que sale de la clave de Vault; abre, y los tres parecidos no."""
    made = run.until(lambda: token(run), "Vault")
    signed = str(run.until(lambda: login_span(run), "Jaeger").attributes.get("jwt.sha256", ""))
    if signed != made.sha256:
        what = "no firmó ninguno" if not signed else "firmó otro"
        raise NotProven(f"Con la clave de Vault y la sesión sale un token, y Auth {what}.", final=True)
    inside = knock(run, made.text)
    if not inside.ok or (inside.json() or {}).get("user", {}).get("id") != entering(run).user:
        raise NotProven(f"Con el token de Auth, /api/auth/me no se abre: {inside}.", final=True)
    refused = {how: knock(run, text).status for how, text in _bad_ones(made).items()}
    for how, status in refused.items():
        if status != 401:
            raise NotProven(f"Kong contestó {status} a un token {how}; se esperaba 401.", final=True)
    return Evidence(
        "Kong",
        f"firmado con {made.key.name}: abre /api/auth/me · {', '.join(refused)}: 401",
        {
            "iss": made.key.name,
            "sub": str(made.claims["sub"]),
            "caduca": int(made.claims["exp"]),
            "huella (sha256) con la clave de Vault": made.sha256,
            "huella (sha256) en el span de Auth": signed,
            "respuesta de /api/auth/me": inside.status,
            **{f"respuesta a uno {how}": status for how, status in refused.items()},
        },
    )


def _bad_ones(made: Token) -> dict[str, str]:
    """Tres tokens casi iguales que no deben valer: con un dato cambiado, caducado y firmado con otra clave."""
    import jwt

    head, _, signature = made.text.split(".")
    other = jwt.encode({**made.claims, "sub": "user-1"}, made.key.value, algorithm="HS256").split(".")[1]
    late = {**made.claims, "exp": int(time.time()) - 60}
    return {
        "retocado": f"{head}.{other}.{signature}",
        "caducado": jwt.encode(late, made.key.value, algorithm="HS256"),
        "con otra clave": jwt.encode(made.claims, "otra clave, igual de larga que la buena", algorithm="HS256"),
    }
