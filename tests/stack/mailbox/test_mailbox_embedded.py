"""Lo propio del suplente del buzón: topes, correos mal hechos, lo que no cubre y páginas que no se fían."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest

from stack.mailbox.embedded.models import Mailbox
from stack.mailbox.embedded.parsing import Address, parse
from stack.mailbox.embedded.responses import moment
from stack.mailbox.embedded.smtp import received
from stack.mailbox.embedded.urls import mailbox_app
from tests.support.asgi import Answer, ask

LETTER = b"From: Ana <ana@e.example>\r\nTo: luis@e.example\r\nSubject: Hola\r\n\r\nQue tal\r\n"
PAGE = (
    b"From: x@e.example\r\nSubject: <script>alert(1)</script>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n"
    b'<script>alert(2)</script><img src="cid:a"><img src="https://fuera.example/espia.png">\r\n'
    b"--b\r\nContent-Type: text/html\r\nContent-Disposition: attachment; filename=malo.html\r\n\r\n"
    b"<script>alert(3)</script>\r\n--b--\r\n"
)


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


class Web:
    """La aplicación del buzón, sin abrir ningún puerto."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._app = mailbox_app(mailbox)

    def ask(self, method: str, path: str, headers: Mapping[str, str] | None = None, **query: str) -> Answer:
        target = f"{path}?{urlencode(query)}" if query else path
        return ask(self._app, method, target, headers)

    def get(self, path: str, **query: str) -> Answer:
        return self.ask("GET", path, **query)


@pytest.fixture
def web(mailbox: Mailbox) -> Web:
    return Web(mailbox)


def test_the_oldest_go_when_there_are_too_many_or_too_big() -> None:
    few = Mailbox(max_messages=3)
    kept = [few.receive(LETTER) for _ in range(5)][2:]
    assert few.newest_first() == kept[::-1]
    small = Mailbox(max_bytes=3 * len(LETTER))
    for _ in range(5):
        small.receive(LETTER)
    assert (len(small), small.size) == (3, 3 * len(LETTER))
    small.receive(b"Subject: enorme\r\n\r\n" + b"x" * 10_000)
    assert [one.content.subject for one in small.newest_first()] == ["enorme"], "uno solo cabe siempre"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n",
        b"sin cabeceras ni nada",
        b"From: \r\nTo: ,,;\r\nDate: ayer\r\n\r\nx",
        b"From: =?inventado?q?=FF?= <a@b.example>\r\n\r\nx",
        b"Content-Type: text/plain; charset=klingon\r\n\r\n\xc3\xb1",
        b"Content-Type: multipart/mixed\r\n\r\nsin frontera",
        b"Content-Type: multipart/x; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\n%%%\r\n",
        b"To: " + b"a@b.example, " * 300 + b"\r\n\r\nx",
        b"Message-ID: <[>\r\nIn-Reply-To: <\r\n\r\nx",
        bytes(range(256)),
    ],
)
def test_nothing_that_arrives_breaks_it(web: Web, mailbox: Mailbox, raw: bytes) -> None:
    mailbox.receive(raw)
    for path in ("/", "/view/latest", "/view/latest/html", "/api/v1/messages", "/api/v1/message/latest"):
        assert web.get(path).status == 200, path
    assert web.get("/api/v1/message/latest/raw").body == raw


def test_a_charset_that_does_not_exist_is_read_as_it_can() -> None:
    assert parse(b"Content-Type: text/plain; charset=klingon\r\n\r\n\xc3\xb1").text == "ñ"


def test_a_message_inside_another_is_an_attachment() -> None:
    inner = b"From: a@b.example\r\nSubject: dentro\r\n\r\nhola\r\n"
    content = parse(
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nfuera\r\n--b\r\n"
        b"Content-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--b--\r\n"
    )
    assert content.text == "fuera"
    (part,) = content.attachments
    assert part.content_type == "message/rfc822"
    assert b"Subject: dentro" in part.content


def test_whoever_was_not_named_is_told_in_bcc() -> None:
    raw = b"To: Ana <ANA@e.example>,\r\n luis@e.example\r\nMessage-ID: <1@e>\r\n\r\nBcc: yo@e.example\r\n"
    added = received("aqui", "127.0.0.1", "de@e.example", ["ana@e.example", "luis@e.example", "yo@e.example"], raw)
    assert added.endswith(b"\r\nReturn-Path: <de@e.example>\r\nBcc: yo@e.example\r\n"), "lo del cuerpo no cuenta"
    content = parse(added + raw)
    assert content.bcc == (Address("", "yo@e.example"),)
    assert content.message_id == "1@e"


def test_instants_are_written_as_the_real_one_does() -> None:
    assert moment(datetime(2026, 11, 24, 9, 5, tzinfo=UTC)) == "2026-11-24T09:05:00Z"
    assert moment(datetime.fromisoformat("2026-11-24T10:05:00.250+01:00")) == "2026-11-24T10:05:00.250+01:00"


@pytest.mark.parametrize("query", ["tag:notas", "larger:2M", "-has:inline", "before:ayer"])
def test_a_search_it_does_not_know_says_so_and_finds_nothing_by_guess(web: Web, query: str) -> None:
    answer = web.ask("GET", "/api/v1/search", query=query)
    assert answer.status == 501
    assert "no sabe buscar" in json.loads(answer.text)["error"]
    assert "no sabe buscar" in web.get("/", q=query).text


def test_what_it_does_not_imitate_is_501(web: Web, mailbox: Mailbox) -> None:
    mailbox.receive(LETTER)
    for method, path in (
        ("POST", "/api/v1/send"),
        ("GET", "/api/v1/tags"),
        ("GET", "/api/v1/message/latest/html-check"),
    ):
        answer = web.ask(method, path, {"accept": "*/*"})
        assert answer.status == 501
        assert "/cobertura" in json.loads(answer.text)["error"]


def test_a_hostile_letter_can_only_be_looked_at(web: Web, mailbox: Mailbox) -> None:
    mailbox.receive(PAGE)
    for path in ("/", "/view/latest"):
        assert "<script>alert" not in web.get(path).text
    policy = web.get("/view/latest/html").headers["content-security-policy"]
    assert policy.startswith("sandbox allow-popups")
    assert "allow-scripts" not in policy
    assert "default-src 'none'" in policy
    assert "img-src 'self' data:" in policy, "ninguna imagen de fuera avisa a nadie de que se ha leído"
    part = web.get("/api/v1/message/latest/part/2")
    assert part.body == b"<script>alert(3)</script>"
    assert part.headers["content-security-policy"].startswith("sandbox")
    assert part.headers["x-content-type-options"] == "nosniff"


def test_only_this_machine_may_read_and_only_these_pages_may_delete(web: Web, mailbox: Mailbox) -> None:
    mailbox.receive(LETTER)
    assert web.ask("GET", "/api/v1/messages", {"host": "malo.example"}).status == 403
    foreign = {"origin": "https://malo.example"}
    for method, path in (("DELETE", "/api/v1/messages"), ("POST", "/borrar")):
        assert web.ask(method, path, foreign).status == 403
    assert len(mailbox) == 1


def test_the_pages_show_search_and_delete(web: Web, mailbox: Mailbox) -> None:
    assert "Aún no ha llegado ningún correo" in web.get("/").text
    for number in range(60):
        mailbox.receive(LETTER.replace(b"Hola", f"Aviso {number}".encode()))
    first, second = web.get("/").text, web.get("/", pagina="2").text
    assert "Aviso 59" in first
    assert "Aviso 9<" not in first
    assert "Página 1 de 2" in first
    assert "Aviso 9<" in second
    assert "Ningún correo coincide con «nada»" in web.get("/", q="nada").text
    identifier = mailbox.newest_first()[0].identifier
    page = web.get(f"/view/{identifier}").text
    assert "Ana" in page
    assert "Que tal" in page
    assert web.ask("POST", "/borrar", id=identifier).status == 303
    assert len(mailbox) == 59
    assert web.get(f"/view/{identifier}").status == 404
    web.ask("POST", "/borrar")
    assert len(mailbox) == 0
