"""Parar y soltar: el procesador de spans del kit contra la ventanilla del motor, con el SDK de verdad."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry import baggage, context
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind

from scenarios.engine.desk import Desk, Intervention
from scenarios.engine.flow import HoldPoint, SpanMatch
from scenarios.flows import FLOWS
from scenarios.kit import holding
from scenarios.kit.holding import HoldingSpanProcessor
from scenarios.kit.wire import DESK, RUN, SIGNATURE, sign

SECRET, RUN_ID = "un secreto de prueba", "cafe0001"
PUT = {"url.full": "http://minio/avatares/ana/1.png"}


class _Recorder(SpanExporter):
    def __init__(self) -> None:
        self.names: list[str] = []

    def export(self, spans: Any) -> SpanExportResult:
        self.names += [span.name for span in spans]
        return SpanExportResult.SUCCESS


@pytest.fixture
def recorder() -> _Recorder:
    return _Recorder()


@pytest.fixture
def tracer(recorder: _Recorder) -> Iterator[Any]:
    provider = TracerProvider()
    provider.add_span_processor(HoldingSpanProcessor("uploads", SECRET))
    provider.add_span_processor(SimpleSpanProcessor(recorder))
    yield provider.get_tracer("prueba")
    provider.shutdown()


def _carrying(entries: dict[str, str]) -> context.Context:
    carried = context.Context()
    for key, value in entries.items():
        carried = baggage.set_baggage(key, value, carried)
    return carried


def _call(tracer: Any, entries: dict[str, str], done: list[str], kind: SpanKind = SpanKind.CLIENT) -> None:
    token = context.attach(_carrying(entries))
    try:
        with tracer.start_as_current_span("PUT", kind=kind, attributes=PUT):
            done.append("hecha")
        done.append("vuelta")
    finally:
        context.detach(token)


def _baggage(desk: Desk) -> dict[str, str]:
    return {RUN: RUN_ID, **desk.baggage}


def test_a_call_waits_until_it_is_let_go(tracer: Any, recorder: _Recorder) -> None:
    flow = FLOWS["flujo-a"]
    upload, confirm = flow.hop("A4"), flow.hop("A5")
    desk = Desk(RUN_ID, SECRET, flow.hops)
    done: list[str] = []
    try:
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(_call, tracer, _baggage(desk), done)
            assert desk.wait_arrival(upload, lambda: False)
            assert done == []
            assert not desk.arrived(confirm)
            desk.release(upload)
            assert desk.wait_arrival(confirm, lambda: False)
            assert done == ["hecha"]
            desk.release(confirm)
            future.result(5)
    finally:
        desk.close()
    assert done == ["hecha", "vuelta"]
    assert recorder.names == ["PUT"]


def test_without_baggage_nobody_asks(tracer: Any) -> None:
    done: list[str] = []
    _call(tracer, {}, done)
    assert done == ["hecha", "vuelta"]


@pytest.mark.parametrize(
    "change", [{"stacklab.sig": "0" * 64}, {"stacklab.run": "otra"}, {"stacklab.desk": "10.0.0.1:80"}]
)
def test_a_baggage_that_is_not_signed_for_this_run_is_ignored(tracer: Any, change: dict[str, str]) -> None:
    desk = Desk(RUN_ID, SECRET, FLOWS["flujo-a"].hops)
    done: list[str] = []
    try:
        _call(tracer, _baggage(desk) | change, done)
        assert not desk.arrived(FLOWS["flujo-a"].hop("A4"))
    finally:
        desk.close()
    assert done == ["hecha", "vuelta"]


def test_if_the_desk_disappears_the_call_goes_on(tracer: Any) -> None:
    flow = FLOWS["flujo-a"]
    desk = Desk(RUN_ID, SECRET, flow.hops)
    done: list[str] = []
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(_call, tracer, _baggage(desk), done)
        assert desk.wait_arrival(flow.hop("A4"), lambda: False)
        desk.close()
        future.result(5)
    assert done == ["hecha", "vuelta"]


def test_nobody_at_that_port_is_the_same_as_nobody_following(tracer: Any) -> None:
    desk = Desk(RUN_ID, SECRET, FLOWS["flujo-a"].hops)
    entries = _baggage(desk)
    desk.close()
    done: list[str] = []
    began = time.monotonic()
    _call(tracer, entries, done)
    assert done == ["hecha", "vuelta"]
    assert time.monotonic() - began < 2


def test_a_desk_that_never_answers_holds_nobody_for_long(tracer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Como si quien ejecuta el flujo se hubiera quedado congelado: acepta la conexión y no dice nada."""
    monkeypatch.setattr(holding, "ANSWER_WITHIN_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        done: list[str] = []
        began = time.monotonic()
        _call(tracer, {RUN: RUN_ID, DESK: address, SIGNATURE: sign(SECRET, RUN_ID, address)}, done)
    assert done == ["hecha", "vuelta"]
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(("moment", "verdict", "error", "happened"), [
    ("start", "drop", ConnectionError, []),
    ("end", "drop", ConnectionError, ["hecha"]),
    ("end", "crash", RuntimeError, ["hecha"]),
])  # fmt: skip
def test_a_dropped_call_never_happens_and_leaves_no_span(
    tracer: Any, recorder: _Recorder, moment: str, verdict: str, error: type[Exception], happened: list[str]
) -> None:
    point = HoldPoint(SpanMatch("uploads", name="PUT.*"), moment)
    desk = Desk(RUN_ID, SECRET, fault=Intervention(point, lambda: verdict))
    done: list[str] = []
    try:
        with pytest.raises(error):
            _call(tracer, _baggage(desk), done)
    finally:
        desk.close()
    assert done == happened
    assert recorder.names == []


def test_a_stalled_call_lasts_as_long_as_the_run(tracer: Any) -> None:
    point = HoldPoint(SpanMatch("uploads", name="PUT.*"))
    arrived = threading.Event()

    def stall() -> str:
        arrived.set()
        return "wait"

    desk = Desk(RUN_ID, SECRET, fault=Intervention(point, stall))
    done: list[str] = []
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(_call, tracer, _baggage(desk), done)
        assert arrived.wait(5)
        assert done == []
        desk.close()
        future.result(5)
    assert done == ["hecha", "vuelta"]


def test_server_spans_are_never_held(tracer: Any) -> None:
    desk = Desk(RUN_ID, SECRET, fault=Intervention(HoldPoint(SpanMatch("uploads")), lambda: "drop"))
    done: list[str] = []
    try:
        _call(tracer, _baggage(desk), done, SpanKind.SERVER)
    finally:
        desk.close()
    assert done == ["hecha", "vuelta"]


def test_the_desk_answers_only_to_who_brings_the_signature() -> None:
    import http.client

    desk = Desk(RUN_ID, SECRET, FLOWS["flujo-a"].hops)
    try:
        for headers, body, status in (
            ({}, b"{}", 403),
            ({"Authorization": "Bearer 0"}, b"{}", 403),
            ({"Authorization": f"Bearer {desk.signature}"}, b"esto no es JSON", 400),
        ):
            connection = http.client.HTTPConnection(desk.address, timeout=5)
            connection.request("POST", "/hold", body, headers)
            assert connection.getresponse().status == status
            connection.close()
    finally:
        desk.close()


def test_a_readable_span_without_context_is_let_through() -> None:
    HoldingSpanProcessor("uploads", SECRET).on_end(ReadableSpan("suelto"))
