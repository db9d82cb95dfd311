"""Las sondas: qué preguntan, qué entienden por listo y cuánto esperan."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from stack import probes
from stack.addresses import Endpoint
from stack.model import HttpProbe, KafkaProbe, PostgresProbe, Probe, RedisProbe
from tests.support.fakes import listener
from tests.support.running import free_port


def at(number: int) -> dict[str, Endpoint]:
    return {"p": Endpoint("uno", "p", "http", "127.0.0.1", number, "127.0.0.1", number)}


@contextmanager
def answering(answer: Callable[[bytes], bytes]) -> Iterator[dict[str, Endpoint]]:
    """Un servidor que lee un trozo, contesta lo que diga `answer` y cuelga."""
    server = listener()

    def serve() -> None:
        while True:
            try:
                caller, _ = server.accept()
            except OSError:
                return
            with caller:
                caller.sendall(answer(caller.recv(4096)))

    worker = threading.Thread(target=serve)
    worker.start()
    try:
        yield at(server.getsockname()[1])
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        worker.join()


def http(status: int, body: str) -> bytes:
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


@pytest.mark.parametrize(
    ("probe", "answer", "problem"),
    [
        (HttpProbe("p", "/x"), http(200, "hola"), None),
        (HttpProbe("p", "/x"), http(503, "aún no"), "contestó 503 en lugar de 200"),
        (HttpProbe("p", "/x", status=403, contains="Denied"), http(403, "AccessDenied"), None),
        (HttpProbe("p", "/x", contains="listo"), http(200, "casi"), "contestó 200 sin «listo»"),
        (HttpProbe("p", "/x"), b"SSH-2.0-otra\r\n", "BadStatusLine: SSH-2.0-otra\r\n"),
        (RedisProbe("p"), b"+PONG\r\n", None),
        (RedisProbe("p"), b"-LOADING\r\n", "contestó b'-LOADING\\r\\n' en lugar de PONG"),
        (KafkaProbe("p"), b"\x00\x00\x00\x04\x00\x00\x00\x01", None),
        (KafkaProbe("p"), b"HTTP/1.1 400", "no contestó a la petición de metadatos"),
        (PostgresProbe("p", "ana", "notas"), b"R\0\0\0\x17\0\0\0\nSCRAM-SHA-256\0\0", None),
        (
            PostgresProbe("p", "ana", "notas"),
            b"E\0\0\0\x30SFATAL\0C57P03\0Mthe database system is starting up\0\0",
            "contestó «the database system is starting up»",
        ),
        (PostgresProbe("p", "ana", "notas"), b"", "contestó b'' en lugar de pedir la contraseña"),
    ],
)
def test_what_counts_as_ready(probe: Probe, answer: bytes, problem: str | None) -> None:
    with answering(lambda _: answer) as endpoints:
        assert probes.check(probe, endpoints) == problem


def test_they_describe_themselves() -> None:
    assert probes.describe(HttpProbe("p", "/-/ready"), at(90)) == "GET http://127.0.0.1:90/-/ready → 200"
    assert probes.describe(RedisProbe("p"), at(90)) == "PING a 127.0.0.1:90 → PONG"
    assert probes.describe(KafkaProbe("p"), at(90)) == "metadatos de Kafka en 127.0.0.1:90"
    database = PostgresProbe("p", "ana", "notas")
    assert probes.describe(database, at(90)) == "una conexión a notas en 127.0.0.1:90"


def wait(endpoints: dict[str, Endpoint], seconds: float, **options: Callable[[], object]) -> str | None:
    return probes.wait(RedisProbe("p"), endpoints, deadline=time.monotonic() + seconds, **options)  # type: ignore[arg-type]


def test_waiting_ends_as_soon_as_it_answers() -> None:
    answers = [b"+PONG\r\n", b"-LOADING\r\n", b"-LOADING\r\n"]
    with answering(lambda _: answers.pop()) as endpoints:
        assert wait(endpoints, 10) is None
    assert answers == []


def test_waiting_ends_at_the_deadline_with_the_last_problem() -> None:
    began = time.monotonic()
    problem = wait(at(free_port()), 0.2)
    assert problem is not None
    assert "Connection refused" in problem
    assert 0.1 < time.monotonic() - began < 2


def test_waiting_ends_at_once_when_the_process_does_or_is_called_off() -> None:
    began = time.monotonic()
    assert wait(at(free_port()), 30, ended=lambda: "terminó con código 1") == "terminó con código 1"
    assert wait(at(free_port()), 30, cancelled=lambda: True) == "se dejó de esperar"
    assert time.monotonic() - began < 5


def test_someone_else_answering_is_not_ready() -> None:
    with answering(lambda _: b"+PONG\r\n") as endpoints:
        assert wait(endpoints, 0.1, confirmed=lambda: False) == "en su puerto contesta otro programa"


def test_a_service_that_accepts_and_says_nothing_does_not_hang_us(monkeypatch: pytest.MonkeyPatch) -> None:
    server = listener()
    began = time.monotonic()
    assert wait(at(server.getsockname()[1]), 0.2) == "TimeoutError: timed out"
    assert time.monotonic() - began < 2
    server.close()
