"""Contrato del buzón, con smtplib y requests: lo que llega por SMTP es lo que se lee en la API, entero y en orden.

Lo cumplen el suplente y Mailpit, desde la 1.27. Con `STACKLAB_CONTRACT_MAILBOX=http://host:puerto` y
`STACKLAB_CONTRACT_SMTP=host:puerto` corre contra uno que ya esté en marcha (se vacía).
"""

from __future__ import annotations

import hashlib
import os
import smtplib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

import pytest
import requests

PIXEL = bytes.fromhex("89504e470d0a1a0a") + bytes(range(64))


class Box:
    """Un buzón en marcha: por un lado se envía y por el otro se lee."""

    def __init__(self, url: str, smtp: str) -> None:
        self.url = url
        self.host, _, port = smtp.rpartition(":")
        self.port = int(port)
        self.web = requests.Session()

    def smtp(self) -> smtplib.SMTP:
        return smtplib.SMTP(self.host, self.port, timeout=10)

    def send(self, message: EmailMessage, *to: str, sender: str = "") -> None:
        with self.smtp() as connection:
            refused = connection.send_message(message, from_addr=sender or None, to_addrs=list(to) or None)
        assert refused == {}

    def get(self, path: str, **query: Any) -> requests.Response:
        return self.web.get(f"{self.url}/api/v1/{path}", params=query, timeout=10)

    def list(self, **query: Any) -> dict[str, Any]:
        return dict(self.get("messages", **query).json())

    def found(self, query: str) -> list[str]:
        answer = self.get("search", query=query)
        assert answer.status_code == 200, answer.text
        return [message["Subject"] for message in answer.json()["messages"]]

    def read(self, identifier: str = "latest") -> dict[str, Any]:
        return dict(self.get(f"message/{identifier}").json())


@pytest.fixture(scope="module")
def door(started: Callable[..., dict[str, str]]) -> Iterator[Box]:
    url, smtp = os.environ.get("STACKLAB_CONTRACT_MAILBOX"), os.environ.get("STACKLAB_CONTRACT_SMTP")
    if not (url and smtp):
        env = started("mailbox")
        url, smtp = env["MAILBOX_URL"], env["SMTP_URL"].removeprefix("smtp://")
    box = Box(url, smtp)
    yield box
    box.web.close()


@pytest.fixture
def box(door: Box) -> Box:
    assert door.web.delete(f"{door.url}/api/v1/messages", timeout=10).text == "ok"
    return door


def letter(subject: str = "Hola", text: str = "Qué tal.\n", **headers: str) -> EmailMessage:
    message = EmailMessage()
    fields = {"From": "Escuela <avisos@escuela.example>", "To": "Ana <ana@escuela.example>", "Subject": subject}
    for name, value in (fields | {name.replace("_", "-"): value for name, value in headers.items()}).items():
        message[name] = value
    message.set_content(text)
    return message


def test_what_is_sent_is_what_is_read(box: Box) -> None:
    text = "Querida Ana:\n\nLa clase de cálculo empieza a las 17:00. ¡No faltes! 🎓\n"
    sent = letter("Recordatorio: cálculo en 3 horas ⏰", text, Reply_To="tutor@escuela.example")
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    sent["Date"] = format_datetime(at)
    sent["Message-ID"] = "<uno@escuela.example>"
    box.send(sent)
    seen = box.read()
    assert seen["Subject"] == "Recordatorio: cálculo en 3 horas ⏰"
    assert seen["Text"].splitlines() == text.splitlines()
    assert seen["HTML"] == ""
    assert seen["From"] == {"Name": "Escuela", "Address": "avisos@escuela.example"}
    assert seen["To"] == [{"Name": "Ana", "Address": "ana@escuela.example"}]
    assert seen["ReplyTo"] == [{"Name": "", "Address": "tutor@escuela.example"}]
    assert (seen["MessageID"], seen["ReturnPath"]) == ("uno@escuela.example", "avisos@escuela.example")
    assert datetime.fromisoformat(seen["Date"]) == at
    assert (seen["Attachments"], seen["Inline"], seen["Cc"], seen["Bcc"]) == ([], [], [], [])


def test_the_newest_comes_first_and_the_list_has_pages(box: Box) -> None:
    for number in range(5):
        box.send(letter(f"Correo {number}"))
    everything = box.list()
    assert [one["Subject"] for one in everything["messages"]] == [f"Correo {n}" for n in (4, 3, 2, 1, 0)]
    assert (everything["total"], everything["messages_count"], everything["start"]) == (5, 5, 0)
    page = box.list(start=1, limit=2)
    assert [one["Subject"] for one in page["messages"]] == ["Correo 3", "Correo 2"]
    assert (page["start"], page["total"]) == (1, 5)
    assert box.list(start=9)["messages"] == []
    created = [datetime.fromisoformat(one["Created"]) for one in everything["messages"]]
    assert created == sorted(created, reverse=True)
    assert abs(datetime.now(UTC) - created[0]) < timedelta(minutes=1)


def test_a_summary_says_enough_to_choose(box: Box) -> None:
    sent = letter("Notas", "Ya están\nlas notas. " + "Más detalles. " * 40)
    sent.add_attachment(b"1,2\n", maintype="text", subtype="csv", filename="notas.csv")
    box.send(sent)
    one = box.list()["messages"][0]
    assert (one["Subject"], one["Attachments"], one["Read"], one["Tags"]) == ("Notas", 1, False, [])
    assert one["Snippet"].startswith("Ya están las notas. Más detalles.")
    assert 150 < len(one["Snippet"]) < 260
    assert one["Size"] == len(box.get(f"message/{one['ID']}/raw").content)
    # Donde no hay nadie, aquí no hay lista; en el mensaje entero sí, vacía.
    assert (one["Cc"], one["Bcc"], one["ReplyTo"]) == (None, None, [])


def test_reading_marks_as_read_and_it_can_be_undone(box: Box) -> None:
    box.send(letter("a"))
    box.send(letter("b"))
    assert box.list()["unread"] == 2
    identifier = box.read()["ID"]
    seen = box.list()
    assert (seen["unread"], [one["Read"] for one in seen["messages"]]) == (1, [True, False])
    url = f"{box.url}/api/v1/messages"
    assert box.web.put(url, json={"IDs": [identifier], "Read": False}, timeout=10).text == "ok"
    assert box.list()["unread"] == 2
    assert box.web.put(url, json={"Read": True}, timeout=10).text == "ok"
    assert box.list()["unread"] == 0


def test_text_page_picture_and_attachments_each_in_its_place(box: Box) -> None:
    sent = letter("Con todo", "En texto.\n")
    sent.add_alternative('<p>En <b>HTML</b>, con <img src="cid:logo"></p>', subtype="html")
    html = sent.get_payload()[1]
    assert isinstance(html, EmailMessage)
    html.add_related(PIXEL, "image", "png", cid="<logo>", filename="logo.png", disposition="inline")
    document = bytes(range(256)) * 300
    sent.add_attachment(document, maintype="application", subtype="pdf", filename="boletín de Íñigo.pdf")
    box.send(sent)
    seen = box.read()
    assert seen["Text"].strip() == "En texto."
    assert seen["HTML"].strip() == '<p>En <b>HTML</b>, con <img src="cid:logo"></p>'
    (picture,), (attachment,) = seen["Inline"], seen["Attachments"]
    assert (picture["ContentID"], picture["ContentType"], picture["Size"]) == ("logo", "image/png", len(PIXEL))
    assert (attachment["FileName"], attachment["Size"]) == ("boletín de Íñigo.pdf", len(document))
    if "Checksums" in attachment:  # Mailpit los da desde la 1.29
        assert attachment["Checksums"]["SHA256"] == hashlib.sha256(document).hexdigest()
    for part, content in ((picture, PIXEL), (attachment, document)):
        answer = box.get(f"message/{seen['ID']}/part/{part['PartID']}")
        assert answer.content == content
        assert answer.headers["content-type"] == part["ContentType"]


def test_a_message_with_only_a_page_can_still_be_read_as_text(box: Box) -> None:
    sent = letter()
    sent.set_content("<h1>Plan listo</h1><p>Tu plan de <b>álgebra</b> está listo.</p>", subtype="html")
    box.send(sent)
    seen = box.read()
    assert seen["HTML"].startswith("<h1>Plan listo</h1>")
    assert "Tu plan de" in seen["Text"]
    assert "<b>" not in seen["Text"]


def test_everyone_who_got_it_is_there_also_who_was_not_named(box: Box) -> None:
    sent = letter(To="Ana <ana@escuela.example>, luis@escuela.example", Cc="Núria Ñíguez <nuria@escuela.example>")
    box.send(sent, "ana@escuela.example", "luis@escuela.example", "nuria@escuela.example", "jefa@escuela.example")
    seen = box.read()
    assert [one["Address"] for one in seen["To"]] == ["ana@escuela.example", "luis@escuela.example"]
    assert seen["Cc"] == [{"Name": "Núria Ñíguez", "Address": "nuria@escuela.example"}]
    assert [one["Address"] for one in seen["Bcc"]] == ["jefa@escuela.example"]


def test_the_sender_of_the_envelope_is_kept(box: Box) -> None:
    box.send(letter(), sender="rebotes@escuela.example")
    seen = box.read()
    assert (seen["ReturnPath"], seen["From"]["Address"]) == ("rebotes@escuela.example", "avisos@escuela.example")


def test_headers_and_the_whole_message_as_it_travelled(box: Box) -> None:
    box.send(letter(X_Traza="4bf92f3577b34da6a3ce929d0e0e4736"))
    identifier = box.read()["ID"]
    headers = box.get(f"message/{identifier}/headers").json()
    assert headers["X-Traza"] == ["4bf92f3577b34da6a3ce929d0e0e4736"]
    assert headers["To"] == ["Ana <ana@escuela.example>"]
    raw = box.get(f"message/{identifier}/raw")
    assert raw.headers["content-type"].startswith("text/plain")
    assert b"X-Traza: 4bf92f3577b34da6a3ce929d0e0e4736\r\n" in raw.content


def test_one_without_identifier_gets_one(box: Box) -> None:
    box.send(letter())
    assert "@" in box.read()["MessageID"]


@pytest.fixture
def three(box: Box) -> Box:
    """Tres correos distintos en todo."""
    box.send(letter("Matrícula de álgebra", "Plaza confirmada.\n"))
    box.send(letter("Pago recibido", "Gracias.\n", From="Caja <caja@escuela.example>"))
    sent = letter(
        "Notas finales", "Enhorabuena, plaza de honor.\n", To="luis@escuela.example", Cc="ana@escuela.example"
    )
    sent.add_attachment(b"1", maintype="text", subtype="csv", filename="notas.csv")
    box.send(sent)
    return box


@pytest.mark.parametrize(
    ("query", "subjects"),
    [
        ("plaza", ["Notas finales", "Matrícula de álgebra"]),
        ("PLAZA confirmada", ["Matrícula de álgebra"]),
        ('"plaza de honor"', ["Notas finales"]),
        ("subject:pago", ["Pago recibido"]),
        ('subject:"notas finales"', ["Notas finales"]),
        ("from:caja@escuela.example", ["Pago recibido"]),
        ("to:luis", ["Notas finales"]),
        ("cc:ana", ["Notas finales"]),
        ("addressed:luis", ["Notas finales"]),
        ("has:attachment", ["Notas finales"]),
        ("plaza -subject:notas", ["Matrícula de álgebra"]),
        ("is:unread gracias", ["Pago recibido"]),
        ("is:read", []),
        ("before:2020-01-01", []),
        ("after:2020-01-01 pago", ["Pago recibido"]),
        ("subject: pago", ["Pago recibido"]),
        ("nada-de-esto", []),
    ],
)
def test_searching(three: Box, query: str, subjects: list[str]) -> None:
    assert three.found(query) == subjects


def test_a_search_counts_and_can_delete_what_it_finds(three: Box) -> None:
    answer = three.get("search", query="plaza", limit=1).json()
    assert (answer["total"], answer["messages_count"], len(answer["messages"])) == (3, 2, 1)
    assert three.web.delete(f"{three.url}/api/v1/search", params={"query": "plaza"}, timeout=10).text == "ok"
    assert [one["Subject"] for one in three.list()["messages"]] == ["Pago recibido"]
    assert three.get("search", query="").status_code == 400


def test_some_can_be_deleted_and_the_rest_stay(three: Box) -> None:
    identifier = three.list()["messages"][1]["ID"]
    assert three.web.delete(f"{three.url}/api/v1/messages", json={"IDs": [identifier]}, timeout=10).text == "ok"
    assert [one["Subject"] for one in three.list()["messages"]] == ["Notas finales", "Matrícula de álgebra"]
    for gone in (f"message/{identifier}", f"message/{identifier}/raw", "message/nadie/headers"):
        assert three.get(gone).status_code == 404


def test_an_empty_box_is_empty(box: Box) -> None:
    assert (box.list()["total"], box.list()["messages"]) == (0, [])
    assert box.get("message/latest").status_code == 404


def test_it_counts_what_it_took(box: Box) -> None:
    before = box.get("info").json()
    box.send(letter())
    after = box.get("info").json()
    assert (after["Messages"], after["Unread"]) == (1, 1)
    assert after["RuntimeStats"]["SMTPAccepted"] == before["RuntimeStats"]["SMTPAccepted"] + 1


def test_too_many_recipients_are_refused_one_by_one(box: Box) -> None:
    with box.smtp() as connection:
        connection.ehlo()
        connection.mail("avisos@escuela.example")
        codes = [connection.rcpt(f"alumna{number}@escuela.example")[0] for number in range(102)]
    assert codes[:100] == [250] * 100
    assert set(codes[100:]) <= {451, 452}
    assert box.list()["total"] == 0


def test_one_too_big_is_refused_before_it_travels(box: Box) -> None:
    with box.smtp() as connection:
        connection.ehlo()
        most = int(connection.esmtp_features["size"])
        if most == 0:
            pytest.skip("este servidor dice que no pone límite de tamaño (Mailpit lo pone desde la 1.30)")
        assert connection.mail("avisos@escuela.example", [f"SIZE={most}"])[0] == 250
        connection.rset()
        assert connection.mail("avisos@escuela.example", [f"SIZE={most + 1}"])[0] == 552
    assert box.list()["total"] == 0


def test_steps_out_of_order_are_refused(box: Box) -> None:
    with box.smtp() as connection:
        connection.ehlo()
        assert connection.docmd("RCPT TO:<ana@escuela.example>")[0] == 503
        assert connection.docmd("DATA")[0] == 503
        assert connection.docmd("INVENTADA")[0] == 500
        connection.mail("avisos@escuela.example")
        connection.rcpt("ana@escuela.example")
        assert connection.rset()[0] == 250
        assert connection.docmd("DATA")[0] == 503
    assert box.list()["total"] == 0


def test_several_messages_in_one_conversation(box: Box) -> None:
    with box.smtp() as connection:
        for number in range(3):
            connection.send_message(letter(f"Seguido {number}"))
    assert box.list()["total"] == 3


def test_a_line_with_a_dot_is_not_the_end(box: Box) -> None:
    box.send(letter(text="uno\n.\n..dos\ntres\n"))
    assert box.read()["Text"].split() == ["uno", ".", "..dos", "tres"]


@pytest.mark.parametrize(
    "wrong", ["solo texto, sin cabeceras\r\n", "esto no es una cabecera\r\nSubject: x\r\n\r\nhola\r\n"]
)
def test_what_does_not_begin_with_headers_is_not_a_message(box: Box, wrong: str) -> None:
    with box.smtp() as connection:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            connection.sendmail("avisos@escuela.example", ["ana@escuela.example"], wrong)
        assert refused.value.smtp_code == 451
        connection.sendmail("avisos@escuela.example", ["ana@escuela.example"], "\r\nSin asunto ni nada.\r\n")
    assert [one["Snippet"] for one in box.list()["messages"]] == ["Sin asunto ni nada."]


def test_a_message_cut_halfway_is_not_kept(box: Box) -> None:
    connection = box.smtp()
    connection.ehlo()
    connection.mail("avisos@escuela.example")
    connection.rcpt("ana@escuela.example")
    assert connection.docmd("DATA")[0] == 354
    connection.send("Subject: a medias\r\n\r\nesto no aca")
    connection.close()
    box.send(letter("Entero"))
    assert [one["Subject"] for one in box.list()["messages"]] == ["Entero"]
