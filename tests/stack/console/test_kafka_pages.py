"""Las páginas de Kafka, contra un Kafka en marcha: qué enseñan y que no dejan rastro."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import TopicPartition

import stack.console
from stack.console.kafka.urls import routes
from stack.web import Coverage, create_app
from tests.support.asgi import get
from tests.support.kafka import Kafka, eventually, take
from tests.support.running import free_port, running

TEMPLATES = Path(stack.console.__file__).parent / "templates"
NOW_MS = int(time.time() * 1000)


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    with running("kafka", root=tmp_path_factory.mktemp("kafka")) as env:
        client = Kafka(env["KAFKA_BOOTSTRAP_SERVERS"], real=False)
        yield client
        client.close()


@pytest.fixture
def app(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka.address)
    monkeypatch.delenv("STACKLAB_FIDELITY_KAFKA", raising=False)
    return create_app(Coverage("Páginas", ""), routes, templates=TEMPLATES)


def offsets(text: str) -> list[tuple[int, int]]:
    """Los (partición, offset) de los mensajes de una página, en el orden en que se leen."""
    return [(int(part), int(offset)) for part, offset in re.findall(r"partición (\d+) · offset (\d+)", text)]


def test_topics_page(kafka: Kafka, app: Any) -> None:
    kafka.create("avatar_subido", partitions=3)
    kafka.send("avatar_subido", ["a", "b"], key="ana", timestamp=int(time.time() * 1000) - 65_000)
    page = get(app, "/kafka")
    assert page.status == 200
    row = re.search(r"/kafka/topics/avatar_subido.*?</tr>", page.text, re.DOTALL)
    assert row is not None
    assert [text.strip() for text in re.findall(r'class="num">(\d+)<', row.group())] == ["3", "2"]
    assert re.search(r"hace [1-5] min", row.group())
    assert kafka.address in page.text


def test_a_message_is_shown_with_all_its_parts(kafka: Kafka, app: Any) -> None:
    kafka.create("partes")
    headers = [("traceparent", b"00-<b>-01"), ("binaria", b"\xff\x00")]
    kafka.send("partes", ['{"usuario": "Ñandú", "html": "<script>"}'], key="ana", headers=headers)
    kafka.send("partes", [b"\xff\xfe" * 400, None, b""])
    text = get(app, "/kafka/topics/partes").text
    assert "&#34;usuario&#34;: &#34;Ñandú&#34;" in text
    assert "&lt;script&gt;" in text
    assert "<script>" not in text
    assert "<code>ana</code>" in text
    assert "00-&lt;b&gt;-01" in text
    assert "<code>ff 00</code>" in text
    assert "ff fe ff fe" in text
    assert "Solo el principio, de 800 bytes en total" in text
    assert "Sin valor" in text
    assert "El valor está vacío" in text


def test_newest_first_and_page_after_page_nothing_is_lost(kafka: Kafka, app: Any) -> None:
    kafka.create("paginas", partitions=2)
    for number in range(25):
        # Las fechas de la partición 1 van hacia atrás: ni así se pierde o se repite un mensaje.
        kafka.send("paginas", [f"a{number}"], partition=0, timestamp=NOW_MS + number)
        kafka.send("paginas", [f"b{number}"], partition=1, timestamp=NOW_MS - number)
    target, pages = "/kafka/topics/paginas", []
    while target:
        text = get(app, target).text
        pages.append(offsets(text))
        following = re.search(r'href="(\?[^"]*antes=[^"]*)"', text)
        target = f"/kafka/topics/paginas{following.group(1)}" if following else ""
        assert len(pages) < 10
    assert [len(found) for found in pages] == [20, 20, 10]
    assert pages[0] == [(0, offset) for offset in range(24, 4, -1)]
    everything = [item for found in pages for item in found]
    assert sorted(everything) == [(part, offset) for part in (0, 1) for offset in range(25)]
    for part in (0, 1):
        seen = [offset for number, offset in everything if number == part]
        assert seen == sorted(seen, reverse=True)


def test_one_partition_and_odd_parameters(kafka: Kafka, app: Any) -> None:
    kafka.create("una", partitions=2)
    for part in (0, 1):
        kafka.send("una", ["x"], partition=part)
    assert offsets(get(app, "/kafka/topics/una?particion=1").text) == [(1, 0)]
    for odd in ("particion=9", "particion=x", "antes=x", "antes=0:-1,1:99999999999999999999,:", "antes=0:1:2"):
        page = get(app, f"/kafka/topics/una?{odd}")
        assert page.status == 200, odd
        assert len(offsets(page.text)) == 2, odd


def test_trimmed_topic_starts_where_it_starts(kafka: Kafka, app: Any) -> None:
    kafka.create("recortado")
    kafka.send("recortado", map(str, range(10)))
    partition = TopicPartition("recortado", 0, 8)
    kafka.admin.delete_records([partition])[partition].result(10)
    assert offsets(get(app, "/kafka/topics/recortado").text) == [(0, 9), (0, 8)]


def test_unknown_topic_is_not_created_by_looking(kafka: Kafka, app: Any) -> None:
    page = get(app, "/kafka/topics/nadie")
    assert page.status == 404
    assert "No hay ningún topic «nadie»" in page.text
    assert kafka.partitions("nadie") == 0


def test_groups_page_and_looking_leaves_no_group(kafka: Kafka, app: Any) -> None:
    kafka.create("pedidos", partitions=2)
    kafka.send("pedidos", map(str, range(10)), partition=1)
    reader = kafka.consumer("facturas", client_id="facturas-1")
    reader.subscribe(["pedidos"])
    reader.commit(take(reader, 4)[-1], asynchronous=False)

    get(app, "/kafka/topics/pedidos")
    text = get(app, "/kafka/grupos").text
    assert "facturas-1" in text
    assert "estable" in text
    assert "6 mensajes pendientes" in text
    assert 'href="/kafka/topics/pedidos">pedidos</a>: 0, 1' in text
    assert "facturas" in get(app, "/kafka/topics/pedidos").text
    groups = {found.group_id for found in kafka.admin.list_consumer_groups().result(10).valid}
    assert groups == {"facturas"}

    reader.commit(take(reader, 6)[-1], asynchronous=False)
    assert "al día" in get(app, "/kafka/grupos").text
    reader.close()
    eventually(lambda: "sin miembros" in get(app, "/kafka/grupos").text)


@pytest.mark.parametrize(("fidelity", "shown"), [("embedded", True), ("binary", False), ("docker", False)])
def test_the_stand_in_says_so_and_the_real_one_does_not(
    app: Any, monkeypatch: pytest.MonkeyPatch, fidelity: str, shown: bool
) -> None:
    monkeypatch.setenv("STACKLAB_FIDELITY_KAFKA", fidelity)
    assert ("suplente didáctico" in get(app, "/kafka").text) is shown
    assert "Transacciones" in get(app, "/kafka/cobertura").text


@pytest.mark.parametrize("path", ["/kafka", "/kafka/topics/x", "/kafka/grupos"])
def test_when_kafka_is_down_the_page_says_what_to_type(
    app: Any, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    address = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", address)
    before = time.monotonic()
    page = get(app, path)
    assert time.monotonic() - before < 2
    assert page.status == 503
    assert address in page.text
    assert "stacklab up kafka" in page.text


def test_when_kafka_listens_but_does_not_answer(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stack.console.kafka.client.PATIENCE_S", 0.3)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"127.0.0.1:{deaf.getsockname()[1]}")
        assert get(app, "/kafka").status == 503
