"""Contrato del almacén S3, con el cliente minio: subir, bajar, versiones, permisos, enlaces firmados y borrados.

Lo cumplen SeaweedFS y MinIO.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import requests
from minio import Minio
from minio.commonconfig import ENABLED, CopySource, Filter, Tags
from minio.deleteobjects import DeleteObject
from minio.lifecycleconfig import Expiration, LifecycleConfig, Rule

from tests.support.kafka import eventually
from tests.support.s3 import Server, get, new_bucket, put, refusal


@pytest.fixture(scope="module")
def server(started: Callable[..., dict[str, str]]) -> Server:
    return Server.of(started("minio"))


@pytest.fixture(scope="module")
def s3(server: Server) -> Iterator[Minio]:
    with server.connected() as client:
        yield client


@pytest.fixture(scope="module")
def bucket(s3: Minio) -> str:
    """Un bucket para quien no necesita uno recién hecho; cada prueba usa sus propias claves."""
    return new_bucket(s3)


@pytest.fixture
def key() -> str:
    """Una clave que nadie ha usado."""
    return f"ana/{uuid4().hex}.bin"


# Quién entra


def test_wrong_secret(server: Server, bucket: str) -> None:
    stranger = server.client(secret_key="no es esta")
    assert refusal(lambda: stranger.list_buckets()) == ("SignatureDoesNotMatch", 403)
    assert refusal(lambda: put(stranger, bucket, "x")) == ("SignatureDoesNotMatch", 403)


def test_unknown_key(server: Server) -> None:
    stranger = server.client(access_key="nadie")
    assert refusal(lambda: stranger.list_buckets()) == ("InvalidAccessKeyId", 403)


def test_without_credentials(server: Server, s3: Minio, bucket: str, key: str) -> None:
    put(s3, bucket, key)
    for path in ("", bucket, f"{bucket}/{key}"):
        assert requests.get(server.url(path), timeout=5).status_code == 403
    assert requests.put(server.url(f"{bucket}/intruso"), data=b"x", timeout=5).status_code == 403
    assert requests.delete(server.url(f"{bucket}/{key}"), timeout=5).status_code == 403
    assert get(s3, bucket, key) == b"hola"


def test_a_bucket_may_be_opened_to_everyone(server: Server, s3: Minio, key: str) -> None:
    bucket = new_bucket(s3)
    put(s3, bucket, key)
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": ["*"]},
        "Action": ["s3:GetObject"],
        "Resource": [f"arn:aws:s3:::{bucket}/*"],
    }
    s3.set_bucket_policy(bucket, json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    address = server.url(f"{bucket}/{key}")
    assert eventually(lambda: requests.get(address, timeout=5), until=lambda found: found.ok).content == b"hola"
    assert requests.delete(address, timeout=5).status_code == 403
    s3.delete_bucket_policy(bucket)
    eventually(lambda: requests.get(address, timeout=5).status_code, until=lambda status: status == 403)


# Enlaces firmados


def test_signed_download(s3: Minio, bucket: str, key: str) -> None:
    put(s3, bucket, key, b"contenido", content_type="text/plain")
    found = requests.get(s3.presigned_get_object(bucket, key, expires=timedelta(minutes=5)), timeout=5)
    assert (found.status_code, found.content, found.headers["content-type"]) == (200, b"contenido", "text/plain")


def test_signed_upload(s3: Minio, bucket: str, key: str) -> None:
    link = s3.presigned_put_object(bucket, key, expires=timedelta(minutes=5))
    assert requests.put(link, data=b"desde el navegador", timeout=5).status_code == 200
    assert get(s3, bucket, key) == b"desde el navegador"


def test_signed_link_expires(s3: Minio, bucket: str, key: str) -> None:
    put(s3, bucket, key)

    def signed_three_seconds_ago(lasting: int) -> int:
        when = datetime.now(UTC) - timedelta(seconds=3)
        link = s3.presigned_get_object(bucket, key, expires=timedelta(seconds=lasting), request_date=when)
        return requests.get(link, timeout=5).status_code

    assert signed_three_seconds_ago(lasting=60) == 200
    assert signed_three_seconds_ago(lasting=2) == 403


def test_signed_link_cannot_be_changed(s3: Minio, bucket: str, key: str) -> None:
    put(s3, bucket, key)
    put(s3, bucket, "secreto")
    link = s3.presigned_get_object(bucket, key, expires=timedelta(minutes=5))
    assert requests.get(link.replace(key, "secreto"), timeout=5).status_code == 403
    assert requests.get(link.replace("X-Amz-Expires=300", "X-Amz-Expires=3000"), timeout=5).status_code == 403
    assert requests.put(link, data=b"x", timeout=5).status_code == 403


def test_signed_link_may_name_the_file(s3: Minio, bucket: str, key: str) -> None:
    put(s3, bucket, key)
    header = 'attachment; filename="foto.png"'
    link = s3.presigned_get_object(bucket, key, response_headers={"response-content-disposition": header})
    assert requests.get(link, timeout=5).headers["content-disposition"] == header


# Objetos


def test_bytes_type_and_metadata_come_back(s3: Minio, bucket: str, key: str) -> None:
    data = os.urandom(70_000)
    put(s3, bucket, key, data, content_type="image/png", metadata={"usuario": "ana"})
    found = s3.stat_object(bucket, key)
    assert (found.size, found.content_type) == (70_000, "image/png")
    assert (found.etag or "").strip('"') == hashlib.md5(data).hexdigest()
    assert (found.metadata or {})["x-amz-meta-usuario"] == "ana"
    assert abs(time.time() - found.last_modified.timestamp()) < 60  # type: ignore[union-attr]
    assert get(s3, bucket, key) == data


def test_empty_object(s3: Minio, bucket: str, key: str) -> None:
    put(s3, bucket, key, b"")
    assert (s3.stat_object(bucket, key).size, get(s3, bucket, key)) == (0, b"")


def test_overwriting_replaces_everything(s3: Minio, bucket: str, key: str) -> None:
    put(s3, bucket, key, b"viejo" * 1000, metadata={"autor": "ana"})
    put(s3, bucket, key, b"nuevo")
    assert get(s3, bucket, key) == b"nuevo"
    assert "x-amz-meta-autor" not in (s3.stat_object(bucket, key).metadata or {})


def test_part_of_an_object(s3: Minio, bucket: str, key: str) -> None:
    put(s3, bucket, key, b"0123456789")
    assert get(s3, bucket, key, offset=2, length=3) == b"234"
    assert get(s3, bucket, key, offset=8) == b"89"


def test_range_past_the_end(s3: Minio, bucket: str, key: str) -> None:
    put(s3, bucket, key, b"0123456789")
    assert refusal(lambda: get(s3, bucket, key, offset=50, length=3)) == ("InvalidRange", 416)


def test_large_object_in_parts(s3: Minio, bucket: str, key: str) -> None:
    data = os.urandom(11 * 1024**2)
    result = s3.put_object(bucket, key, io.BytesIO(data), -1, part_size=5 * 1024**2)
    assert (result.etag or "").strip('"').endswith("-3")
    assert hashlib.sha256(get(s3, bucket, key)).digest() == hashlib.sha256(data).digest()
    assert get(s3, bucket, key, offset=5 * 1024**2 - 2, length=4) == data[5 * 1024**2 - 2 : 5 * 1024**2 + 2]


def test_names_with_anything_in_them(s3: Minio, bucket: str) -> None:
    name = "carpeta/ñandú 1+2=3 & 50%?.txt"
    put(s3, bucket, name, b"raro")
    assert get(s3, bucket, name) == b"raro"
    assert name in [item.object_name for item in s3.list_objects(bucket, recursive=True)]
    assert requests.get(s3.presigned_get_object(bucket, name), timeout=5).content == b"raro"


def test_copy_inside_the_store(s3: Minio, bucket: str, key: str) -> None:
    put(s3, bucket, key, b"original", content_type="text/plain", metadata={"autor": "ana"})
    s3.copy_object(bucket, f"{key}.copia", CopySource(bucket, key))
    assert get(s3, bucket, f"{key}.copia") == b"original"
    copied = s3.stat_object(bucket, f"{key}.copia")
    assert (copied.content_type, (copied.metadata or {})["x-amz-meta-autor"]) == ("text/plain", "ana")


def test_object_tags(s3: Minio, bucket: str, key: str) -> None:
    tags = Tags.new_object_tags()
    tags["usuario"], tags["tipo"] = "ana", "miniatura"
    put(s3, bucket, key, tags=tags)
    assert dict(s3.get_object_tags(bucket, key) or {}) == {"usuario": "ana", "tipo": "miniatura"}
    s3.delete_object_tags(bucket, key)
    assert not s3.get_object_tags(bucket, key)


def test_damaged_upload_is_refused(s3: Minio, server: Server, bucket: str, key: str) -> None:
    headers = {"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}
    assert refusal(lambda: s3._execute("PUT", bucket, key, body=b"x", headers=headers))[0] == "BadDigest"
    assert refusal(lambda: s3.stat_object(bucket, key)) == ("NoSuchKey", 404)


def test_upload_only_if_nobody_did_before(s3: Minio, bucket: str, key: str) -> None:
    put(s3, bucket, key, b"primero")
    headers = {"If-None-Match": "*"}
    assert refusal(lambda: s3._execute("PUT", bucket, key, body=b"x", headers=headers)) == (
        "PreconditionFailed",
        412,
    )
    assert get(s3, bucket, key) == b"primero"


# Buckets y listados


def test_listing_by_folders_and_whole(s3: Minio) -> None:
    bucket = new_bucket(s3)
    for name in ("a.txt", "fotos/1.png", "fotos/2.png", "fotos/mini/1.png", "z.txt"):
        put(s3, bucket, name)
    top = sorted((item.object_name, item.is_dir) for item in s3.list_objects(bucket))
    assert top == [("a.txt", False), ("fotos/", True), ("z.txt", False)]
    assert [item.object_name for item in s3.list_objects(bucket, prefix="fotos/", recursive=True)] == [
        "fotos/1.png",
        "fotos/2.png",
        "fotos/mini/1.png",
    ]
    assert [item.object_name for item in s3.list_objects(bucket, start_after="fotos/2.png", recursive=True)] == [
        "fotos/mini/1.png",
        "z.txt",
    ]


def test_buckets_have_a_name_and_a_date(s3: Minio) -> None:
    bucket = new_bucket(s3)
    found = {item.name: item for item in s3.list_buckets()}
    assert found[bucket].creation_date is not None
    assert s3.bucket_exists(bucket)
    assert not s3.bucket_exists(f"{bucket}-no")
    assert refusal(lambda: s3.make_bucket(bucket)) == ("BucketAlreadyOwnedByYou", 409)


def test_what_is_not_there(s3: Minio, bucket: str, key: str) -> None:
    assert refusal(lambda: get(s3, bucket, key)) == ("NoSuchKey", 404)
    assert refusal(lambda: get(s3, "no-existe-este", key)) == ("NoSuchBucket", 404)
    assert refusal(lambda: put(s3, "no-existe-este", key)) == ("NoSuchBucket", 404)
    s3.remove_object(bucket, key)  # Borrar lo que no está no es un error: el resultado es el pedido.


def test_a_bucket_is_removed_only_when_empty(s3: Minio, key: str) -> None:
    bucket = new_bucket(s3)
    put(s3, bucket, key)
    assert refusal(lambda: s3.remove_bucket(bucket)) == ("BucketNotEmpty", 409)
    s3.remove_object(bucket, key)
    s3.remove_bucket(bucket)
    assert not s3.bucket_exists(bucket)


def test_many_at_once_are_deleted(s3: Minio) -> None:
    bucket = new_bucket(s3)
    names = [f"{number}.txt" for number in range(12)]
    for name in names:
        put(s3, bucket, name)
    assert list(s3.remove_objects(bucket, [DeleteObject(name) for name in names[:-1]])) == []
    assert [item.object_name for item in s3.list_objects(bucket)] == names[-1:]


def test_lifecycle_rule_is_stored_and_read_back(s3: Minio) -> None:
    """Que algo caduque de verdad no se comprueba: el plazo más corto es un día."""
    bucket = new_bucket(s3)
    rule = Rule(ENABLED, rule_filter=Filter(prefix="tmp/"), rule_id="limpia", expiration=Expiration(days=7))
    s3.set_bucket_lifecycle(bucket, LifecycleConfig([rule]))
    config = s3.get_bucket_lifecycle(bucket)
    assert config is not None
    assert [(item.rule_id, item.expiration and item.expiration.days) for item in config.rules] == [("limpia", 7)]
    s3.delete_bucket_lifecycle(bucket)
    assert s3.get_bucket_lifecycle(bucket) is None


# Versiones


def test_every_version_is_kept(s3: Minio, key: str) -> None:
    bucket = new_bucket(s3, versioned=True)
    first, second = put(s3, bucket, key, b"uno"), put(s3, bucket, key, b"dos")
    assert first
    assert first != second
    assert get(s3, bucket, key) == b"dos"
    assert get(s3, bucket, key, version_id=first) == b"uno"
    assert s3.stat_object(bucket, key, version_id=first).version_id == first
    listed = list(s3.list_objects(bucket, prefix=key, include_version=True))
    assert [(item.version_id, item.is_latest) for item in listed] == [(second, "true"), (first, "false")]


def test_deleting_leaves_a_mark_that_can_be_undone(s3: Minio, key: str) -> None:
    bucket = new_bucket(s3, versioned=True)
    version = put(s3, bucket, key, b"vuelve")
    s3.remove_object(bucket, key)
    assert refusal(lambda: get(s3, bucket, key)) == ("NoSuchKey", 404)
    assert list(s3.list_objects(bucket, recursive=True)) == []
    marks = [
        item for item in s3.list_objects(bucket, recursive=True, include_version=True) if item.is_delete_marker
    ]
    assert len(marks) == 1
    assert get(s3, bucket, key, version_id=version) == b"vuelve"
    s3.remove_object(bucket, key, version_id=marks[0].version_id)
    assert get(s3, bucket, key) == b"vuelve"


def test_deleting_a_version_is_forever(s3: Minio, key: str) -> None:
    bucket = new_bucket(s3, versioned=True)
    first, second = put(s3, bucket, key, b"uno"), put(s3, bucket, key, b"dos")
    s3.remove_object(bucket, key, version_id=second)
    assert get(s3, bucket, key) == b"uno"
    assert refusal(lambda: get(s3, bucket, key, version_id=second))[1] == 404
    assert get(s3, bucket, key, version_id=first) == b"uno"


def test_versions_are_off_until_asked(s3: Minio, key: str) -> None:
    bucket = new_bucket(s3)
    assert s3.get_bucket_versioning(bucket).status != ENABLED
    assert put(s3, bucket, key) == ""
    s3.remove_object(bucket, key)
    assert list(s3.list_objects(bucket, recursive=True, include_version=True)) == []
