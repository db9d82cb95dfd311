"""Las páginas de MinIO, contra un almacén en marcha: qué enseñan, y que nada de lo subido se ejecuta."""

from __future__ import annotations

import hashlib
import html
import io
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest
import requests
from minio import Minio
from minio.commonconfig import ENABLED, Tags
from minio.versioningconfig import VersioningConfig
from PIL import Image

from stack.console.app import console
from stack.console.minio import client as console_client
from stack.console.minio import objects
from tests.support.asgi import Answer, get
from tests.support.processes import kill, process_on
from tests.support.running import free_port, running


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    with running("minio", root=tmp_path_factory.mktemp("minio")) as found:
        yield found
        # Parar con calma tarda más de un segundo; aquí ya no hace falta.
        kill(process_on(found["MINIO_API_PORT"]))


@pytest.fixture(scope="module")
def s3(env: Mapping[str, str]) -> Minio:
    found = Minio(
        env["MINIO_ENDPOINT"],
        access_key=env["MINIO_ACCESS_KEY"],
        secret_key=env["MINIO_SECRET_KEY"],
        secure=False,
    )
    found.make_bucket("avatares")
    found.make_bucket("copias")
    found.set_bucket_versioning("copias", VersioningConfig(ENABLED))
    return found


@pytest.fixture
def app(env: Mapping[str, str], s3: Minio, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("MINIO_ENDPOINT", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"):
        monkeypatch.setenv(name, env[name])
    monkeypatch.delenv("STACKLAB_FIDELITY_MINIO", raising=False)
    return console()


def put(s3: Minio, bucket: str, key: str, data: bytes, kind: str = "text/plain", **options: Any) -> str:
    return s3.put_object(bucket, key, io.BytesIO(data), len(data), content_type=kind, **options).version_id or ""


def png(size: int = 8) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (size, size), "teal").save(buffer, "PNG")
    return buffer.getvalue()


def names(page: Answer) -> list[str]:
    """Los nombres del listado, en orden."""
    return [html.unescape(text) for text in re.findall(r'<td class="break"><a [^>]*>(.*?)</a>', page.text)]


def test_buckets_with_their_numbers(s3: Minio, app: Any) -> None:
    s3.make_bucket("cuentas")
    for number in range(3):
        put(s3, "cuentas", f"a/{number}", b"x" * 500)
    page = get(app, "/minio")
    row = re.search(r"/minio/cuentas\".*?</tr>", page.text, re.DOTALL)
    assert row is not None
    assert re.findall(r'class="num">(.*?)<', row.group()) == ["3", "1,5 kB"]
    assert "las guarda" in page.text
    assert "real · SeaweedFS" in page.text


def test_folders_one_at_a_time(s3: Minio, app: Any) -> None:
    for key in ("ana/256.webp", "ana/mini/64.webp", "luis/256.webp", "léeme 1+1.txt"):
        put(s3, "avatares", key, b"x")
    top = names(get(app, "/minio/avatares"))
    assert {"ana/", "luis/", "léeme 1+1.txt"} <= set(top)
    assert top == sorted(top)
    page = get(app, f"/minio/avatares?prefijo={quote('ana/')}")
    assert names(page) == ["256.webp", "mini/"]
    assert 'href="/minio/avatares?prefijo=ana/mini/"' in page.text


def test_a_long_folder_has_pages_and_none_is_lost(s3: Minio, app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "PAGE", 4)
    wanted = ["a/", "b", "c", "d/", "e", "f/", "g/", "h", "i", "j"]
    for key in wanted:
        put(s3, "avatares", f"largo/{key}{'x' if key.endswith('/') else ''}", b"x")
    seen: list[str] = []
    path: str | None = "/minio/avatares?prefijo=largo/"
    while path:
        page = get(app, path)
        seen += names(page)
        more = re.search(r'href="([^"]*)">Siguientes', page.text)
        path = html.unescape(more[1]) if more else None
    assert seen == wanted


def test_everything_about_an_object(s3: Minio, env: Mapping[str, str], app: Any) -> None:
    data, tags = png(), Tags.new_object_tags()
    tags["curso"] = "redes"
    put(s3, "avatares", "ana/foto 1.png", data, "image/png", metadata={"usuario": "ana"}, tags=tags)
    page = get(app, f"/minio/avatares/objeto?key={quote('ana/foto 1.png')}")
    assert page.status == 200
    for text in (hashlib.sha256(data).hexdigest(), hashlib.md5(data).hexdigest(), "image/png", "curso: redes"):
        assert text in page.text
    assert re.search(r"usuario</dt><dd[^>]*>ana<", page.text)
    assert 'src="/minio/avatares/vista?key=ana/foto%201.png"' in page.text
    assert page.headers["cache-control"] == "no-store"
    assert env["MINIO_SECRET_KEY"] not in page.text
    link = re.search(r'href="([^"]*)" rel="noreferrer">Descargar', page.text)
    assert link is not None
    downloaded = requests.get(html.unescape(link[1]), timeout=5)
    assert downloaded.content == data
    assert downloaded.headers["content-disposition"] == "attachment; filename*=UTF-8''foto%201.png"


def test_an_image_is_served_as_just_an_image(s3: Minio, app: Any) -> None:
    put(s3, "avatares", "foto.png", png(), "image/png")
    found = get(app, "/minio/avatares/vista?key=foto.png")
    assert (found.status, found.body) == (200, png())
    assert found.headers["content-type"] == "image/png"
    assert found.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in found.headers["content-security-policy"]


@pytest.mark.parametrize(
    "kind", ["text/html", "image/svg+xml", "application/xhtml+xml", "text/xml", "application/pdf"]
)
def test_nothing_that_could_run_is_served(s3: Minio, app: Any, kind: str) -> None:
    put(s3, "avatares", "malo", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", kind)
    found = get(app, "/minio/avatares/vista?key=malo")
    assert found.status == 415
    assert "alert" not in found.text
    page = get(app, "/minio/avatares/objeto?key=malo").text
    assert "&lt;svg" in page
    assert "<svg" not in page


def test_versions_and_deleted_objects(s3: Minio, app: Any) -> None:
    first = put(s3, "copias", "informe.txt", b"primera")
    put(s3, "copias", "informe.txt", b"segunda")
    page = get(app, "/minio/copias/objeto?key=informe.txt").text
    assert "segunda" in page
    assert "primera" not in page
    assert page.count("se escribió") == 2
    assert "primera" in get(app, f"/minio/copias/objeto?key=informe.txt&version={first}").text
    s3.remove_object("copias", "informe.txt")
    listed = get(app, "/minio/copias").text
    assert "borrado" in listed
    page = get(app, "/minio/copias/objeto?key=informe.txt").text
    assert re.findall("se escribió|se borró", page) == ["se borró", "se escribió", "se escribió"]
    assert "Descargar" not in page


@pytest.mark.parametrize(
    "path", ["/minio/no-existe", "/minio/NO", "/minio/avatares/objeto?key=nada", "/minio/no-existe/vista?key=x"]
)
def test_what_is_not_there(app: Any, path: str) -> None:
    page = get(app, path)
    assert page.status == 404
    assert "No hay ningún" in page.text


def test_wrong_keys(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIO_SECRET_KEY", "la de ayer")
    page = get(app, "/minio")
    assert page.status == 502
    assert "stacklab up console" in page.text
    assert "la de ayer" not in page.text


def test_stopped(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIO_ENDPOINT", f"127.0.0.1:{free_port()}")
    before = time.monotonic()
    for path in ("/minio", "/minio/avatares", "/minio/avatares/objeto?key=x"):
        page = get(app, path)
        assert page.status == 503
        assert "stacklab up minio" in page.text
    assert time.monotonic() - before < 3


def test_counting_stops_in_time(s3: Minio, app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.make_bucket("muchisimos")
    for number in range(6):
        put(s3, "muchisimos", str(number), b"x")
    monkeypatch.setattr(console_client, "COUNT_LIMIT", 5)
    assert "más de 5<" in get(app, "/minio").text
