"""Cómo se estropea cada paso del flujo B, de verdad y solo ese paso."""

from __future__ import annotations

from contextlib import closing

from scenarios.engine.context import Run
from scenarios.engine.faults import with_config
from scenarios.engine.sabotage import BadClient, DropCall, Misconfigure, Sabotage, StallCall, Tamper, Undo
from scenarios.flujo_b import client, keys, rotation, spans
from scenarios.flujo_b.people import connect
from scenarios.flujo_b.proofs.found import row, session
from scenarios.flujo_b.spans import after, before
from scenarios.school.passwords import hash_password
from stack.model import Service


def _wrong_upstream(run: Run, service: Service) -> Service:
    """Kong buscando a Auth donde no hay nadie."""
    return with_config(
        run, service, "kong.yaml", lambda text: text.replace("${AUTH_HTTP_URL}", "http://127.0.0.1:9")
    )


def _widen_policy(run: Run) -> Undo:
    """La política de Auth pasa a dejar leer todos los secretos; al deshacer, vuelve a ser la que era."""
    with keys.administrator(run.env) as vault:
        right = vault.sys.read_policy("auth")["data"]["rules"]
        vault.sys.create_or_update_policy("auth", f'{right}\npath "secret/data/*" {{ capabilities = ["read"] }}')

    def undo() -> None:
        with keys.administrator(run.env) as vault:
            vault.sys.create_or_update_policy("auth", right)

    return undo


def _delete_key(run: Run) -> Undo:
    """Borra en Vault la versión de la clave que se acaba de leer; al deshacer, la recupera."""
    with keys.administrator(run.env) as vault:
        current = keys.read(vault)
        assert current is not None, "se acaba de leer"
        vault.secrets.kv.v2.delete_secret_versions(keys.SECRET, [current.version])

    def undo() -> None:
        with keys.administrator(run.env) as vault:
            vault.secrets.kv.v2.undelete_secret_versions(keys.SECRET, [current.version])

    return undo


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


def _forget_keys(run: Run) -> Undo:
    """Kong deja de conocer las claves con que se firma; al deshacer, vuelve a conocer las que hay en Vault."""
    rotation.teach(run.laboratory, [])

    def undo() -> None:
        rotation.synchronise(run.laboratory)

    return undo


SABOTAGES: dict[str, Sabotage] = {
    "B1": BadClient("El cliente llama a una ruta mal escrita", client.WRONG_PATH),
    "B2": Misconfigure("Kong busca a Auth en un puerto donde no hay nadie", "kong", _wrong_upstream),
    "B3": Tamper("Alguien da permiso a Auth para leer todos los secretos", before(spans.READ_KEY), _widen_policy),
    "B4": Tamper("Alguien borra la clave en Vault nada más leerla Auth", after(spans.READ_KEY), _delete_key),
    "B5": Tamper("Alguien cambia la contraseña en la base de datos", before(spans.QUERY), _change_hash),
    "B6": DropCall("La respuesta de la base de datos se pierde por el camino", after(spans.QUERY)),
    "B7": Tamper("Alguien quita la caducidad a la sesión", after(spans.SAVE_SESSION), _make_permanent),
    "B8": DropCall("La publicación en Kafka se corta", before(spans.SEND)),
    "B9": Tamper("Kong se queda sin la clave con que se comprueba", after(spans.SEND), _forget_keys),
    "B10": DropCall("Auth se rompe justo antes de contestar", after(spans.SIGN), crash=True),
    "B11": BadClient("La respuesta se pierde entre Kong y el cliente", client.LOST_REPLY),
    "B12": StallCall("Analytics se queda parado con el suceso en la mano", before(spans.PROCESS)),
}
