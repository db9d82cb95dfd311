"""Lo que se deja en Vault cada vez que arranca: secretos, y un permiso y un acceso por microservicio.

Qué secretos hay y quién lee cuál lo dicen los pisos de arriba, con `Secret` y `Grant`. Aquí está cómo se guarda:
los secretos en KV v2 (`secret/…`), el permiso como una política con el nombre del microservicio y el acceso como
un AppRole de ese mismo nombre. Un microservicio se presenta así, y desde ese momento lee lo suyo y nada más::

    cliente.auth.approle.login("auth", os.environ["VAULT_SECRET_ID"])

Su `role_id` es su nombre, que no es secreto; su `secret_id`, la credencial `<nombre>_vault_secret_id`, que su
`Service` tiene que declarar. Así las dos mitades son las mismas cuando Vault, que todo lo olvida, arranca otra
vez.
https://developer.hashicorp.com/vault/docs/auth/approle
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

TIMEOUT_S = 10.0
TOKEN_TTL, TOKEN_MAX_TTL = "1h", "24h"


@dataclass(frozen=True, slots=True)
class Secret:
    """Un secreto en `secret/<path>`. `values` va de clave a nombre de la credencial («MINIO_ACCESS_KEY»)."""

    path: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Grant:
    """Lo que puede `microservice`: leer unos secretos, escribir otros (y leerlos), y nada más.

    Una ruta que acaba en `*` son todas las que empiezan así.
    """

    microservice: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()

    def joined(self, other: Grant | None) -> Grant:
        """Lo que puede con este permiso y con `other` a la vez."""
        if other is None:
            return self
        reads, writes = (*other.reads, *self.reads), (*other.writes, *self.writes)
        return Grant(self.microservice, tuple(dict.fromkeys(reads)), tuple(dict.fromkeys(writes)))


def plant(names: Mapping[str, str], secrets: Iterable[Secret], grants: Iterable[Grant]) -> None:
    """Deja `secrets` y `grants` en el Vault de `VAULT_ADDR`. Repetirlo no cambia nada.

    Un secreto que ya está no se toca, aunque valga otra cosa: alguien lo ha rotado. Las políticas y los accesos sí
    quedan como dice `grants`.

    Raises:
        KeyError: falta una credencial en `names`.
        hvac.exceptions.VaultError, requests.RequestException: Vault no contesta o no deja.
    """
    # Aquí y no arriba: importarlo tarda, y solo hace falta cuando Vault arranca.
    import hvac
    import requests

    with requests.Session() as session:
        # En esta máquina no se pasa por ningún proxy, diga lo que diga el entorno.
        session.trust_env = False
        client = hvac.Client(names["VAULT_ADDR"], names["VAULT_TOKEN"], timeout=TIMEOUT_S, session=session)
        for secret in secrets:
            _write(client, secret, names)
        if "approle/" not in client.sys.list_auth_methods()["data"]:
            client.sys.enable_auth_method("approle")
        for grant in grants:
            _allow(client, grant, names)


def policy(grant: Grant) -> str:
    """El texto de su política. Lo que no se nombra, Vault lo niega."""
    doors = dict.fromkeys(grant.reads, '"read"') | dict.fromkeys(grant.writes, '"create", "update", "read"')
    return "\n".join(f'path "secret/data/{path}" {{ capabilities = [{can}] }}' for path, can in doors.items())


def _write(client: Any, secret: Secret, names: Mapping[str, str]) -> None:
    from hvac.exceptions import InvalidRequest

    values = {key: names[name] for key, name in secret.values.items()}
    try:
        # Con `cas=0` solo se escribe si no existe: sin mirar antes y sin carrera.
        client.secrets.kv.v2.create_or_update_secret(secret.path, values, cas=0)
    except InvalidRequest as error:
        if "check-and-set" not in str(error):
            raise


def _allow(client: Any, grant: Grant, names: Mapping[str, str]) -> None:
    name = grant.microservice
    secret_id = names[f"{name}_vault_secret_id".upper().replace("-", "_")]
    client.sys.create_or_update_policy(name, policy(grant))
    client.auth.approle.create_or_update_approle(
        name, token_policies=[name], token_ttl=TOKEN_TTL, token_max_ttl=TOKEN_MAX_TTL
    )
    client.auth.approle.update_role_id(name, name)
    if not _knows(client, name, secret_id):
        client.auth.approle.create_custom_secret_id(name, secret_id)


def _knows(client: Any, name: str, secret_id: str) -> bool:
    """Si ese `secret_id` ya vale para ese acceso. A uno que no conoce, Vault contesta 204, sin cuerpo."""
    answer = client.auth.approle.read_secret_id(name, secret_id)
    return isinstance(answer, dict) and bool(answer.get("data"))
