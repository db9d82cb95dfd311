"""El microservicio de subidas, en marcha: qué acepta, qué rechaza, y que al rechazar no queda nada."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from urllib3 import BaseHTTPResponse

from tests.support.avatars import Person, picture


def _text(answer: BaseHTTPResponse) -> str:
    return str(json.loads(answer.data)["detail"])


def test_a_good_picture_is_stored_announced_and_remembered(person: Person) -> None:
    content = picture("JPEG", (640, 480))
    answer = person.upload(content)
    assert answer.status == 200
    url = json.loads(answer.data)["url"]
    stored = person.get(url)
    assert (stored.status, stored.data, stored.headers["Content-Type"]) == (200, content, "image/jpeg")
    assert stored.headers["X-Content-Type-Options"] == "nosniff"
    assert person.redis.get(f"avatar:{person.name}") == url
    assert 0 < int(str(person.redis.ttl(f"avatar:{person.name}"))) <= 3600
    ((value, _),) = person.messages()
    event = json.loads(value)
    assert event["event"] == "avatar_subido"
    assert url.endswith(event["key"])


@pytest.mark.parametrize(("content", "status", "says"), [
    (b"", 422, "vacío"),
    (b"no soy una foto", 415, "PNG, JPEG o WebP"),
    (picture("GIF"), 415, "PNG, JPEG o WebP"),
    (picture("JPEG", (1200, 900))[:-900], 422, "cortada o dañada"),
    (picture("PNG")[:60], 422, "cortada o dañada"),
], ids=["vacía", "texto", "gif", "jpeg cortado", "png cortado"])  # fmt: skip
def test_a_bad_picture_gets_its_reason_and_leaves_nothing(
    person: Person, content: bytes, status: int, says: str
) -> None:
    answer = person.upload(content)
    assert answer.status == status
    assert says in _text(answer)
    _nothing_left(person)


def test_twenty_megabytes_are_refused_at_the_door(person: Person) -> None:
    assert person.upload(b"\x89PNG\r\n\x1a\n" + b"\0" * (20 << 20)).status == 413
    _nothing_left(person)


def test_twenty_megabytes_are_refused_by_the_service_too(person: Person) -> None:
    answer = person.upload(b"\x89PNG\r\n\x1a\n" + b"\0" * (20 << 20), base="UPLOADS_URL")
    assert answer.status == 413
    assert "10 MB" in _text(answer)
    _nothing_left(person)


def test_a_body_that_does_not_say_its_size_is_cut_at_the_limit(person: Person) -> None:
    def endless() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
        for _ in range(12):
            yield b"\0" * (1 << 20)
        yield b"\r\n--x--\r\n"

    answer = person.http.request(
        "POST",
        person.url("UPLOADS_URL/api/upload/avatar"),
        body=endless(),
        chunked=True,
        headers={
            "Authorization": f"Bearer {person.token()}",
            "Content-Type": "multipart/form-data; boundary=x",
        },
    )
    assert answer.status == 413
    _nothing_left(person)


def test_without_the_field_there_is_nothing_to_store(person: Person) -> None:
    assert person.upload(picture(), field="foto").status == 422
    _nothing_left(person)


@pytest.mark.parametrize(
    "token",
    [
        lambda person: "",
        lambda person: "esto.no.vale",
        lambda person: person.token(secret="otro secreto, igual de largo que uno bueno"),
        lambda person: person.token(exp=1),
        lambda person: person.token(sub="../otra"),
    ],
    ids=["sin token", "ilegible", "firma falsa", "caducado", "nombre imposible"],
)
def test_who_skips_kong_does_not_skip_the_token(person: Person, token: object) -> None:
    assert callable(token)
    assert person.upload(picture(), base="UPLOADS_URL", token=token(person)).status == 401
    _nothing_left(person)


@pytest.mark.parametrize("path", ["ana/nada.png", f"ana/{'0' * 32}.png", "..%2Fana/a.png", f"ana/{'0' * 32}.exe"])
def test_what_does_not_exist_is_a_404(person: Person, path: str) -> None:
    assert person.get(f"UPLOADS_URL/api/avatars/{path}").status == 404


def test_health_and_metrics_with_bounded_labels(person: Person) -> None:
    assert json.loads(person.get("UPLOADS_URL/health").data) == {"status": "ok", "service": "uploads"}
    person.upload(picture())
    text = person.get("UPLOADS_URL/metrics").data.decode()
    assert 'avatar_uploads_total{result="ok"}' in text
    assert 'route="/api/upload/avatar",status="200"' in text
    assert "avatar_upload_duration_seconds_bucket" in text
    assert person.name not in text
    assert "_created" not in text


def _nothing_left(person: Person) -> None:
    assert person.objects() == {}
    assert person.messages() == []
    assert person.redis.get(f"avatar:{person.name}") is None
