"""Lo que todo microservicio lleva delante: a quién atiende, los sondeos y los spans mandados enseguida."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from scenarios.kit.app import create_app, door
from scenarios.kit.metrics import READY
from scenarios.kit.telemetry import Prompt
from tests.support.avatars import eventually


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONSUL_HTTP_ADDR", "CHECK_URL", "ADVERTISE_ADDRESS", "METRICS_ADDRESS", "ALLOWED_HOSTS"):
        monkeypatch.delenv(name, raising=False)


def ask(app: FastAPI, path: str, host: str = "127.0.0.1:7101") -> tuple[int, bytes]:
    """Estado y cuerpo de un GET que llega por la puerta de `app`."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", host.encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 7101),
    }
    asyncio.run(door(app)(scope, receive, send))
    return sent[0]["status"], b"".join(one.get("body", b"") for one in sent[1:])


def shop() -> FastAPI:
    app = create_app("tienda")

    @app.get("/pan")
    def bread() -> dict[str, int]:
        return {"pan": 1}

    return app


@pytest.mark.parametrize("path", ["/pan", "/health", "/metrics"])
@pytest.mark.parametrize("host", ["localhost:7101", "127.0.0.1", "[::1]:7101", "host.docker.internal:37101"])
def test_it_answers_to_its_own_names(host: str, path: str) -> None:
    assert ask(shop(), path, host)[0] == 200


@pytest.mark.parametrize("path", ["/pan", "/health", "/metrics"])
@pytest.mark.parametrize("host", ["malo.example:7101", "127.0.0.1.malo.example", "", "127.0.0.1@malo.example"])
def test_it_does_not_answer_to_the_name_of_another(host: str, path: str) -> None:
    status, body = ask(shop(), path, host)
    assert status == 400
    assert b"pan" not in body


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("METRICS_ADDRESS", "172.18.0.1:37101"),
        ("ADVERTISE_ADDRESS", "172.18.0.1:37101"),
        ("CHECK_URL", "http://172.18.0.1:37101/ready"),
        ("ALLOWED_HOSTS", "tienda.interna,172.18.0.1"),
    ],
)
def test_it_answers_to_the_names_it_gives_to_others(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask(shop(), "/pan", "172.18.0.1:37101")[0] == 400
    monkeypatch.setenv(variable, value)
    assert ask(shop(), "/pan", "172.18.0.1:37101")[0] == 200


def test_being_alive_and_being_ready_are_two_things(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_ID", "tienda-2")
    reasons = ["no hay pan", ""]
    app = create_app("tienda", not_ready=lambda: reasons.pop(0))
    assert ask(app, "/health")[0] == 200
    status, body = ask(app, "/ready")
    expected = {"status": "not ready", "service": "tienda", "instance": "tienda-2", "reason": "no hay pan"}
    assert (status, json.loads(body), READY._value.get()) == (503, expected, 0)
    status, body = ask(app, "/ready")
    expected = {"status": "ready", "service": "tienda", "instance": "tienda-2"}
    assert (status, json.loads(body), READY._value.get()) == (200, expected, 1)


def test_who_is_not_alive_is_not_ready_either() -> None:
    app = create_app("tienda", healthy=lambda: False)
    assert [ask(app, path)[0] for path in ("/health", "/ready")] == [503, 503]


def test_what_has_to_be_measured_is_measured_before_showing_it_and_out_of_the_loop() -> None:
    where: list[threading.Thread] = []

    def measure() -> None:
        where.append(threading.current_thread())
        READY.set(7)

    assert b"\nservice_ready 7.0\n" in ask(create_app("tienda", measure=measure), "/metrics")[1]
    assert where[0] is not threading.main_thread()


def test_probes_are_not_counted_and_requests_are() -> None:
    app = shop()
    for path in ("/health", "/ready", "/pan"):
        ask(app, path)
    counted = ask(app, "/metrics")[1].decode()
    assert 'http_requests_total{method="GET",route="/pan",status="200"}' in counted
    assert 'route="/health"' not in counted
    assert 'route="/ready"' not in counted


class Box(SpanExporter):
    """Guarda los nombres de lo que se le manda."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.names += [one.name for one in spans]
        return SpanExportResult.SUCCESS


def test_a_span_is_sent_soon_although_the_batch_sleeps() -> None:
    box, provider = Box(), TracerProvider()
    batch = BatchSpanProcessor(box, schedule_delay_millis=3_600_000)
    provider.add_span_processor(batch)
    provider.add_span_processor(Prompt(batch, 0.01))
    tracer = provider.get_tracer("prueba")
    tracer.start_span("uno").end()
    eventually(lambda: box.names == ["uno"])
    tracer.start_span("dos").end()
    eventually(lambda: box.names == ["uno", "dos"])
    tracer.start_span("tres").end()
    provider.shutdown()
    assert box.names == ["uno", "dos", "tres"]
