"""Contrato de Vault, con hvac: secretos con versiones, permisos, tokens que caducan, AppRole y sobres.

Lo cumplen OpenBao 2.7 y Vault. Con `STACKLAB_CONTRACT_VAULT=http://host:puerto` y `STACKLAB_CONTRACT_VAULT_TOKEN`
corre contra uno en modo de desarrollo que ya esté en marcha.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator

import hvac
import pytest
import requests
from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest

from tests.support.kafka import eventually


@pytest.fixture(scope="module")
def door(started: Callable[..., dict[str, str]]) -> tuple[str, str]:
    """Dirección y token maestro."""
    if external := os.environ.get("STACKLAB_CONTRACT_VAULT"):
        return external, os.environ["STACKLAB_CONTRACT_VAULT_TOKEN"]
    env = started("vault")
    return env["VAULT_ADDR"], env["VAULT_TOKEN"]


@pytest.fixture
def connect(door: tuple[str, str]) -> Iterator[Callable[..., hvac.Client]]:
    """`connect(token)` es otro cliente; sin token, uno que no se ha presentado."""
    clients: list[hvac.Client] = []

    def make(token: str = "") -> hvac.Client:
        client = hvac.Client(door[0], token=token, session=requests.Session())
        client.token = token
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.session.close()


@pytest.fixture
def root(connect: Callable[..., hvac.Client], door: tuple[str, str]) -> hvac.Client:
    return connect(door[1])


@pytest.fixture
def path() -> str:
    """Una ruta que nadie ha usado."""
    return f"contrato/{uuid.uuid4().hex[:8]}"


def write(client: hvac.Client, path: str, cas: int | None = None, **values: str) -> int:
    answer = client.secrets.kv.v2.create_or_update_secret(path, values, cas=cas)
    return int(answer["data"]["version"])


def read(client: hvac.Client, path: str, version: int | None = None) -> dict[str, str]:
    answer = client.secrets.kv.v2.read_secret_version(path, version=version, raise_on_deleted_version=True)
    return dict(answer["data"]["data"])


def test_it_is_open_and_says_so(root: hvac.Client) -> None:
    health = root.sys.read_health_status(method="GET")
    assert (health["initialized"], health["sealed"], health["standby"]) == (True, False, False)
    seal = root.sys.read_seal_status()
    assert (seal["sealed"], seal["t"], seal["n"]) == (False, 1, 1)
    assert root.is_authenticated()


def test_nobody_gets_in_without_a_token_or_with_a_wrong_one(
    connect: Callable[..., hvac.Client], path: str
) -> None:
    for token in ("", "s.inventado"):
        stranger = connect(token)
        assert not stranger.is_authenticated()
        with pytest.raises(Forbidden, match="permission denied"):
            write(stranger, path, clave="x")


def test_each_write_is_a_version_and_the_old_ones_can_still_be_read(root: hvac.Client, path: str) -> None:
    assert [write(root, path, clave="primera"), write(root, path, clave="segunda", otra="ñandú")] == [1, 2]
    assert read(root, path) == {"clave": "segunda", "otra": "ñandú"}
    assert read(root, path, version=1) == {"clave": "primera"}
    with pytest.raises(InvalidPath):
        read(root, path, version=3)
    with pytest.raises(InvalidPath):
        read(root, f"{path}/nada")


# hvac avisa, desde dentro de su propio `patch`, de un cambio que hará en su versión 3.
@pytest.mark.filterwarnings("ignore:The raise_on_deleted_version:DeprecationWarning")
def test_a_patch_changes_one_value_and_leaves_the_rest(root: hvac.Client, path: str) -> None:
    write(root, path, usuario="ana", clave="vieja")
    root.secrets.kv.v2.patch(path, {"clave": "nueva"})
    assert read(root, path) == {"usuario": "ana", "clave": "nueva"}


def test_check_and_set_lets_only_one_of_two_writers_win(root: hvac.Client, path: str) -> None:
    assert write(root, path, cas=0, clave="mía") == 1
    for stale in (0, 7):
        with pytest.raises(InvalidRequest, match="check-and-set parameter did not match"):
            write(root, path, cas=stale, clave="suya")
    assert write(root, path, cas=1, clave="mía otra vez") == 2
    assert read(root, path) == {"clave": "mía otra vez"}


def test_a_deleted_version_comes_back_and_a_destroyed_one_never(root: hvac.Client, path: str) -> None:
    kv = root.secrets.kv.v2
    for number in range(3):
        write(root, path, clave=str(number))
    kv.delete_latest_version_of_secret(path)
    with pytest.raises(InvalidPath):
        read(root, path)
    assert read(root, path, version=2) == {"clave": "1"}, "las demás versiones siguen"
    kv.undelete_secret_versions(path, [3])
    assert read(root, path) == {"clave": "2"}
    kv.destroy_secret_versions(path, [3])
    kv.undelete_secret_versions(path, [3])
    with pytest.raises(InvalidPath):
        read(root, path)
    versions = kv.read_secret_metadata(path)["data"]["versions"]
    assert {number: one["destroyed"] for number, one in versions.items()} == {"1": False, "2": False, "3": True}


def test_metadata_tells_the_story_without_the_values(root: hvac.Client, path: str) -> None:
    kv = root.secrets.kv.v2
    kv.update_metadata(path, max_versions=2, custom_metadata={"dueño": "equipo de notas"})
    for number in range(3):
        write(root, path, clave=f"secreto-{number}")
    data = kv.read_secret_metadata(path)["data"]
    assert (data["current_version"], data["max_versions"], sorted(data["versions"])) == (3, 2, ["2", "3"])
    assert data["custom_metadata"] == {"dueño": "equipo de notas"}
    assert "secreto-" not in str(data)
    kv.delete_metadata_and_all_versions(path)
    with pytest.raises(InvalidPath):
        kv.read_secret_metadata(path)


def test_a_list_shows_names_and_folders(root: hvac.Client, path: str) -> None:
    for name in ("uno", "dos", "dentro/tres"):
        write(root, f"{path}/{name}", clave="x")
    assert sorted(root.secrets.kv.v2.list_secrets(path)["data"]["keys"]) == ["dentro/", "dos", "uno"]
    with pytest.raises(InvalidPath):
        root.secrets.kv.v2.list_secrets(f"{path}/vacía")


@pytest.fixture
def reader(root: hvac.Client, connect: Callable[..., hvac.Client], path: str) -> hvac.Client:
    """Alguien que puede leer lo que hay en `path`, y nada más."""
    write(root, path, clave="abierta")
    write(root, f"{path}-ajena", clave="cerrada")
    name = f"lee-{uuid.uuid4().hex[:8]}"
    root.sys.create_or_update_policy(name, f'path "secret/data/{path}" {{ capabilities = ["read"] }}')
    token = root.auth.token.create(policies=[name], ttl="1h")["auth"]
    assert sorted(token["policies"]) == ["default", name]
    return connect(token["client_token"])


def test_a_policy_opens_one_door_and_only_to_look(reader: hvac.Client, path: str) -> None:
    assert read(reader, path) == {"clave": "abierta"}
    for forbidden in (
        lambda: read(reader, f"{path}-ajena"),
        lambda: write(reader, path, clave="otra"),
        lambda: reader.secrets.kv.v2.list_secrets("contrato"),
        lambda: reader.secrets.kv.v2.read_secret_metadata(path),
        lambda: reader.sys.list_policies(),
    ):
        with pytest.raises(Forbidden, match="permission denied"):
            forbidden()


def test_a_change_of_policy_is_felt_at_once(root: hvac.Client, reader: hvac.Client, path: str) -> None:
    name = next(one for one in reader.auth.token.lookup_self()["data"]["policies"] if one != "default")
    assert name in root.sys.list_policies()["data"]["policies"]
    assert path in root.sys.read_policy(name)["data"]["rules"]
    root.sys.create_or_update_policy(name, 'path "secret/data/otra" { capabilities = ["read"] }')
    with pytest.raises(Forbidden):
        read(reader, path)
    root.sys.delete_policy(name)
    assert name not in root.sys.list_policies()["data"]["policies"]


def test_capabilities_can_be_asked_for(reader: hvac.Client, path: str) -> None:
    answer = reader.sys.get_capabilities([f"secret/data/{path}", "secret/data/otra"])["data"]
    assert answer[f"secret/data/{path}"] == ["read"]
    assert answer["secret/data/otra"] == ["deny"]


def test_a_token_lives_as_long_as_it_was_told(root: hvac.Client, connect: Callable[..., hvac.Client]) -> None:
    made = root.auth.token.create(
        policies=["default"], ttl="30m", meta={"para": "uploads"}, display_name="uploads"
    )
    client = connect(made["auth"]["client_token"])
    seen = client.auth.token.lookup_self()["data"]
    assert 1790 < seen["ttl"] <= 1800
    assert (seen["renewable"], seen["meta"], seen["display_name"]) == (True, {"para": "uploads"}, "token-uploads")
    renewed = client.auth.token.renew_self(increment="1h")["auth"]
    assert 3590 < renewed["lease_duration"] <= 3600


def test_a_token_that_expires_is_no_longer_a_token(root: hvac.Client, connect: Callable[..., hvac.Client]) -> None:
    token = root.auth.token.create(policies=["default"], ttl="1s", renewable=False)["auth"]["client_token"]
    client = connect(token)
    assert client.is_authenticated()
    assert eventually(client.is_authenticated, until=lambda inside: not inside) is False


def test_no_token_outlives_its_maximum(root: hvac.Client, connect: Callable[..., hvac.Client]) -> None:
    made = root.auth.token.create(policies=["default"], ttl="10s", explicit_max_ttl="20s")
    renewed = connect(made["auth"]["client_token"]).auth.token.renew_self(increment="1h")
    assert renewed["auth"]["lease_duration"] <= 20


def test_revoking_a_token_takes_its_children_along(root: hvac.Client, connect: Callable[..., hvac.Client]) -> None:
    root.sys.create_or_update_policy("madre", 'path "auth/token/create" { capabilities = ["update"] }')
    mother = connect(root.auth.token.create(policies=["madre"], ttl="1h")["auth"]["client_token"])
    child = connect(mother.auth.token.create(ttl="1h")["auth"]["client_token"])
    assert child.is_authenticated()
    root.auth.token.revoke(mother.token)
    assert not mother.is_authenticated()
    assert not eventually(child.is_authenticated, until=lambda inside: not inside)


def test_a_token_with_uses_runs_out(root: hvac.Client, connect: Callable[..., hvac.Client]) -> None:
    client = connect(root.auth.token.create(policies=["default"], num_uses=2)["auth"]["client_token"])
    assert [client.is_authenticated() for _ in range(3)] == [True, True, False]


@pytest.fixture
def role(root: hvac.Client, path: str) -> Iterator[str]:
    """Un AppRole que lee lo que hay en `path`, con llaves de dos usos."""
    if "approle/" not in root.sys.list_auth_methods()["data"]:
        root.sys.enable_auth_method("approle")
    name = f"micro-{uuid.uuid4().hex[:8]}"
    write(root, path, clave="del microservicio")
    root.sys.create_or_update_policy(name, f'path "secret/data/{path}" {{ capabilities = ["read"] }}')
    root.auth.approle.create_or_update_approle(
        name, token_policies=[name], token_ttl="10m", token_max_ttl="1h", secret_id_num_uses=2, secret_id_ttl="1h"
    )
    yield name
    root.auth.approle.delete_role(name)


def test_a_microservice_logs_in_with_its_two_halves(
    root: hvac.Client, connect: Callable[..., hvac.Client], role: str, path: str
) -> None:
    role_id = root.auth.approle.read_role_id(role)["data"]["role_id"]
    secret_id = root.auth.approle.generate_secret_id(role)["data"]["secret_id"]
    client = connect()
    logged = client.auth.approle.login(role_id, secret_id)["auth"]
    assert (sorted(logged["policies"]), logged["lease_duration"]) == (["default", role], 600)
    assert logged["metadata"]["role_name"] == role
    assert read(client, path) == {"clave": "del microservicio"}
    with pytest.raises(Forbidden):
        write(client, path, clave="otra")


def test_half_a_key_opens_nothing_and_a_key_wears_out(
    root: hvac.Client, connect: Callable[..., hvac.Client], role: str
) -> None:
    role_id = root.auth.approle.read_role_id(role)["data"]["role_id"]
    secret_id = root.auth.approle.generate_secret_id(role)["data"]["secret_id"]
    for wrong in ((role_id, str(uuid.uuid4())), (str(uuid.uuid4()), secret_id)):
        with pytest.raises(InvalidRequest):
            connect().auth.approle.login(*wrong)
    for _ in range(2):
        assert connect().auth.approle.login(role_id, secret_id)["auth"]["client_token"]
    with pytest.raises(InvalidRequest):
        connect().auth.approle.login(role_id, secret_id)


def test_the_two_halves_can_be_chosen_beforehand(
    root: hvac.Client, connect: Callable[..., hvac.Client], role: str
) -> None:
    chosen = uuid.uuid4().hex
    root.auth.approle.update_role_id(role, f"id-{role}")
    root.auth.approle.create_custom_secret_id(role, chosen)
    assert connect().auth.approle.login(f"id-{role}", chosen)["auth"]["client_token"]
    accessors = root.auth.approle.list_secret_id_accessors(role)["data"]["keys"]
    root.auth.approle.destroy_secret_id_accessor(role, accessors[0])
    with pytest.raises(InvalidRequest):
        connect().auth.approle.login(f"id-{role}", chosen)


def test_a_wrapped_secret_is_opened_once(
    root: hvac.Client, connect: Callable[..., hvac.Client], path: str
) -> None:
    write(root, path, clave="en un sobre")
    wrapped = root.adapter.get(f"/v1/secret/data/{path}", wrap_ttl="5m")["wrap_info"]
    assert wrapped["ttl"] == 300
    assert wrapped["creation_path"] == f"secret/data/{path}"
    opened = connect(wrapped["token"]).sys.unwrap()
    assert opened["data"]["data"] == {"clave": "en un sobre"}
    with pytest.raises((InvalidRequest, Forbidden)):
        connect(wrapped["token"]).sys.unwrap()


def test_a_wrapped_login_key_travels_without_being_seen(
    root: hvac.Client, connect: Callable[..., hvac.Client], role: str
) -> None:
    envelope = root.auth.approle.generate_secret_id(role, wrap_ttl="60s")
    assert "data" not in envelope or not envelope["data"]
    secret_id = connect(envelope["wrap_info"]["token"]).sys.unwrap()["data"]["secret_id"]
    role_id = root.auth.approle.read_role_id(role)["data"]["role_id"]
    assert connect().auth.approle.login(role_id, secret_id)["auth"]["client_token"]


def test_there_is_a_page_to_look_at(door: tuple[str, str]) -> None:
    page = requests.get(f"{door[0]}/ui/", timeout=10)
    assert page.status_code == 200
    assert "<title>" in page.text
