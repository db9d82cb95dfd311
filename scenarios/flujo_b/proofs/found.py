"""Lo que comparten las pruebas: la fila, la sesión, la clave y el token que tuvo que salir de ellas."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from scenarios.engine import read
from scenarios.engine.answer import Answer
from scenarios.engine.context import Run
from scenarios.engine.facts import NotProven
from scenarios.engine.trace import Span
from scenarios.flujo_b import keys, spans
from scenarios.flujo_b.client import ME, entering
from scenarios.flujo_b.keys import Key
from scenarios.flujo_b.people import connect

_ARGON2 = re.compile(r"\$(argon2id?)\$v=\d+\$(m=\d+,t=\d+,p=\d+)\$")


@dataclass(frozen=True, slots=True)
class Row:
    """La fila de quien entra, leída de la base de datos. El resumen de la contraseña no sale en ninguna prueba."""

    id: int
    role: str
    name: str
    email: str
    password_hash: str = field(repr=False)

    @property
    def user(self) -> str:
        """Su nombre dentro: `user-12`."""
        return f"user-{self.id}"

    @property
    def algorithm(self) -> str:
        """Con qué se hizo el resumen y con qué medidas; vacío si no es argon2."""
        match = _ARGON2.match(self.password_hash)
        return f"{match[1]} ({match[2]})" if match else ""


def row(run: Run) -> Row:
    """La fila de la cuenta con que se entra en esta ejecución."""
    query = (
        "SELECT c.id, c.role, s.name, c.email, c.password_hash "
        "FROM credentials c JOIN students s ON s.id = c.student_id WHERE c.email = %s"
    )
    with closing(connect(run.env["DATABASE_URL"])) as connection:
        found = connection.execute(query, (entering(run).email,)).fetchone()
    if found is None:
        raise NotProven(f"En la base de datos no hay ninguna cuenta de {entering(run).email}.", final=True)
    return Row(*found)


@dataclass(frozen=True, slots=True)
class SessionFact:
    """La sesión que se abrió en esta ejecución: su clave en Redis, su `sid`, lo guardado y lo que le queda."""

    key: str
    sid: str
    data: dict[str, Any]
    ttl_s: int


def is_over(run: Run) -> bool:
    """Si ya hay respuesta: lo que Auth hace antes de contestar está hecho, y lo que falte no llegará."""
    answered = run.answered
    return answered is not None and answered.status != 0


def session(run: Run) -> SessionFact:
    """La única sesión de quien entra, sin mirar si caduca."""
    over = is_over(run)  # antes de mirar: si se mirase después, podría acabar entre medias
    user = entering(run).user
    found = list(run.clients.redis.scan_iter(match=f"session:{user}:*", count=1000))
    if not found:
        raise NotProven(f"En Redis no hay ninguna sesión de {user}.", final=over)
    if len(found) > 1:
        raise NotProven(f"En Redis hay {len(found)} sesiones de {user} y se esperaba una.", final=True)
    key = str(found[0])
    batch = run.clients.redis.pipeline(transaction=True)
    batch.get(key)
    batch.ttl(key)
    value, left = batch.execute()
    try:
        data = json.loads(str(value))
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise NotProven(f"Lo guardado en «{key}» no es una sesión.", final=True)
    return SessionFact(key, key.rpartition(":")[2], data, int(left))


def login_span(run: Run) -> Span:
    """El span de la petición en Auth, que solo está cuando acaba."""
    return read.span(run, spans.LOGIN, "la petición en Auth")


def key_read(run: Run) -> Span:
    """El span con que Auth leyó la clave."""
    return read.span(run, spans.READ_KEY, "la lectura de la clave en Vault")


def key(run: Run, version: int) -> Key:
    """Esa versión de la clave, leída de Vault con el token maestro."""
    with keys.administrator(run.env) as client:
        found = keys.read(client, version)
    if found is None:
        raise NotProven(
            f"En Vault, la versión {version} de secret/{keys.SECRET} no existe o se borró.", final=True
        )
    return found


@dataclass(frozen=True, slots=True)
class Token:
    """El token de esta ejecución, vuelto a hacer, y la clave con que se firma. Ninguno de los dos se enseña."""

    text: str = field(repr=False)
    key: Key
    claims: dict[str, Any]

    @property
    def sha256(self) -> str:
        """Su huella, en hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def token(run: Run) -> Token:
    """El token que tuvo que darse en esta ejecución.

    HS256 no tiene azar: con los mismos datos, que están en la sesión, y la clave que guarda Vault sale, letra por
    letra, el mismo token. Así se sabe cuál se firmó sin que nadie lo haya escrito en ningún sitio.
    """
    import jwt

    opened = session(run)
    signing = key(run, int(key_read(run).attributes.get("vault.secret.version", 0)))
    claims = {
        "iss": signing.name,
        "sub": entering(run).user,
        "sid": opened.sid,
        "iat": opened.data.get("iat"),
        "exp": opened.data.get("exp"),
    }
    return Token(jwt.encode(claims, signing.value, algorithm="HS256"), signing, claims)


def knock(run: Run, text: str) -> Answer:
    """Lo que contesta la ruta protegida a quien llega con ese token."""
    headers = {"Authorization": f"Bearer {text}", **read.untraced(run)}
    return run.until(lambda: read.ask(run, "GET", run.env["KONG_PROXY_URL"] + ME, headers=headers), "Kong")


def in_hours(seconds: int) -> str:
    """«23 h 59 min 58 s»."""
    return f"{seconds // 3600} h {seconds % 3600 // 60} min {seconds % 60} s"
