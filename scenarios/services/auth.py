"""Microservicio de acceso: comprueba quién eres, abre tu sesión y te da un token con el que volver.

POST /api/auth/login    `{"email" o "username", "password"}`: comprueba la contraseña y devuelve el token
GET  /api/auth/me       quién eres, según tu token y tu sesión
POST /api/auth/logout   cierra la sesión: ese token ya no vale, aunque no haya caducado

La clave con que se firman los tokens no está aquí ni en su entorno: se lee de Vault en cada login, y el token dice
en `iss` con qué versión se firmó (`login-v3`). Kong los comprueba en la puerta con esa misma clave.
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from opentelemetry import trace
from prometheus_client import Counter, Gauge, Histogram
from pydantic import BaseModel, Field, field_validator
from pydantic import SecretStr as Hidden
from sqlalchemy import func, select

from scenarios.kit.app import create_app, serve
from scenarios.kit.attempts import Attempts, TooMany
from scenarios.kit.body import BodyLimit
from scenarios.kit.database import Database
from scenarios.kit.errors import Missing, Unavailable
from scenarios.kit.logs import setup_logs
from scenarios.kit.messaging import Publisher, ensure_topics
from scenarios.kit.secrets import Secret, SecretStore
from scenarios.kit.sessions import Sessions
from scenarios.kit.settings import optional
from scenarios.kit.telemetry import setup_telemetry
from scenarios.school.models import Credential, Professor, Student
from scenarios.school.passwords import verify

EVENT = "usuario_autenticado"
SESSION_TTL_S = 24 * 3600
KEY, KEY_NAME = "jwt", "login-v"
"""El secreto de Vault con la clave y, en el token, el nombre de cada versión suya (`login-v1`)."""
DATABASE_SECRET = "database"
DOMAIN = "escuela.example"
ATTEMPTS, WINDOW_S = 5, 300
AT_ONCE = 4
"""Contraseñas que se comprueban a la vez: cada una ocupa un procesador y 19 MB durante 20 ms."""
ANNOUNCE_WITHIN_S = 1.0
"""Lo que se espera a Kafka: quien entra no tiene por qué esperar más por una estadística."""
MAX_BODY = 1024 * 1024

WRONG = "El usuario o la contraseña no son correctos."
"""La misma frase si no existe la cuenta que si existe y la contraseña es otra."""
MISREAD = "Hacen falta `email` (o `username`) y `password`."
NOT_INSIDE = "Hace falta haber entrado: el token no vale o la sesión se cerró."

_ISSUER = re.compile(rf"{KEY_NAME}(?P<version>[1-9][0-9]{{0,8}})")
# Ni caracteres de control ni medias letras de las que no se pueden escribir en UTF-8: ninguna cuenta los lleva.
_WRITABLE = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]*")

_log = logging.getLogger(__name__)
_tracer = trace.get_tracer(__name__)
_logins = Counter("auth_logins_total", "Intentos de entrar, según cómo acabaron.", ["result"])
_seconds = Histogram(
    "auth_login_duration_seconds",
    "Lo que tarda un login en contestarse.",
    buckets=(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5),
)
_opened = Counter("auth_sessions_opened_total", "Sesiones abiertas.")
_closed = Counter("auth_sessions_closed_total", "Sesiones que su dueño cerró.")
_alive = Gauge("auth_sessions", "Sesiones vivas ahora mismo.")
_lost = Counter("auth_events_lost_total", "Sucesos que Kafka no admitió; el login siguió adelante.")
for _result in ("ok", "rejected", "blocked", "error"):
    _logins.labels(_result)  # para que la serie exista, a cero, desde el principio


class Credentials(BaseModel):
    """Lo que manda quien quiere entrar. `Hidden` hace que la contraseña no se escriba al imprimirlo."""

    email: str = Field("", max_length=254)
    username: str = Field("", max_length=254)
    password: Hidden = Field(min_length=1, max_length=256)

    @field_validator("email", "username", "password", mode="before")
    @classmethod
    def writable(cls, value: Any) -> Any:
        """Rechaza lo que ni una base de datos ni un resumen pueden guardar."""
        if isinstance(value, str) and not _WRITABLE.fullmatch(value):
            raise ValueError("tiene caracteres que no valen")
        return value

    @property
    def subject(self) -> str:
        """El correo con que se busca la cuenta; un nombre sin arroba es de la escuela. Vacío, si no dijo nada."""
        name = (self.email or self.username).strip().lower()
        return name if not name or "@" in name else f"{name}@{DOMAIN}"


@dataclass(frozen=True, slots=True)
class Person:
    """La fila de quien entra. `id` es el de sus credenciales."""

    id: int
    name: str
    email: str
    role: str
    password_hash: str

    @property
    def user(self) -> str:
        """Su nombre para los demás: no cambia aunque cambie de correo, y no dice quién es."""
        return f"user-{self.id}"


class People:
    """Las cuentas de la escuela."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, email: str) -> Person | None:
        """Quien entra con `email`, o `None`."""
        name = func.coalesce(Student.name, Professor.name)
        query = (
            select(Credential.id, name, Credential.email, Credential.role, Credential.password_hash)
            .outerjoin(Student)
            .outerjoin(Professor)
            .where(Credential.email == email)
        )
        with self._database.reading() as session:
            row = session.execute(query).one_or_none()
        return Person(*row) if row is not None else None


class Auth:
    """Lo que hace el microservicio, con los clientes que necesita."""

    def __init__(
        self,
        secrets: SecretStore,
        people: People,
        sessions: Sessions,
        attempts: Attempts,
        publisher: Publisher,
        topic: str,
    ) -> None:
        self._secrets, self._people, self._sessions = secrets, people, sessions
        self._attempts, self._publisher, self._topic = attempts, publisher, topic
        self._checking = threading.BoundedSemaphore(AT_ONCE)

    def login(self, credentials: Credentials) -> dict[str, Any]:
        """Comprueba, abre la sesión, avisa y firma el token.

        Raises:
            HTTPException: 401 si no hay cuenta o la contraseña es otra. No queda sesión ni suceso.
            TooMany: demasiados intentos seguidos con esa cuenta.
            Unavailable: Vault, la base de datos o Redis no contestan.
        """
        request = trace.get_current_span()
        self._attempts.count(credentials.subject)
        key = self._signing_key()
        person = self._people.find(credentials.subject)
        if person is not None:
            request.set_attribute("user.id", person.user)
        with self._checking:  # también si no existe: que se tarde lo mismo
            right = verify(person.password_hash if person else None, credentials.password.get_secret_value())
        if person is None or not right:
            raise HTTPException(401, WRONG)
        now = int(time.time())
        times = {"iat": now, "exp": now + SESSION_TTL_S}
        session = {"user": person.user, "name": person.name, "email": person.email, "role": person.role, **times}
        sid = self._sessions.open(person.user, session, SESSION_TTL_S)
        _opened.inc()
        self._attempts.forget(credentials.subject)
        self._announce(person)
        claims: dict[str, Any] = {"iss": f"{KEY_NAME}{key.version}", "sub": person.user, "sid": sid, **times}
        with _tracer.start_as_current_span("sign jwt", attributes={"jwt.iss": claims["iss"]}):
            token = jwt.encode(claims, key.values["key"], algorithm="HS256")
            # La huella y no el token: con ella se sabe cuál se dio, y no sirve para entrar.
            request.set_attribute("jwt.sha256", hashlib.sha256(token.encode()).hexdigest())
        _log.info("ha entrado", extra={"user": person.user, "role": person.role})
        public = {"id": person.user, "name": person.name, "email": person.email, "role": person.role}
        return {"token": token, "token_type": "Bearer", "expires_in": SESSION_TTL_S, "user": public}

    def _signing_key(self) -> Secret:
        try:
            return self._secrets.read(KEY)
        except Missing as error:  # a quien entra no le falta nada: falta aquí
            raise Unavailable("Vault", error) from error

    def _announce(self, person: Person) -> None:
        """Avisa de que ha entrado. Si no se puede, se sigue: por no contar a alguien no se le deja fuera."""
        event = {
            "event": EVENT,
            "id": str(uuid.uuid4()),
            "user": person.user,
            "role": person.role,
            "occurred_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }
        try:
            self._publisher.publish(self._topic, person.user, event)
        except (Unavailable, OSError) as error:
            _lost.inc()
            _log.error("se pierde un suceso: Kafka no lo admite", extra={"problem": str(error)})

    def inside(self, authorization: str) -> dict[str, Any]:
        """La sesión de quien trae ese `Authorization`, con su `sid`.

        Raises:
            HTTPException: 401 si no trae token, no vale, caducó o su sesión está cerrada.
            Unavailable: Vault o Redis no contestan.
        """
        scheme, _, token = authorization.partition(" ")
        try:
            if scheme.lower() != "bearer":
                raise jwt.InvalidTokenError
            version = self._version(token)
            key = self._secrets.read(KEY, version).values["key"]
            options: Any = {"require": ["exp", "iat", "iss", "sub", "sid"]}
            claims = jwt.decode(token, key, algorithms=["HS256"], options=options)
        except (jwt.InvalidTokenError, Missing) as error:
            raise HTTPException(401, NOT_INSIDE) from error
        session = self._sessions.read(str(claims["sub"]), str(claims["sid"]))
        if session is None:
            raise HTTPException(401, NOT_INSIDE)
        return session | {"sid": str(claims["sid"])}

    def logout(self, session: dict[str, Any]) -> None:
        """Cierra esa sesión."""
        if self._sessions.close(session["user"], session["sid"]):
            _closed.inc()

    @staticmethod
    def _version(token: str) -> int:
        """La versión de la clave que dice el token, todavía sin creérselo."""
        issuer = str(jwt.decode(token, options={"verify_signature": False}).get("iss", ""))
        found = _ISSUER.fullmatch(issuer)
        if found is None:
            raise jwt.InvalidIssuerError
        return int(found["version"])


@contextmanager
def _running(topic: str, publisher: Publisher, database: Database) -> Iterator[None]:
    """Todo conectado antes de atender a nadie, y cerrado al final."""
    ensure_topics(topic)
    publisher.connect()
    database.connect()
    try:
        yield
    finally:
        publisher.close()
        database.close()


def build() -> FastAPI:
    """La aplicación, con sus clientes creados a partir del entorno y de Vault."""
    secrets = SecretStore.from_env()
    database = Database.from_env(secrets.read(DATABASE_SECRET).values["password"], who="auth")
    sessions = Sessions.from_env()
    attempts = Attempts.from_env("login", limit=ATTEMPTS, window_s=WINDOW_S)
    publisher, topic = Publisher(ANNOUNCE_WITHIN_S), optional("LOGIN_TOPIC", EVENT)
    auth = Auth(secrets, People(database), sessions, attempts, publisher, topic)
    app = create_app(
        "auth",
        running=lambda: _running(topic, publisher, database),
        measure=lambda: _alive.set(sessions.alive()),
    )
    app.add_middleware(BodyLimit, limit=MAX_BODY)
    _refusals(app)
    _routes(app, auth)
    return app


def _refusals(app: FastAPI) -> None:
    """Cómo se dice que no."""

    @app.exception_handler(RequestValidationError)
    def misread(request: Request, error: RequestValidationError) -> Response:
        """La de siempre repite en la respuesta lo que se mandó, contraseña incluida. Esta, no."""
        return JSONResponse({"detail": MISREAD}, 422)

    @app.exception_handler(TooMany)
    def too_many(request: Request, error: TooMany) -> Response:
        minutes = -(-error.retry_after_s // 60)
        detail = f"Demasiados intentos con esta cuenta. Vuelve a probar en {minutes} min."
        return JSONResponse({"detail": detail}, 429, {"Retry-After": str(error.retry_after_s)})


def _routes(app: FastAPI, auth: Auth) -> None:
    def session(request: Request) -> dict[str, Any]:
        return auth.inside(request.headers.get("authorization", ""))

    @app.post("/api/auth/login")
    def login(credentials: Credentials, response: Response) -> dict[str, Any]:
        """Comprueba la contraseña y devuelve un token y los datos de quien entra."""
        if not credentials.subject:
            raise HTTPException(422, MISREAD)
        began = time.perf_counter()
        result = "error"
        try:
            answer = auth.login(credentials)
            result = "ok"
            response.headers["Cache-Control"] = "no-store"
            return answer
        except HTTPException:
            result = "rejected"
            raise
        except TooMany:
            result = "blocked"
            raise
        finally:
            _logins.labels(result).inc()
            _seconds.observe(time.perf_counter() - began)

    @app.get("/api/auth/me")
    def me(response: Response, inside: dict[str, Any] = Depends(session)) -> dict[str, Any]:
        """Quién es, según su sesión."""
        response.headers["Cache-Control"] = "no-store"
        public = {"id": inside["user"], "name": inside["name"], "email": inside["email"], "role": inside["role"]}
        return {"user": public, "expires_at": inside["exp"]}

    @app.post("/api/auth/logout", status_code=204)
    def logout(inside: dict[str, Any] = Depends(session)) -> None:
        """Cierra la sesión."""
        auth.logout(inside)


if __name__ == "__main__":
    setup_logs("auth")
    setup_telemetry("auth")
    serve(build())
