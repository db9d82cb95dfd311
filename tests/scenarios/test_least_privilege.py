"""Cada microservicio tiene en Vault su permiso y su identidad, y con ellos lee lo suyo y nada más (403)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hvac
import pytest
import requests
from hvac.exceptions import Forbidden, InvalidRequest

from scenarios import seeds
from scenarios.catalog import SERVICES
from stack.laboratory import Laboratory
from stack.model import Kind

SECRETS, GRANTS = seeds.gathered(Path(seeds.__file__).parent.glob("flujo_*"))
MICROSERVICES = {one.name: one for one in SERVICES if one.kind is Kind.MICROSERVICE}
READS = {
    "auth": {"jwt", "database"},
    "uploads": {"minio", "jwt"},
    "thumbnails": {"minio"},
    "finanzas": {"jwt"},
    "pasarelas-pago-1": {"pasarelas-pago-1"},
    "pasarelas-pago-2": {"pasarelas-pago-2"},
}


@contextmanager
def entered(laboratory: Laboratory, name: str) -> Iterator[hvac.Client]:
    """Vault, como lo ve quien se presenta siendo el microservicio `name`."""
    secret_id = laboratory.credentials()[f"{name}_vault_secret_id".upper().replace("-", "_")]
    with requests.Session() as session:
        client = hvac.Client(laboratory.env(["vault"])["VAULT_ADDR"], token="", session=session)
        client.auth.approle.login(name, secret_id)
        yield client


def may_read(client: hvac.Client, path: str) -> bool:
    try:
        client.secrets.kv.v2.read_secret_version(path, raise_on_deleted_version=True)
    except Forbidden:
        return False
    return True


def test_who_reads_what_is_written_down() -> None:
    assert {one.microservice: set(one.reads) for one in GRANTS} == READS
    assert not any(one.writes for one in GRANTS)
    # Analytics no usa ningún secreto, así que no tiene identidad.
    assert set(MICROSERVICES) - set(READS) == {"analytics"}
    page = (Path(__file__).parents[2] / "docs" / "flujo-b.md").read_text("utf-8")
    for name, paths in READS.items():
        (row,) = re.findall(rf"^\| {name} \| (`.*) \|$", page, re.MULTILINE)
        assert set(re.findall(r"`([\w-]+)`", row)) == paths


@pytest.mark.parametrize("name", MICROSERVICES)
def test_a_grant_is_what_the_microservice_uses_and_no_more(name: str) -> None:
    embedded = MICROSERVICES[name].embedded
    assert embedded is not None
    used = set(re.findall(r"\$\{(\w+)\}", " ".join(embedded.env.values())))
    if "VAULT_ADDR" in embedded.env:  # los pide allí: en su entorno no hay ninguno
        assert not used & {value for secret in SECRETS for value in secret.values.values()}
    else:
        assert {one.path for one in SECRETS if used & set(one.values.values())} == READS.get(name, set())


@pytest.mark.parametrize("name", READS)
def test_each_one_reads_its_own_and_gets_a_403_on_the_rest(login_laboratory: Laboratory, name: str) -> None:
    with entered(login_laboratory, name) as client:
        assert {one.path for one in SECRETS if may_read(client, one.path)} == READS[name]
        with pytest.raises(Forbidden):
            client.secrets.kv.v2.list_secrets("")
        for path in READS[name]:
            with pytest.raises(Forbidden):
                client.secrets.kv.v2.create_or_update_secret(path, {"key": "otra"})


def test_what_auth_may_read_uploads_may_not_and_the_other_way_round(login_laboratory: Laboratory) -> None:
    with entered(login_laboratory, "auth") as auth, entered(login_laboratory, "uploads") as uploads:
        assert (may_read(auth, "database"), may_read(uploads, "database")) == (True, False)
        assert (may_read(auth, "minio"), may_read(uploads, "minio")) == (False, True)
        minio = uploads.secrets.kv.v2.read_secret_version("minio", raise_on_deleted_version=True)["data"]["data"]
    names = login_laboratory.credentials()
    assert minio == {"access_key": names["MINIO_ACCESS_KEY"], "secret_key": names["MINIO_SECRET_KEY"]}


def test_the_identity_of_one_is_no_use_to_another(login_laboratory: Laboratory) -> None:
    with entered(login_laboratory, "auth") as client:
        for role, credential in (("uploads", "AUTH"), ("auth", "UPLOADS"), ("analytics", "AUTH")):
            with pytest.raises(InvalidRequest):
                client.auth.approle.login(role, login_laboratory.credentials()[f"{credential}_VAULT_SECRET_ID"])
