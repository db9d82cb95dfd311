"""Las páginas de Redis, contra un Redis en marcha: qué enseñan, y que solo miran."""

from __future__ import annotations

import html
import re
import shlex
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import redis

from stack.console.app import console
from tests.support.asgi import Answer, get
from tests.support.running import free_port, running


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running("redis", root=tmp_path_factory.mktemp("redis")) as env:
        yield env["REDIS_URL"]


@pytest.fixture
def db(url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(url) as client:
        client.flushall()
        yield client


@pytest.fixture
def app(url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("REDIS_URL", url)
    monkeypatch.delenv("STACKLAB_FIDELITY_REDIS", raising=False)
    return console()


def value(app: Any, key: bytes | str) -> Answer:
    return get(app, f"/redis/clave?clave={quote(key, safe='')}")


def shlex_bytes(command: str) -> list[bytes]:
    """Las palabras de una orden como las entiende redis-cli: con comillas y `\\xNN`."""
    words = shlex.split(command.replace("\\x", "\\\\x"))
    return [
        word.encode().decode("unicode_escape").encode("latin-1") if "\\x" in word else word.encode()
        for word in words
    ]


def cells(text: str) -> list[list[str]]:
    """Las filas de las tablas, cada celda sin etiquetas."""
    rows = re.findall(r"<tr>(.*?)</tr>", text, re.DOTALL)
    found = [re.findall(r"<td.*?>(.*?)</td>", row, re.DOTALL) for row in rows]
    return [[" ".join(re.sub(r"<[^>]+>", "", cell).split()) for cell in row] for row in found if row]


def test_empty(db: redis.Redis, app: Any) -> None:
    page = get(app, "/redis")
    assert page.status == 200
    assert "Redis está vacío" in page.text


def test_keys_with_type_ttl_and_size(db: redis.Redis, app: Any) -> None:
    db.set("avatar:ana", "x" * 1500, ex=245)
    db.zadd("puntos", {"ana": 1, "luis": 2})
    db.set(b"\xff\x00", "1")
    page = get(app, "/redis")
    rows = {row[0]: row[1:] for row in cells(page.text)}
    assert rows["avatar:ana"][0::2] == ["string", "1,5 kB"]
    assert rows["avatar:ana"][1] in {"en 4 min 5 s", "en 4 min 4 s"}
    assert rows["puntos"] == ["zset", "nunca", "2 elementos"]
    assert '/redis/clave?clave=%FF%00"' in page.text
    assert "real · Valkey" in page.text


def test_search(db: redis.Redis, app: Any) -> None:
    for name in ("avatar:ana", "avatar:luis", "sesión:ana", "a*b"):
        db.set(name, "x")
    found = {
        asked: [row[0] for row in cells(get(app, f"/redis?patron={quote(asked)}").text)]
        for asked in ("ana", "avatar:*", "[as]*:ana", "zzz")
    }
    assert found == {
        "ana": ["avatar:ana", "sesión:ana"],
        "avatar:*": ["avatar:ana", "avatar:luis"],
        "[as]*:ana": ["avatar:ana", "sesión:ana"],
        "zzz": [],
    }


def test_many_keys_come_in_batches_and_none_is_lost(db: redis.Redis, app: Any) -> None:
    names = {f"cache:{number}" for number in range(1000)}
    db.mset(dict.fromkeys(names, "x"))
    seen: set[str] = set()
    path = "/redis?patron=cache:*"
    for _ in range(30):
        page = get(app, path)
        seen |= {row[0] for row in cells(page.text)}
        more = re.search(r'href="\?patron=([^"]*)&amp;cursor=(\d+)"', page.text)
        if more is None:
            break
        assert len(cells(page.text)) < 400
        path = f"/redis?patron={more[1]}&cursor={more[2]}"
    assert seen == names


def test_string_json_binary_and_links(db: redis.Redis, app: Any) -> None:
    db.set("j", '{"url":"http://127.0.0.1:9000/a?b=1&c=2","otra":"https://otro.ejemplo/"}')
    page = value(app, "j").text
    assert '<a href="http://127.0.0.1:9000/a?b=1&amp;c=2" rel="noreferrer">' in page
    assert "otro.ejemplo" in page
    assert 'href="https://otro' not in page
    db.set("b", b"\xff\xfe")
    assert "ff fe" in value(app, "b").text
    db.set("h", "<script>alert(1)</script>")
    assert "<script>" not in value(app, "h").text
    db.set("largo", "x" * 1_000_000)
    page = value(app, "largo").text
    assert "Solo el principio, de 1,0 MB en total." in page
    assert len(page) < 60_000


def test_every_kind_of_value(db: redis.Redis, app: Any) -> None:
    db.hset("ficha", mapping={"usuario": "ana", "rol": ""})
    assert cells(value(app, "ficha").text) == [["rol", "vacío"], ["usuario", "ana"]]
    db.rpush("cola", "b", "a")
    assert cells(value(app, "cola").text) == [["0", "b"], ["1", "a"]]
    db.sadd("juntos", "luis", "ana")
    assert cells(value(app, "juntos").text) == [["ana"], ["luis"]]
    db.zadd("puntos", {"ana": 1.5, "luis": 20})
    assert cells(value(app, "puntos").text) == [["1.º", "luis", "20"], ["2.º", "ana", "1,5"]]
    db.xadd("pedidos", {"n": 1}, id="1700000000000-0")
    db.xadd("pedidos", {"n": 2}, id="1700000000000-1")
    db.xgroup_create("pedidos", "facturas", id="0")
    db.xreadgroup("facturas", "uno", {"pedidos": ">"}, count=1)
    entries = cells(value(app, "pedidos").text)
    assert [row[0] for row in entries[:2]] == ["1700000000000-1", "1700000000000-0"]
    assert entries[2] == ["facturas", "1", "1", "1700000000000-0", "1"]


def test_a_large_collection_is_cut_and_says_so(db: redis.Redis, app: Any) -> None:
    db.sadd("muchos", *range(5000))
    page = value(app, "muchos").text
    assert len(cells(page)) <= 200
    assert "de 5000." in page


def test_a_key_that_is_not_there(db: redis.Redis, app: Any) -> None:
    page = value(app, "<nada>")
    assert page.status == 404
    assert "«&lt;nada&gt;»" in page.text


def test_names_may_be_any_bytes(db: redis.Redis, app: Any) -> None:
    for key in (b"\xff\x00", b"", "ñ &?/#+".encode()):
        db.set(key, "aquí estoy")
        page = value(app, key).text
        assert "aquí estoy" in page
        command = html.unescape(re.findall(r"<code>(GET .*?)</code>", page)[0])
        # La orden que se enseña, entendida como la entiende redis-cli, lee esa clave.
        assert shlex_bytes(command) == [b"GET", key]


def test_looking_changes_nothing(db: redis.Redis, app: Any) -> None:
    db.set("k", "v", px=500_000)
    before = db.pexpiretime("k")
    get(app, "/redis")
    value(app, "k")
    assert (db.pexpiretime("k"), db.get("k"), db.dbsize()) == (before, b"v", 1)


def test_stopped(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", f"redis://:secreta@127.0.0.1:{free_port()}/0")
    before = time.monotonic()
    for path in ("/redis", "/redis/clave?clave=x"):
        page = get(app, path)
        assert page.status == 503
        assert "stacklab up redis" in page.text
        assert "secreta" not in page.text
    assert time.monotonic() - before < 3
