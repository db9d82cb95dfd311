"""El proceso del almacén: qué programa es, qué puertos abre y a quién atienden, qué queda al pararlo o matarlo."""

from __future__ import annotations

import io
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import requests
from minio import Minio

from stack.minio.service import MINIO
from tests.support.kafka import eventually
from tests.support.processes import kill, process_on
from tests.support.running import folder, running


@dataclass(frozen=True)
class Lab:
    """Un almacén en marcha, y dónde están su carpeta y su registro."""

    env: Mapping[str, str]
    root: Path
    process: psutil.Process

    @property
    def s3(self) -> Minio:
        return client(self.env)

    @property
    def log(self) -> str:
        return folder(self.root).log("minio").read_text("utf-8")


def client(env: Mapping[str, str]) -> Minio:
    return Minio(
        env["MINIO_ENDPOINT"],
        access_key=env["MINIO_ACCESS_KEY"],
        secret_key=env["MINIO_SECRET_KEY"],
        secure=False,
    )


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    root = tmp_path_factory.mktemp("minio")
    with pytest.MonkeyPatch.context() as patch:
        # Si SeaweedFS las leyera, entraría quien no debe.
        patch.setenv("AWS_ACCESS_KEY_ID", "colada")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "colada-y-larga")
        with running("minio", root=root) as env:
            found = Lab(env, root, process_on(env["MINIO_API_PORT"]))
            yield found
            # Parar con calma tarda más de un segundo; aquí ya no hace falta.
            kill(found.process)


def test_the_process_is_the_server_itself(lab: Lab) -> None:
    assert lab.process.name() == "weed"
    assert lab.process.ppid() == os.getpid()
    assert lab.process.children() == []


def test_every_port_is_for_this_machine_only(lab: Lab) -> None:
    # El último puerto (el de su administración) se abre un poco después de que S3 conteste.
    eventually(lambda: "Press Ctrl+C" in lab.log)
    listening = {found.laddr for found in lab.process.net_connections() if found.status == psutil.CONN_LISTEN}
    assert {address.ip for address in listening} == {"127.0.0.1"}
    inner = {address.port for address in listening} - {int(lab.env["MINIO_API_PORT"])}
    assert inner
    assert all(11_000 <= port < 32_768 for port in inner), "no chocan con los que reparte el sistema"


def test_inner_doors_give_nothing_and_delete_nothing(lab: Lab) -> None:
    lab.s3.make_bucket("secretos")
    lab.s3.put_object("secretos", "nómina.txt", io.BytesIO(b"mil euros"), 9)
    addresses = re.findall(
        r"http://127\.0\.0\.1:\d+", eventually(lambda: lab.log, until=lambda log: "Filer UI" in log)
    )
    inner = [found for found in addresses if not found.endswith(f":{lab.env['MINIO_API_PORT']}")]
    assert len(inner) == 3
    for address in inner:
        for path in (
            "/buckets/secretos/nómina.txt",
            "/col/delete?collection=secretos",
            "/dir/assign",
            "/1,01637037d6",
        ):
            assert requests.get(f"{address}{path}", timeout=5).status_code in {401, 404}, f"{address}{path}"
        assert requests.post(f"{address}/1,01637037d6", data=b"x", timeout=5).status_code in {401, 404, 405}
    assert lab.s3.get_object("secretos", "nómina.txt").data == b"mil euros"


def test_the_environment_lets_nobody_else_in(lab: Lab) -> None:
    stranger = client({**lab.env, "MINIO_ACCESS_KEY": "colada", "MINIO_SECRET_KEY": "colada-y-larga"})
    with pytest.raises(Exception, match="InvalidAccessKeyId"):
        stranger.list_buckets()


def test_credentials_stay_in_private_files(lab: Lab) -> None:
    secret = lab.env["MINIO_SECRET_KEY"].encode()
    holders = [path for path in lab.root.rglob("*") if path.is_file() and secret in path.read_bytes()]
    places = folder(lab.root)
    assert sorted(holders) == [places.credentials, places.services / "minio" / "config" / "s3.json"]
    assert [path for path in holders if path.stat().st_mode & 0o077] == []
    assert secret.decode() not in " ".join(lab.process.cmdline())


def test_data_is_private(lab: Lab) -> None:
    data = folder(lab.root).services / "minio" / "data"
    assert data.stat().st_mode & 0o077 == 0
    assert [path for path in data.glob("*.dat") if path.stat().st_mode & 0o077] == []


def test_objects_survive_a_kill_and_a_stop(tmp_path: Path) -> None:
    sizes = {"matado.bin": 300_000, "parado.bin": 200_000}
    for round_number, (name, size) in enumerate(sizes.items()):
        with running("minio", root=tmp_path) as env:
            if round_number == 0:
                client(env).make_bucket("fotos")
            before = time.monotonic()
            client(env).put_object("fotos", name, io.BytesIO(b"x" * size), size)
            assert time.monotonic() - before < 3, "estaba listo, pero no para escribir"
            if name == "matado.bin":
                kill(process_on(env["MINIO_API_PORT"]))
    with running("minio", root=tmp_path) as env:
        found = {item.object_name: item.size for item in client(env).list_objects("fotos")}
        assert found == sizes
        for name, size in sizes.items():
            assert client(env).get_object("fotos", name).data == b"x" * size
        client(env).put_object("fotos", "nuevo.bin", io.BytesIO(b"n"), 1)
        assert client(env).get_object("fotos", "nuevo.bin").data == b"n"
        kill(process_on(env["MINIO_API_PORT"]))


def test_the_label_is_what_runs(lab: Lab) -> None:
    version = MINIO.embedded.product.removeprefix("SeaweedFS ")
    assert f" {version}" in requests.get(f"http://{lab.env['MINIO_ENDPOINT']}/", timeout=5).headers["Server"]
