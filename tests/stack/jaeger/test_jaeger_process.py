"""El proceso entero: lo que tiene de suyo el suplente al recibir spans, y que para limpio."""

from __future__ import annotations

import gzip
import json
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tests.support.processes import process_on
from tests.support.running import running

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with running("jaeger", root=tmp_path_factory.mktemp("jaeger")) as values:
        yield values


@pytest.fixture(scope="module")
def url(env: dict[str, str]) -> str:
    return env["JAEGER_OTLP_URL"] + "/v1/traces"


def test_what_cannot_be_kept_is_counted_and_the_rest_is_kept(env: dict[str, str], url: str) -> None:
    good = {"traceId": "ab" * 16, "spanId": "cd" * 8, "name": "vale"}
    document = {"resourceSpans": [{"scopeSpans": [{"spans": [good, {"traceId": "", "name": "no vale"}]}]}]}

    answer = requests.post(url, json=document, timeout=5).json()

    assert answer["partialSuccess"]["rejectedSpans"] == "1"
    assert "identificador" in answer["partialSuccess"]["errorMessage"]
    (trace,) = requests.get(f"{env['JAEGER_URL']}/api/traces/{'ab' * 16}", timeout=5).json()["data"]
    assert trace["processes"]["p1"]["serviceName"] == "missing-service-name"


def test_an_empty_protobuf_request_is_fine(url: str) -> None:
    answer = requests.post(url, data=b"", headers={"Content-Type": "application/x-protobuf"}, timeout=5)

    assert answer.status_code == 200
    assert not ExportTraceServiceResponse.FromString(answer.content).partial_success.rejected_spans


@pytest.mark.parametrize(
    ("body", "headers", "status", "says"),
    [
        (b"{", {}, 400, "no es JSON"),
        (b"[]", {}, 400, "forma de OTLP"),
        (b"[" * 100_000, {}, 400, "no es JSON"),
        (b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"abcd"}]}]}]}', {}, 400, "16 bytes"),
        (b"esto no es gzip", {"Content-Encoding": "gzip"}, 400, "no se puede descomprimir"),
        (gzip.compress(b"{}")[:-4], {"Content-Encoding": "gzip"}, 400, "cortado"),
        (gzip.compress(b" " * (30 * 2**20)), {"Content-Encoding": "gzip"}, 400, "demasiado grande"),
        (b"x", {"Content-Encoding": "zstd"}, 501, "gzip"),
    ],
    ids=["json", "list", "deep", "short-id", "not-gzip", "cut", "bomb", "zstd"],
)
def test_a_refusal_says_why_in_spanish(
    url: str, body: bytes, headers: dict[str, str], status: int, says: str
) -> None:
    answer = requests.post(url, data=body, headers=JSON | headers, timeout=5)

    assert answer.status_code == status
    assert says in answer.json()["message"]


def test_pages_ask_nothing_of_other_sites(env: dict[str, str], url: str) -> None:
    span = {"traceId": "ef" * 16, "spanId": "cd" * 8, "name": "una"}
    requests.post(url, json={"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}, timeout=5)

    for path in ("/search", f"/trace/{span['traceId']}", "/dependencies", "/cobertura"):
        page = requests.get(env["JAEGER_URL"] + path, timeout=5)
        assert page.status_code == 200
        assert not re.search(r'(?:src|href)="(?:https?:)?//', page.text)
        for local in re.findall(r'(?:src|href)="(/_[^"]+)"', page.text):
            assert requests.get(env["JAEGER_URL"] + local, timeout=5).status_code == 200


def test_only_this_machine_may_send_spans(url: str) -> None:
    foreign = requests.post(url, data=b"{}", headers=JSON | {"Host": "malo.example"}, timeout=5)
    crossed = requests.post(url, data=b"{}", headers=JSON | {"Origin": "http://malo.example"}, timeout=5)

    assert (foreign.status_code, crossed.status_code) == (403, 403)


def test_it_stops_soon_and_clean(tmp_path: Path) -> None:
    with running("jaeger", root=tmp_path) as values:
        process = process_on(values["JAEGER_UI_PORT"])
        requests.post(values["JAEGER_OTLP_URL"] + "/v1/traces", data=json.dumps({}), headers=JSON, timeout=5)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(2)

        assert time.monotonic() - began < 2
    (log,) = tmp_path.rglob("jaeger.log")
    assert log.read_text("utf-8") == ""
