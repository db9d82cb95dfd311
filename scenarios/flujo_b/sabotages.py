"""Cómo se estropea cada paso del flujo B, de verdad y solo ese paso."""

from __future__ import annotations

from contextlib import closing

from scenarios.engine.context import Run
from scenarios.engine.faults import with_config
from scenarios.engine.flow import after, before
from scenarios.engine.sabotage import BadClient, DropCall, Misconfigure, Sabotage, StallCall, Tamper, Undo
from scenarios.flujo_b import client, spans
from scenarios.flujo_b.people import connect
from scenarios.flujo_b.proofs.found import row, session
from scenarios.school.passwords import hash_password
from stack.model import Service


def _wrong_upstream(run: Run, service: Service) -> Service:
    """Kong buscando a Auth donde no hay nadie."""
    return with_config(
        run, service, "kong.yaml", lambda text: text.replace("${AUTH_HTTP_URL}", "http://127.0.0.1:9")
    )


def _change_hash(run: Run) -> Undo:
    """Cambia en la fila el resumen de la contraseña por el de otra."""
    stored = row(run)
    _store(run, stored.id, hash_password("otra contraseña"))
    return lambda: _store(run, stored.id, stored.password_hash)


def _store(run: Run, credential: int, password_hash: str) -> None:
    with closing(connect(run.env["DATABASE_URL"])) as connection:
        connection.execute("UPDATE credentials SET password_hash = %s WHERE id = %s", (password_hash, credential))


def _make_permanent(run: Run) -> Undo:
    """Quita la caducidad a la sesión."""
    opened = session(run)
    run.clients.redis.persist(opened.key)

    def undo() -> None:
        run.clients.redis.expire(opened.key, client.TTL_S)

    return undo


SABOTAGES: dict[str, Sabotage] = {
    "B1": BadClient("El cliente llama a una ruta mal escrita", client.WRONG_PATH),
    "B2": Misconfigure("Kong busca a Auth en un puerto donde no hay nadie", "kong", _wrong_upstream),
    "B3": DropCall("La pregunta a Vault se corta antes de llegar", before(spans.READ_KEY)),
    "B4": DropCall("La respuesta de Vault se pierde por el camino", after(spans.READ_KEY)),
    "B5": Tamper("Alguien cambia la contraseña en la base de datos", before(spans.QUERY), _change_hash),
    "B6": DropCall("La respuesta de la base de datos se pierde por el camino", after(spans.QUERY)),
    "B7": Tamper("Alguien quita la caducidad a la sesión", after(spans.SAVE_SESSION), _make_permanent),
    "B8": DropCall("La publicación en Kafka se corta", before(spans.SEND)),
    "B9": DropCall("Auth se rompe justo antes de firmar", before(spans.SIGN), crash=True),
    "B10": DropCall("Auth se rompe justo antes de contestar", after(spans.SIGN), crash=True),
    "B11": BadClient("La respuesta se pierde entre Kong y el cliente", client.LOST_REPLY),
    "B12": StallCall("Analytics se queda parado con el suceso en la mano", before(spans.PROCESS)),
}
