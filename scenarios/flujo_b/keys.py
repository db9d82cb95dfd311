"""La clave con que se firman los tokens, leída de Vault por quien lo administra: para probar y para rotar."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

SECRET, NAME = "jwt", "login-v"
"""Dónde está en Vault y cómo se llama en los tokens cada versión suya (`login-v1`)."""

TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Key:
    """Una versión viva de la clave. `created` es el instante en que se escribió, como lo dice Vault."""

    version: int
    created: str
    value: str = field(repr=False)

    @property
    def name(self) -> str:
        """El `iss` de los tokens que se firman con ella."""
        return f"{NAME}{self.version}"


@contextmanager
def administrator(env: Mapping[str, str]) -> Iterator[Any]:
    """Un cliente de Vault con el token maestro de `env` (`VAULT_ADDR`, `VAULT_TOKEN`)."""
    import hvac
    import requests

    with requests.Session() as session:
        session.trust_env = False
        yield hvac.Client(env["VAULT_ADDR"], env["VAULT_TOKEN"], timeout=TIMEOUT_S, session=session)


def read(client: Any, version: int | None = None) -> Key | None:
    """Esa versión de la clave (o la de ahora); `None` si no existe o se borró."""
    from hvac.exceptions import InvalidPath

    try:
        data = client.secrets.kv.v2.read_secret_version(SECRET, version=version, raise_on_deleted_version=True)[
            "data"
        ]
    except InvalidPath:
        return None
    return Key(int(data["metadata"]["version"]), str(data["metadata"]["created_time"]), str(data["data"]["key"]))


def alive(client: Any) -> list[Key]:
    """Todas las versiones que no se han borrado, de la más vieja a la de ahora."""
    versions = client.secrets.kv.v2.read_secret_metadata(SECRET)["data"]["versions"]
    return [key for number in sorted(map(int, versions)) if (key := read(client, number)) is not None]
