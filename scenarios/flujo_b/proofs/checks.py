"""Lo que Auth pregunta antes de abrir: la clave a Vault y la cuenta a la base de datos (B3 a B6)."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from scenarios.engine.context import Run
from scenarios.engine.facts import Evidence, NotProven
from scenarios.flujo_b import keys, spans
from scenarios.flujo_b.client import entering
from scenarios.flujo_b.people import connect
from scenarios.flujo_b.proofs.found import key, key_read, login_span, row
from scenarios.school.passwords import verify
from stack.spanish import seconds

_MAY, _MAY_NOT = "secret/data/jwt", ("secret/data/minio", "secret/metadata/jwt", "sys/policies/acl/auth")


def b3(run: Run) -> Evidence:
    """Auth preguntó a Vault con un token que es suyo y que solo puede leer lo suyo."""
    request = run.until(lambda: login_span(run), "Jaeger")
    accessor = str(request.attributes.get("vault.token.accessor", ""))
    if not accessor:
        raise NotProven("Auth no llegó a preguntar a Vault.", final=True)
    about, capabilities = run.until(lambda: _token(run, accessor), "Vault")
    role, policies = about["meta"].get("role_name", ""), sorted(about["policies"])
    if role != "auth" or policies != ["auth", "default"]:
        raise NotProven(f"El token con que se leyó es de «{role}» y tiene {', '.join(policies)}.", final=True)
    if capabilities[_MAY] != ["read"]:
        raise NotProven(f"Con ese token, en {_MAY} se puede {', '.join(capabilities[_MAY])}.", final=True)
    for path in _MAY_NOT:
        if capabilities[path] != ["deny"]:
            raise NotProven(
                f"El permiso de Auth es demasiado amplio: en {path} puede {', '.join(capabilities[path])}.",
                final=True,
            )
    return Evidence(
        "Vault",
        f"AppRole «{role}» · política {', '.join(policies)} · le quedan {about['ttl']} s · lo demás, negado",
        {
            "accessor del token": accessor,
            "políticas": policies,
            "caduca en (s)": int(about["ttl"]),
            f"puede en {_MAY}": "read",
            **{f"puede en {path}": "deny" for path in _MAY_NOT},
        },
    )


def _token(run: Run, accessor: str) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Lo que Vault sabe de ese token, y lo que se puede con él en cada sitio."""
    from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest

    with keys.administrator(run.env) as client:
        try:
            about = client.auth.token.lookup_accessor(accessor)["data"]
        except (InvalidPath, InvalidRequest, Forbidden) as error:
            raise NotProven("Vault no conoce el token con que Auth dice haber leído.", final=True) from error
        capabilities = client.sys.get_capabilities([_MAY, *_MAY_NOT], accessor=accessor)["data"]
    return about, {path: list(capabilities[path]) for path in (_MAY, *_MAY_NOT)}


def b4(run: Run) -> Evidence:
    """Lo que Vault contestó a Auth es lo que Vault guarda: esa versión, escrita en ese instante."""
    asked = run.until(lambda: key_read(run), "Jaeger")
    version = int(asked.attributes.get("vault.secret.version", 0))
    stored = run.until(lambda: key(run, version), "Vault")
    answered = str(asked.attributes.get("vault.secret.created_time", ""))
    if stored.created != answered:
        raise NotProven(
            f"Vault contestó la versión {version} de {answered} y la que guarda es de {stored.created}.",
            final=True,
        )
    return Evidence(
        "Vault",
        f"secret/{keys.SECRET}, versión {version} · escrita el {stored.created[:19].replace('T', ' a las ')}",
        {
            "secreto": f"secret/{keys.SECRET}",
            "versión": version,
            "escrita (span)": answered,
            "escrita (Vault)": stored.created,
            "span": asked.span_id,
            "tardó": seconds(asked.duration_us / 1e6),
        },
    )


def b5(run: Run) -> Evidence:
    """PostgreSQL ejecutó una consulta de esta traza, y la fila guarda el resumen argon2 de esta contraseña."""
    login = entering(run)
    stored = run.until(lambda: row(run), "Base de datos")
    if not stored.algorithm:
        raise NotProven("La contraseña no está guardada con argon2.", final=True)
    if not verify(stored.password_hash, login.password):
        raise NotProven(
            f"El resumen que guarda la fila {stored.id} no es el de la contraseña enviada.", final=True
        )
    source, who, at = run.until(lambda: _executed(run), "Base de datos")
    return Evidence(
        source,
        f"ejecutó la consulta de esta traza, de «{who}» · fila {stored.id} · {stored.algorithm}",
        {
            "fila de credentials": stored.id,
            "algoritmo del resumen": stored.algorithm,
            "quién preguntó": who,
            "cuándo": at,
            "traza": run.trace_id,
        },
    )


def _executed(run: Run) -> tuple[str, str, str]:
    """Quién lo dice, quién preguntó y cuándo.

    PostgreSQL recuerda solo la última consulta de cada conexión: si otro login la usó justo después, vale el span.
    """
    query = (
        "SELECT application_name, query_start::text FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND query LIKE 'SELECT credentials%%' AND query LIKE %s"
    )
    with closing(connect(run.env["DATABASE_URL"])) as connection:
        found = connection.execute(query, (f"%{run.trace_id}%",)).fetchone()
    if found is not None:
        return "PostgreSQL", str(found[0]), str(found[1])
    asked = next(run.trace().find(spans.QUERY), None)
    if asked is None:
        raise NotProven("PostgreSQL no recuerda ninguna consulta de esta traza.")
    return "Jaeger", asked.service, datetime.fromtimestamp(asked.start_us / 1e6, UTC).isoformat(" ")


def b6(run: Run) -> Evidence:
    """Auth supo el número de la cuenta, que el cliente no manda: solo pudo dárselo la base de datos."""
    stored = run.until(lambda: row(run), "Base de datos")
    request = run.until(lambda: login_span(run), "Jaeger")
    known = str(request.attributes.get("user.id", ""))
    if known != stored.user:
        raise NotProven(f"Auth entendió que entra «{known or 'nadie'}»; la fila es de {stored.user}.", final=True)
    return Evidence(
        "PostgreSQL",
        f"{stored.name}, {stored.role} · Auth la conoce como {known}, y el cliente solo mandó su correo",
        {
            "fila de credentials": stored.id,
            "usuario según Auth (span)": known,
            "nombre": stored.name,
            "papel": stored.role,
        },
    )
