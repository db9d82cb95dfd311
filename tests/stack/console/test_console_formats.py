"""Cómo se enseñan números, plazos, bytes y enlaces en la consola."""

from __future__ import annotations

import pytest

from stack.console import content, spanish
from stack.console.fidelity import badge
from stack.kafka.service import KAFKA
from stack.minio.service import MINIO
from stack.redis.service import REDIS


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1,0 kB"),
        (48_213, "48,2 kB"),
        (999_949, "999,9 kB"),
        (999_950, "1,0 MB"),
        (5_300_000_000, "5,3 GB"),
        (7_000_000_000_000_000, "7000,0 TB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert spanish.size(count) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (850, "850 ms"),
        (1000, "1 s"),
        (59_999, "59 s"),
        (60_000, "1 min"),
        (245_000, "4 min 5 s"),
        (3_780_000, "1 h 3 min"),
        (172_799_000, "47 h 59 min"),
        (172_800_000, "2 días"),
    ],
)
def test_deadlines(milliseconds: int, text: str) -> None:
    assert spanish.lasting(milliseconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(1500.0, "1500"), (-3.25, "-3,25"), (12_345.0, "12\u202f345"), (1e300, "1e+300")]
)
def test_scores(value: float, text: str) -> None:
    assert spanish.decimal(value) == text


def test_infinite_scores_do_not_break_the_page() -> None:
    assert (spanish.decimal(float("inf")), spanish.decimal(float("-inf"))) == ("∞", "-∞")


@pytest.mark.parametrize(
    ("data", "kind", "text"),
    [
        (b"", "empty", ""),
        ("niño\t€\n".encode(), "text", "niño\t€\n"),
        (b'{"a":[1]}', "json", '{\n  "a": [\n    1\n  ]\n}'),
        (b'{"a":', "text", '{"a":'),
        (b"1284", "text", "1284"),
        (b"\xff\x00", "hex", "ff 00"),
        (b"a\x00b", "hex", "61 00 62"),
        (b"[" * 100_000, "text", "[" * content.LONGEST_TEXT),
    ],
)
def test_bytes(data: bytes, kind: str, text: str) -> None:
    found = content.shown(data)
    assert (found.kind, found.text, found.size) == (kind, text, len(data))
    assert found.cut == (len(data) > content.LONGEST_TEXT)


def test_a_cut_in_the_middle_of_a_letter_is_still_text() -> None:
    found = content.shown("añ".encode()[:2], size=3)
    assert (found.kind, found.text, found.size, found.cut) == ("text", "a", 3, True)


@pytest.mark.parametrize(
    ("raw", "text"), [(b"avatar:ana", "avatar:ana"), (b"", ""), (b'\xff\x00"', r'"\xff\x00\x22"')]
)
def test_names(raw: bytes, text: str) -> None:
    assert content.name(raw) == text


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9000/avatares/ana.png?X-Amz-Signature=1&b=2",
        "http://localhost/x",
        "http://[::1]:9000/x",
    ],
)
def test_links_to_this_machine_can_be_followed(url: str) -> None:
    found = list(content.pieces(f'{{"url": "{url}"}}, y ya.'))
    assert [piece.href for piece in found if piece.href] == [url]
    assert "".join(piece.text for piece in found) == f'{{"url": "{url}"}}, y ya.'


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/x",
        "http://otro.ejemplo/x",
        "http://127.0.0.1.otro.ejemplo/",
        "http://127.0.0.1@otro.ejemplo/",
        "http://usuario@127.0.0.1/",
        "http://[::1",
        "http://localhost:99999999/",
        "javascript:alert(1)//http:/localhost",
    ],
)
def test_other_links_are_only_text(url: str) -> None:
    assert [piece.text for piece in content.pieces(url)] == [url]


def test_the_badge_never_hides_who_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REDIS", "MINIO", "KAFKA"):
        monkeypatch.delenv(f"STACKLAB_FIDELITY_{name}", raising=False)
        monkeypatch.delenv(f"STACKLAB_PRODUCT_{name}", raising=False)
    assert badge(MINIO).text == f"real · {MINIO.embedded.product}"
    assert badge(REDIS, "Valkey 9.1").text == "real · Valkey 9.1"
    monkeypatch.setenv("STACKLAB_FIDELITY_MINIO", "docker")
    assert (badge(MINIO).colour, badge(MINIO).text) == ("docker", "real · MinIO en Docker")
    monkeypatch.setenv("STACKLAB_FIDELITY_REDIS", "embedded")
    assert (badge(REDIS, "").colour, badge(REDIS, "fakeredis").text) == ("embedded", "suplente · fakeredis")
    # El de verdad no se llama como el suplente, aunque nadie haya dicho qué programa es.
    monkeypatch.setenv("STACKLAB_FIDELITY_KAFKA", "binary")
    assert badge(KAFKA).text == "real · Kafka"
    monkeypatch.setenv("STACKLAB_PRODUCT_KAFKA", "Apache Kafka 4.3.1")
    assert (badge(KAFKA).text, badge(KAFKA).note) == ("real · Apache Kafka 4.3.1", "")
    monkeypatch.setenv("STACKLAB_FIDELITY_MINIO", "binary")
    monkeypatch.setenv("STACKLAB_PRODUCT_MINIO", "SeaweedFS 4.48")
    assert "hace aquí de MinIO" in badge(MINIO).note
