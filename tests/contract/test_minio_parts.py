"""Contrato del almacén S3, con el cliente minio: subidas por partes, trozos, condiciones, copias y formularios.

Lo cumplen SeaweedFS y MinIO. Donde SeaweedFS no llega, la línea se salta y dice por qué.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import requests
from minio import Minio
from minio.commonconfig import ENABLED, REPLACE, ComposeSource, CopySource, Filter, Tags
from minio.credentials import Credentials
from minio.datatypes import Part, PostPolicy
from minio.lifecycleconfig import AbortIncompleteMultipartUpload, Expiration, LifecycleConfig, Rule
from minio.signer import sign_v4_s3
from minio.versioningconfig import SUSPENDED, VersioningConfig

from tests.support.s3 import MIB, Server, get, new_bucket, put, refusal


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


def quoted(etag: str | None) -> str:
    return f'"{(etag or "").strip(chr(34))}"'


# Por partes


def unfinished(s3: Minio, bucket: str, key: str) -> list[str]:
    """Las subidas de `key` que se empezaron y no se han acabado."""
    found = s3._list_multipart_uploads(bucket, prefix=key)
    return [upload.upload_id for upload in found.uploads]


def test_parts_arrive_in_any_order(s3: Minio, bucket: str, key: str) -> None:
    first, last = os.urandom(5 * MIB), b"el resto"
    upload = s3._create_multipart_upload(bucket, key, {"Content-Type": "image/png"})
    tags = {2: s3._upload_part(bucket, key, last, None, upload, 2)}
    assert key not in [item.object_name for item in s3.list_objects(bucket, recursive=True)]
    tags[1] = s3._upload_part(bucket, key, first, None, upload, 1)
    listed = s3._list_parts(bucket, key, upload).parts
    assert [(part.part_number, part.size) for part in listed] == [(1, 5 * MIB), (2, 8)]
    assert unfinished(s3, bucket, key) == [upload]
    s3._complete_multipart_upload(bucket, key, upload, [Part(number, tags[number]) for number in (1, 2)])
    assert get(s3, bucket, key) == first + last
    assert unfinished(s3, bucket, key) == []
    found = s3.stat_object(bucket, key)
    digest = hashlib.md5(hashlib.md5(first).digest() + hashlib.md5(last).digest()).hexdigest()
    assert (quoted(found.etag), found.content_type) == (f'"{digest}-2"', "image/png")


def test_a_part_may_be_sent_again(s3: Minio, bucket: str, key: str) -> None:
    upload = s3._create_multipart_upload(bucket, key, {})
    s3._upload_part(bucket, key, b"mal", None, upload, 1)
    tag = s3._upload_part(bucket, key, b"bien", None, upload, 1)
    s3._complete_multipart_upload(bucket, key, upload, [Part(1, tag)])
    assert get(s3, bucket, key) == b"bien"


def test_an_upload_can_be_abandoned(s3: Minio, bucket: str, key: str) -> None:
    upload = s3._create_multipart_upload(bucket, key, {})
    s3._upload_part(bucket, key, b"x", None, upload, 1)
    s3._abort_multipart_upload(bucket, key, upload)
    assert unfinished(s3, bucket, key) == []
    assert refusal(lambda: s3._upload_part(bucket, key, b"x", None, upload, 2)) == ("NoSuchUpload", 404)
    assert refusal(lambda: s3.stat_object(bucket, key)) == ("NoSuchKey", 404)


def test_finishing_what_was_never_begun(s3: Minio, bucket: str, key: str) -> None:
    parts = [Part(1, "0" * 32)]
    assert refusal(lambda: s3._complete_multipart_upload(bucket, key, "no-existe", parts))[0] == "NoSuchUpload"


def test_a_part_that_was_not_sent(s3: Minio, bucket: str, key: str) -> None:
    upload = s3._create_multipart_upload(bucket, key, {})
    s3._upload_part(bucket, key, b"x", None, upload, 1)
    parts = [Part(1, "0" * 32)]
    assert refusal(lambda: s3._complete_multipart_upload(bucket, key, upload, parts)) == ("InvalidPart", 400)
    s3._abort_multipart_upload(bucket, key, upload)


def test_only_the_last_part_may_be_small(s3: Minio, bucket: str, key: str) -> None:
    upload = s3._create_multipart_upload(bucket, key, {})
    parts = [Part(number, s3._upload_part(bucket, key, b"x", None, upload, number)) for number in (1, 2)]
    assert refusal(lambda: s3._complete_multipart_upload(bucket, key, upload, parts)) == ("EntityTooSmall", 400)
    s3._abort_multipart_upload(bucket, key, upload)


def test_objects_are_joined_inside_the_store(s3: Minio, bucket: str, key: str) -> None:
    whole, tail = os.urandom(5 * MIB), b"cola"
    put(s3, bucket, f"{key}.1", whole)
    put(s3, bucket, f"{key}.2", tail)
    sources = [ComposeSource(bucket, f"{key}.{number}") for number in (1, 2)]
    s3.compose_object(bucket, key, sources)
    assert get(s3, bucket, key) == whole + tail


# Trozos y condiciones


@pytest.fixture
def link(s3: Minio, bucket: str, key: str) -> str:
    """Un enlace firmado a un objeto de diez bytes."""
    put(s3, bucket, key, b"0123456789")
    return s3.presigned_get_object(bucket, key)


@pytest.mark.parametrize(
    ("wanted", "content", "span"),
    [
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes=3-5", b"345", "bytes 3-5/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=5-99", b"56789", "bytes 5-9/10"),
    ],
)
def test_ranges(link: str, wanted: str, content: bytes, span: str) -> None:
    found = requests.get(link, headers={"Range": wanted}, timeout=5)
    assert (found.status_code, found.content, found.headers["Content-Range"]) == (206, content, span)
    assert found.headers["Accept-Ranges"] == "bytes"


def test_conditional_reads(s3: Minio, bucket: str, key: str, link: str) -> None:
    etag = quoted(s3.stat_object(bucket, key).etag)
    yesterday, tomorrow = (
        (datetime.now(UTC) + timedelta(days=days)).strftime("%a, %d %b %Y %H:%M:%S GMT") for days in (-1, 1)
    )

    def status(**headers: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.get(link, headers=named, timeout=5).status_code

    assert status(If_None_Match=etag) == 304
    assert status(If_None_Match='"otro"') == 200
    assert status(If_Match=etag) == 200
    assert status(If_Match='"otro"') == 412
    assert status(If_Modified_Since=yesterday) == 200
    assert status(If_Modified_Since=tomorrow) == 304
    assert status(If_Unmodified_Since=yesterday) == 412
    assert status(If_Unmodified_Since=tomorrow) == 200


def test_writing_only_over_what_was_read(s3: Minio, bucket: str, key: str) -> None:
    put(s3, bucket, key, b"uno")
    read = quoted(s3.stat_object(bucket, key).etag)
    s3._execute("PUT", bucket, key, body=b"dos", headers={"If-Match": read})
    again = refusal(lambda: s3._execute("PUT", bucket, key, body=b"tres", headers={"If-Match": read}))
    assert again == ("PreconditionFailed", 412)
    assert get(s3, bucket, key) == b"dos"


# Copias


def test_a_copy_may_have_its_own_metadata(s3: Minio, bucket: str, key: str) -> None:
    put(s3, bucket, key, b"x", metadata={"autor": "ana"})
    changed = {"Content-Type": "text/csv", "x-amz-meta-autor": "luis"}
    s3.copy_object(bucket, key, CopySource(bucket, key), metadata=changed, metadata_directive=REPLACE)
    found = s3.stat_object(bucket, key)
    assert (found.content_type, (found.metadata or {})["x-amz-meta-autor"]) == ("text/csv", "luis")
    assert get(s3, bucket, key) == b"x"


def test_a_copy_goes_to_another_bucket(s3: Minio, bucket: str, key: str) -> None:
    other = new_bucket(s3)
    put(s3, bucket, key, b"viaja")
    s3.copy_object(other, "llegó/ñandú.txt", CopySource(bucket, key))
    assert get(s3, other, "llegó/ñandú.txt") == b"viaja"
    s3.copy_object(bucket, f"{key}.vuelta", CopySource(other, "llegó/ñandú.txt"))
    assert get(s3, bucket, f"{key}.vuelta") == b"viaja"


def test_a_copy_of_what_is_not_there(s3: Minio, bucket: str, key: str) -> None:
    assert refusal(lambda: s3.copy_object(bucket, "x", CopySource(bucket, key))) == ("NoSuchKey", 404)
    assert refusal(lambda: s3.copy_object("no-existe-este", "x", CopySource(bucket, key)))[1] == 404


def test_a_conditional_copy(s3: Minio, bucket: str, key: str) -> None:
    put(s3, bucket, key)
    source = CopySource(bucket, key, match_etag="otro")
    assert refusal(lambda: s3.copy_object(bucket, f"{key}.copia", source)) == ("PreconditionFailed", 412)
    s3.copy_object(bucket, f"{key}.copia", CopySource(bucket, key, match_etag=s3.stat_object(bucket, key).etag))


def test_an_old_version_is_brought_back_by_copying_it(s3: Minio, key: str) -> None:
    bucket = new_bucket(s3, versioned=True)
    first = put(s3, bucket, key, b"bueno")
    put(s3, bucket, key, b"malo")
    s3.copy_object(bucket, key, CopySource(bucket, key, version_id=first))
    assert get(s3, bucket, key) == b"bueno"
    assert len(list(s3.list_objects(bucket, prefix=key, include_version=True))) == 3


def test_suspending_versions_keeps_those_that_were(s3: Minio, key: str) -> None:
    bucket = new_bucket(s3, versioned=True)
    kept = put(s3, bucket, key, b"con version")
    s3.set_bucket_versioning(bucket, VersioningConfig(SUSPENDED))
    assert s3.get_bucket_versioning(bucket).status == SUSPENDED
    for data in (b"uno", b"dos"):
        put(s3, bucket, key, data)
    assert (get(s3, bucket, key), get(s3, bucket, key, version_id=kept)) == (b"dos", b"con version")
    assert len(list(s3.list_objects(bucket, prefix=key, include_version=True))) == 2


# Nombres, páginas y etiquetas


@pytest.mark.parametrize(
    "name",
    [
        "con espacio.txt",
        "más+menos=igual&y.txt",
        "porcentaje%20literal.txt",
        "日本/写真.png",
        "emoji-🦉.txt",
        "comillas'\"<>&.xml",
        "(uno) [dos] {tres}.txt",
        "~tilde,coma;punto!.txt",
        "a" * 200 + "/" + "ñ" * 100,
        "sin/fondo/y/muy/hondo/de/verdad/hasta/aquí/abajo.txt",
    ],
    ids=lambda name: name[:12],
)
def test_any_name_comes_back(s3: Minio, bucket: str, name: str) -> None:
    put(s3, bucket, name, name.encode())
    assert name in [item.object_name for item in s3.list_objects(bucket, recursive=True)]
    assert [item.object_name for item in s3.list_objects(bucket, prefix=name, recursive=True)] == [name]
    assert get(s3, bucket, name) == name.encode()
    assert requests.get(s3.presigned_get_object(bucket, name), timeout=5).content == name.encode()
    s3.remove_object(bucket, name)
    assert list(s3.list_objects(bucket, prefix=name, recursive=True)) == []


def test_listing_comes_in_pages_and_in_byte_order(s3: Minio) -> None:
    bucket = new_bucket(s3)
    names = [*(f"{number:02}" for number in range(20)), "B", "Z", "a", "z/1", "z/2", "z0", "á"]
    for name in names:
        put(s3, bucket, name, b"")
    assert [item.object_name for item in s3._list_objects(bucket, max_keys=7)] == names
    found = s3._list_objects(bucket, max_keys=3, delimiter="/", prefix="z")
    assert sorted((item.object_name, item.is_dir) for item in found) == [("z/", True), ("z0", False)]
    page = s3._execute("GET", bucket, query_params={"list-type": "2", "max-keys": "7"}).data.decode()
    assert "<IsTruncated>true</IsTruncated>" in page
    assert "<KeyCount>7</KeyCount>" in page


def test_a_folder_is_not_a_name_apart(server: Server, s3: Minio) -> None:
    if server.is_seaweedfs:
        pytest.skip("SeaweedFS guarda carpetas de verdad y las ordena por su nombre: «z/1» sale antes que «z-»")
    bucket = new_bucket(s3)
    for name in ("z/1", "z-"):
        put(s3, bucket, name, b"")
    assert [item.object_name for item in s3.list_objects(bucket, recursive=True)] == ["z-", "z/1"]


def test_tags_of_a_bucket(s3: Minio) -> None:
    bucket = new_bucket(s3)
    assert s3.get_bucket_tags(bucket) is None
    tags = Tags.new_bucket_tags()
    tags["curso"] = "microservicios"
    s3.set_bucket_tags(bucket, tags)
    assert dict(s3.get_bucket_tags(bucket) or {}) == {"curso": "microservicios"}
    s3.delete_bucket_tags(bucket)
    assert s3.get_bucket_tags(bucket) is None


def test_changing_the_tags_leaves_the_object_alone(s3: Minio, bucket: str, key: str) -> None:
    put(s3, bucket, key, b"quieto", metadata={"autor": "ana"})
    before = s3.stat_object(bucket, key)
    tags = Tags.new_object_tags()
    tags["revisado"] = "sí hoy"
    s3.set_object_tags(bucket, key, tags)
    after = s3.stat_object(bucket, key)
    assert (after.etag, (after.metadata or {})["x-amz-meta-autor"]) == (before.etag, "ana")
    assert dict(s3.get_object_tags(bucket, key) or {}) == {"revisado": "sí hoy"}
    assert refusal(lambda: s3.set_object_tags(bucket, "no-está", tags)) == ("NoSuchKey", 404)


def test_headers_of_the_object_are_kept(s3: Minio, bucket: str, key: str) -> None:
    headers = {"Cache-Control": "max-age=60", "Content-Disposition": 'inline; filename="a.png"'}
    put(s3, bucket, key, metadata=headers)
    found = requests.get(s3.presigned_get_object(bucket, key), timeout=5).headers
    assert {name: found[name] for name in headers} == headers


# Reglas del bucket


def test_lifecycle_rules_of_several_kinds_are_stored_and_read_back(s3: Minio) -> None:
    """Tampoco aquí caduca nada: se ve que quedan guardadas como se mandaron."""
    bucket = new_bucket(s3)
    rules = [
        Rule(ENABLED, rule_filter=Filter(prefix="tmp/"), rule_id="tmp", expiration=Expiration(days=1)),
        Rule(
            ENABLED,
            rule_filter=Filter(prefix=""),
            rule_id="a-medias",
            abort_incomplete_multipart_upload=AbortIncompleteMultipartUpload(days_after_initiation=2),
        ),
    ]
    s3.set_bucket_lifecycle(bucket, LifecycleConfig(rules))
    kept = s3.get_bucket_lifecycle(bucket)
    assert kept is not None
    found = {rule.rule_id: rule for rule in kept.rules}
    assert set(found) == {"tmp", "a-medias"}
    assert getattr(found["tmp"].expiration, "days", None) == 1
    abort = found["a-medias"].abort_incomplete_multipart_upload
    assert getattr(abort, "days_after_initiation", None) == 2


def test_policies_that_are_not(s3: Minio) -> None:
    bucket = new_bucket(s3)
    assert refusal(lambda: s3.get_bucket_policy(bucket)) == ("NoSuchBucketPolicy", 404)
    assert refusal(lambda: s3.set_bucket_policy(bucket, '{"Version":"2012-10-17","Statement":"nada"}')) == (
        "MalformedPolicy",
        400,
    )


# Lo que se firma


def signed_put(server: Server, path: str, body: bytes, *, sha256: str, when: datetime) -> requests.Response:
    """Sube `body` con una firma hecha a mano: con la suma y la fecha que se digan."""
    url = urlsplit(server.url(path))
    headers = {"host": url.netloc, "x-amz-content-sha256": sha256, "x-amz-date": when.strftime("%Y%m%dT%H%M%SZ")}
    signed = sign_v4_s3(
        method="PUT",
        url=url,
        region="us-east-1",
        headers=headers,
        credentials=Credentials(server.access_key, server.secret_key),
        content_sha256=sha256,
        date=when,
    )
    return requests.put(url.geturl(), data=body, headers=signed, timeout=5)


def test_bytes_must_be_those_that_were_signed(server: Server, s3: Minio, bucket: str, key: str) -> None:
    if server.is_seaweedfs:
        pytest.skip("SeaweedFS no compara los bytes con la suma SHA-256 que se firmó (con Content-MD5, sí)")
    sha256, now = hashlib.sha256(b"lo firmado").hexdigest(), datetime.now(UTC)
    changed = signed_put(server, f"{bucket}/{key}", b"otra cosa!", sha256=sha256, when=now)
    assert (changed.status_code, "XAmzContentSHA256Mismatch" in changed.text) == (400, True)
    assert refusal(lambda: s3.stat_object(bucket, key)) == ("NoSuchKey", 404)
    assert signed_put(server, f"{bucket}/{key}", b"lo firmado", sha256=sha256, when=now).status_code == 200
    assert get(s3, bucket, key) == b"lo firmado"


def test_a_signature_from_another_hour(server: Server, bucket: str, key: str) -> None:
    sha256 = hashlib.sha256(b"x").hexdigest()
    old = signed_put(
        server, f"{bucket}/{key}", b"x", sha256=sha256, when=datetime.now(UTC) - timedelta(minutes=30)
    )
    assert (old.status_code, "RequestTimeTooSkewed" in old.text) == (403, True)


def test_a_signed_upload_link_expires_and_is_only_for_its_key(s3: Minio, bucket: str, key: str) -> None:
    link = s3.presigned_put_object(bucket, key, expires=timedelta(minutes=5))
    assert requests.put(link.replace(key, "otra"), data=b"x", timeout=5).status_code == 403
    assert requests.get(link, timeout=5).status_code == 403
    when = datetime.now(UTC) - timedelta(seconds=3)
    late = s3.get_presigned_url("PUT", bucket, key, expires=timedelta(seconds=1), request_date=when)
    assert requests.put(late, data=b"x", timeout=5).status_code == 403
    assert refusal(lambda: s3.stat_object(bucket, key)) == ("NoSuchKey", 404)


def test_a_form_uploads_only_what_it_allows(server: Server, s3: Minio, bucket: str, key: str) -> None:
    policy = PostPolicy(bucket, datetime.now(UTC) + timedelta(minutes=5))
    policy.add_equals_condition("key", key)
    policy.add_starts_with_condition("Content-Type", "image/")
    policy.add_content_length_range_condition(1, 100)
    fields = s3.presigned_post_policy(policy)

    def send(data: bytes, *, key: str = key, kind: str = "image/png") -> int:
        form = fields | {"key": key, "Content-Type": kind}
        return requests.post(server.url(bucket), data=form, files={"file": ("a.png", data)}, timeout=5).status_code

    assert send(b"x" * 500) >= 400
    assert send(b"x", key="otra") == 403
    assert send(b"x", kind="text/html") == 403
    assert refusal(lambda: s3.stat_object(bucket, key)) == ("NoSuchKey", 404)
    assert send(b"imagen") in {200, 204}
    assert get(s3, bucket, key) == b"imagen"
