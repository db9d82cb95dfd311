"""Leer de Vault como lo hace un microservicio: lo suyo, con un permiso que se renueva, y nada más."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from scenarios.flujo_b import keys
from scenarios.kit.errors import Missing, Unavailable
from scenarios.kit.secrets import SecretStore
from stack.laboratory import Laboratory


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def store(login_laboratory: Laboratory, clock: _Clock) -> Iterator[SecretStore]:
    secret_id = login_laboratory.credentials()["AUTH_VAULT_SECRET_ID"]
    made = SecretStore(login_laboratory.env(["vault"])["VAULT_ADDR"], "auth", secret_id, clock=clock)
    yield made
    made.close()


def _tokens(laboratory: Laboratory, store: SecretStore) -> tuple[str, bool]:
    """El *accessor* con que lee ahora y si Vault dice que se ha renovado."""
    with keys.administrator(laboratory.env(["vault"])) as vault:
        about = vault.auth.token.lookup_accessor(store.accessor)["data"]
    return store.accessor, bool(about.get("last_renewal_time"))


def test_its_own_and_nothing_else(login_laboratory: Laboratory, store: SecretStore) -> None:
    read = store.read("jwt")
    assert (read.values, read.version) == ({"key": login_laboratory.credentials()["JWT_SECRET"]}, 1)
    assert store.read("jwt", 1) == read
    assert read.values["key"] not in repr(read)
    with pytest.raises(Missing):
        store.read("jwt", 99)
    for path in ("minio", "no-existe"):
        with pytest.raises(Unavailable, match="permission denied"):
            store.read(path)


def test_the_permit_is_renewed_halfway_and_asked_again_when_dead(
    login_laboratory: Laboratory, store: SecretStore, clock: _Clock
) -> None:
    store.read("jwt")
    first, renewed = _tokens(login_laboratory, store)
    assert not renewed
    clock.now = 1700
    store.read("jwt")
    assert _tokens(login_laboratory, store) == (first, False)
    clock.now = 1900
    store.read("jwt")
    assert _tokens(login_laboratory, store) == (first, True)
    clock.now = 10_000
    store.read("jwt")
    second, _ = _tokens(login_laboratory, store)
    assert second != first


def test_a_revoked_permit_is_replaced_without_anyone_noticing(
    login_laboratory: Laboratory, store: SecretStore
) -> None:
    store.read("jwt")
    first = store.accessor
    with keys.administrator(login_laboratory.env(["vault"])) as vault:
        vault.auth.token.revoke_accessor(first)
    assert store.read("jwt").version == 1
    assert store.accessor != first


def test_a_wrong_secret_id_opens_nothing(login_laboratory: Laboratory) -> None:
    store = SecretStore(login_laboratory.env(["vault"])["VAULT_ADDR"], "auth", "no es este")
    with pytest.raises(Unavailable, match="Vault"):
        store.read("jwt")
    store.close()
