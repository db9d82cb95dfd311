"""La siembra de Vault, contra el de verdad: mínimo privilegio, repetible, y sin pisar lo que se rotó."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hvac
import pytest
import requests
from hvac.exceptions import Forbidden

from stack.vault.program import command, environment
from stack.vault.seed import Grant, Secret, plant, policy
from tests.support.running import folder, running, runtime

SECRETS = (
    Secret("minio", {"access_key": "MINIO_ACCESS_KEY", "secret_key": "MINIO_SECRET_KEY"}),
    Secret("jwt", {"key": "JWT_SECRET"}),
)
GRANTS = (Grant("auth", ("jwt",)), Grant("uploads", ("minio", "jwt"), writes=("cuentas/*",)))
CREDENTIALS = {
    "MINIO_ACCESS_KEY": "clave-de-acceso",
    "MINIO_SECRET_KEY": "clave-secreta",
    "JWT_SECRET": "firma",
    "AUTH_VAULT_SECRET_ID": "llave-de-auth",
    "UPLOADS_VAULT_SECRET_ID": "llave-de-uploads",
}


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, str], Path]]:
    root = tmp_path_factory.mktemp("vault")
    with running("vault", root=root) as env:
        yield env | CREDENTIALS, root


@contextmanager
def client(names: dict[str, str], token: str = "") -> Iterator[hvac.Client]:
    with requests.Session() as session:
        made = hvac.Client(names["VAULT_ADDR"], session=session)
        made.token = token
        yield made


def read(one: hvac.Client, path: str) -> tuple[int, dict[str, str]]:
    data = one.secrets.kv.v2.read_secret_version(path, raise_on_deleted_version=True)["data"]
    return data["metadata"]["version"], data["data"]


def test_each_microservice_reads_its_own_and_nothing_else(vault: tuple[dict[str, str], Path]) -> None:
    names, _ = vault
    plant(names, SECRETS, GRANTS)
    with client(names) as auth, client(names) as uploads:
        auth.auth.approle.login("auth", "llave-de-auth")
        uploads.auth.approle.login("uploads", "llave-de-uploads")
        assert read(auth, "jwt") == read(uploads, "jwt") == (1, {"key": "firma"})
        assert read(uploads, "minio") == (1, {"access_key": "clave-de-acceso", "secret_key": "clave-secreta"})
        with pytest.raises(Forbidden):
            read(auth, "minio")
        with pytest.raises(Forbidden):
            uploads.secrets.kv.v2.create_or_update_secret("jwt", {"key": "otra"})
        with pytest.raises(Forbidden):
            auth.auth.approle.generate_secret_id("uploads")
        uploads.secrets.kv.v2.create_or_update_secret("cuentas/ana", {"clave": "suya"})
        assert read(uploads, "cuentas/ana") == (1, {"clave": "suya"})
        with pytest.raises(Forbidden):
            read(auth, "cuentas/ana")


def test_again_changes_nothing_but_who_may_read(vault: tuple[dict[str, str], Path]) -> None:
    names, _ = vault
    plant(names, SECRETS, GRANTS)
    with client(names, names["VAULT_TOKEN"]) as root, client(names) as auth:
        root.secrets.kv.v2.create_or_update_secret("jwt", {"key": "rotada"})
        plant(names, SECRETS, (Grant("auth", ("minio",)), *GRANTS[1:]))
        assert read(root, "jwt") == (2, {"key": "rotada"}), "lo que alguien rotó se queda como está"
        assert read(root, "minio")[0] == 1
        assert len(root.auth.approle.list_secret_id_accessors("auth")["data"]["keys"]) == 1
        auth.auth.approle.login("auth", "llave-de-auth")
        assert read(auth, "minio")[0] == 1
        with pytest.raises(Forbidden):
            read(auth, "jwt")


def test_what_two_flows_grant_adds_up() -> None:
    both = Grant("pagos", ("jwt",), ("cuentas/*",)).joined(Grant("pagos", ("minio", "jwt")))
    assert both == Grant("pagos", ("minio", "jwt"), ("cuentas/*",))
    assert policy(both).splitlines() == [
        'path "secret/data/minio" { capabilities = ["read"] }',
        'path "secret/data/jwt" { capabilities = ["read"] }',
        'path "secret/data/cuentas/*" { capabilities = ["create", "update", "read"] }',
    ]


def test_a_missing_credential_is_not_planted_empty(vault: tuple[dict[str, str], Path]) -> None:
    names, _ = vault
    with pytest.raises(KeyError, match="NO_ESTA"):
        plant(names, [Secret("rota", {"clave": "NO_ESTA"})], [])


@pytest.mark.skipif(runtime() == "docker", reason="su log lo guarda Docker")
def test_the_root_token_is_nowhere_on_disk_but_in_the_credentials(vault: tuple[dict[str, str], Path]) -> None:
    names, root = vault
    token = names["VAULT_TOKEN"].encode()
    found = [path for path in root.rglob("*") if path.is_file() and token in path.read_bytes()]
    assert found == [folder(root).credentials]


def test_nothing_from_outside_changes_who_gets_in() -> None:
    base = {
        "VAULT_DEV_ROOT_TOKEN_ID": "maestro",
        "STACKLAB_DATA_DIR": "/datos",
        "HOME": "/casa/ana",
        "VAULT_ADDR": "https://vault.empresa.example",
        "BAO_LICENSE": "x",
        "PATH": "/bin",
    }
    made = environment(base, "127.0.0.1:8200")
    assert made["VAULT_DEV_ROOT_TOKEN_ID"] == made["BAO_DEV_ROOT_TOKEN_ID"] == "maestro"
    assert (made["HOME"], made["PATH"]) == ("/datos", "/bin")
    assert not {"VAULT_ADDR", "BAO_LICENSE"} & set(made)
    assert "maestro" not in " ".join(command(Path("/bin/bao"), "127.0.0.1:8200"))
