"""El proceso entero frente a malos clientes: bytes cualesquiera, cortes, muchas conexiones, y cómo se para."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Producer

from stack.catalog import SERVICES
from tests.support.kafka import Kafka, assigned, eventually, take
from tests.support.record_batch import batch
from tests.support.running import free_port, running


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    with running("kafka", root=tmp_path_factory.mktemp("kafka")) as env:
        client = Kafka(env["KAFKA_BOOTSTRAP_SERVERS"], real=False)
        yield client
        client.close()


def connect(kafka: Kafka) -> socket.socket:
    host, port = kafka.address.split(":")
    return socket.create_connection((host, int(port)), 5)


def framed(key: int, version: int, body: bytes = b"") -> bytes:
    data = key.to_bytes(2, "big") + version.to_bytes(2, "big") + b"\0\0\0\x07" + b"\xff\xff" + body
    return len(data).to_bytes(4, "big") + data


QUIET = logging.getLogger("prueba.kafka.callado")
QUIET.propagate = False
QUIET.addHandler(logging.NullHandler())

METADATA = framed(3, 1, b"\0\0\0\0")


def still_answers(kafka: Kafka) -> bool:
    with connect(kafka) as connection:
        connection.sendall(METADATA)
        return connection.recv(8)[4:8] == b"\0\0\0\x07"


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x02\x00\x03",
        b"\x7f\xff\xff\xff" + b"x" * 100,
        framed(999, 0),
        framed(3, 99),
        framed(0, 7, b"\xff\xff" + os.urandom(64)),
        framed(19, 4, b"\x7f\xff\xff\xff"),
        framed(11, 5, b"\0\x01g" + b"\xff" * 30),
        framed(16, 3, b"\xff" * 20),
    ],
    ids=["http", "negative", "short", "huge", "api", "version", "produce", "create", "join", "tags"],
)
def test_bad_bytes_close_only_that_connection(kafka: Kafka, data: bytes) -> None:
    with connect(kafka) as connection:
        connection.sendall(data)
        try:
            answer = connection.recv(100)
        except ConnectionResetError:
            answer = b""
    assert answer == b""
    assert still_answers(kafka)


def test_a_damaged_batch_is_answered_with_its_error(kafka: Kafka) -> None:
    topic = kafka.create("lote-malo")
    name = len(topic).to_bytes(2, "big") + topic.encode()
    bad = batch()[:-3]
    records = len(bad).to_bytes(4, "big") + bad
    body = b"\xff\xff" + b"\0\x01" + b"\0\0\x03\xe8" + b"\0\0\0\x01" + name + b"\0\0\0\x01" + b"\0\0\0\0" + records
    with connect(kafka) as connection:
        connection.sendall(framed(0, 7, body))
        answer = connection.recv(200)
    error_at = 8 + 4 + len(name) + 4 + 4
    assert answer[error_at : error_at + 2] == b"\0\x02"


def test_an_unknown_apiversions_version_gets_the_table(kafka: Kafka) -> None:
    with connect(kafka) as connection:
        connection.sendall(framed(18, 9))
        answer = connection.recv(4096)
    assert answer[8:10] == b"\0\x23"
    assert int.from_bytes(answer[10:14], "big") > 15


def test_requests_byte_by_byte_and_all_at_once(kafka: Kafka) -> None:
    with connect(kafka) as connection:
        for byte in METADATA:
            connection.sendall(bytes([byte]))
        assert connection.recv(8)[4:8] == b"\0\0\0\x07"
    with connect(kafka) as connection:
        connection.sendall(METADATA * 500)
        connection.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    answers = 0
    while received:
        received = received[4 + int.from_bytes(received[:4], "big") :]
        answers += 1
    assert answers == 500


def test_a_hundred_connections_and_half_open_ones(kafka: Kafka) -> None:
    half_open = [connect(kafka) for _ in range(50)]
    for connection in half_open:
        connection.sendall(METADATA[:7])
    whole = [connect(kafka) for _ in range(100)]
    for connection in whole:
        connection.sendall(METADATA)
    assert all(connection.recv(8)[4:8] == b"\0\0\0\x07" for connection in whole)
    for connection in half_open + whole:
        connection.close()
    assert still_answers(kafka)


def test_a_client_that_never_reads_does_not_hold_up_the_rest(kafka: Kafka) -> None:
    topic = kafka.create("sin-leer")
    kafka.send(topic, [b"x" * 500_000] * 20)
    name = len(topic).to_bytes(2, "big") + topic.encode()
    want = b"\0\0\0\x01" + b"\0\0\0\0" + bytes(8) + b"\x01\0\0\0"
    fetch = framed(
        1, 4, b"\xff\xff\xff\xff" + bytes(4) + b"\0\0\0\x01" + b"\x01\0\0\0" + b"\0" + b"\0\0\0\x01" + name + want
    )
    with connect(kafka) as deaf:
        deaf.sendall(fetch * 50)
        for _ in range(20):
            assert still_answers(kafka)


def test_a_client_killed_in_the_middle_of_a_request(kafka: Kafka) -> None:
    topic = kafka.create("a-medias")
    with connect(kafka) as connection:
        connection.sendall(framed(0, 7, b"\xff\xff" * 20)[:20])
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    assert kafka.send(topic, ["después"])[0].offset() == 0


def test_the_first_member_does_not_wait_for_others(kafka: Kafka) -> None:
    topic = kafka.create("reparto", partitions=4)
    alone = kafka.consumer("g", session_timeout_ms=45_000, heartbeat_interval_ms=3_000)
    before = time.monotonic()
    alone.subscribe([topic])
    eventually(lambda: assigned(alone), until=lambda parts: len(parts) == 4)
    assert time.monotonic() - before < 2


def test_a_heartbeat_does_not_hold_up_what_came_with_it(kafka: Kafka) -> None:
    """Al entrar en un grupo, el latido y la petición de offsets salen en el mismo paquete."""
    topic = kafka.create("mismo-paquete", partitions=3)
    kafka.send(topic, ["primero"])
    for number in range(4):
        newcomer = kafka.consumer(
            f"recien-llegado-{number}", session_timeout_ms=15_000, heartbeat_interval_ms=3_000
        )
        before = time.monotonic()
        newcomer.subscribe([topic])
        take(newcomer, 1)
        assert time.monotonic() - before < 2
        newcomer.close()


def test_the_new_group_protocol_fails_instead_of_waiting_for_ever(kafka: Kafka) -> None:
    topic = kafka.create("protocolo-nuevo")
    settings = {
        "bootstrap.servers": kafka.address,
        "group.id": "nuevo",
        "group.protocol": "consumer",
        "logger": QUIET,
    }
    consumer = Consumer(settings)
    consumer.subscribe([topic])
    message = eventually(lambda: consumer.poll(0.1))
    assert message.error().name() == "_FATAL"
    assert "ConsumerGroupHeartbeat fatal error" in message.error().str()
    consumer.close()


def test_transactions_are_refused_with_a_reason(kafka: Kafka) -> None:
    producer = Producer(
        {"bootstrap.servers": kafka.address, "transactional.id": "t", "log_level": 2, "logger": QUIET}
    )
    with pytest.raises(KafkaException, match="no tiene transacciones"):
        producer.init_transactions(10)


def start(port: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "stack.kafka.embedded"],
        env=os.environ | {"STACKLAB_LISTEN_HOST": "127.0.0.1", "STACKLAB_PORT_BROKER": str(port)},
        stderr=subprocess.PIPE,
        text=True,
    )


def test_sigterm_ends_it_even_with_clients_waiting(tmp_path: Path) -> None:
    port = free_port()
    with start(port) as process:
        kafka = Kafka(f"127.0.0.1:{port}", real=False)
        kafka.create("t")
        waiting = kafka.consumer("g")
        waiting.subscribe(["t"])
        eventually(lambda: assigned(waiting))
        before = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=5)
        assert time.monotonic() - before < 2
        kafka.close()
    assert process.returncode == 0
    assert errors == ""


def test_a_taken_port_is_explained() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with start(port) as process:
            _, errors = process.communicate(timeout=5)
    assert process.returncode == 3
    assert f"no puede escuchar en 127.0.0.1:{port}" in errors
    assert "Traceback" not in errors


def test_a_bad_setting_is_explained() -> None:
    environment = os.environ | {"KAFKA_NUM_PARTITIONS": "muchas"}
    command = [sys.executable, "-m", "stack.kafka.embedded"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=5, check=False)
    assert done.returncode == 3
    assert "KAFKA_NUM_PARTITIONS" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_is_in_the_catalogue() -> None:
    assert any(service.name == "kafka" for service in SERVICES)
