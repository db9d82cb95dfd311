"""El contrato de Jaeger: lo que manda el exportador de OpenTelemetry se puede preguntar por HTTP.

Sigue https://www.jaegertracing.io/docs/2.13/architecture/apis/ y https://opentelemetry.io/docs/specs/otlp/.
"""

from __future__ import annotations

import gzip
import json
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from tests.support.jaeger import JSON, MS, PROTOBUF, Lab, as_dict, by_name, document, raw_span, span_id, trace_id


@pytest.fixture(scope="module")
def lab(started: Callable[..., dict[str, str]]) -> Iterator[Lab]:
    env = started("jaeger")
    lab = Lab(env["JAEGER_URL"], env["OTEL_EXPORTER_OTLP_ENDPOINT"])
    yield lab
    lab.close()


@pytest.fixture
def name() -> str:
    """Un nombre de servicio que no ha usado nadie."""
    return f"servicio-{secrets.token_hex(4)}"


def test_a_span_comes_back_with_everything_it_was_sent_with(lab: Lab, name: str) -> None:
    start = time.time_ns() - 50 * MS
    attributes = {"text": "ñ <b>", "number": 200, "real": 0.5, "flag": True, "list": ["a", "b"]}
    span = lab.span(name, "GET /hola", kind=SpanKind.SERVER, attributes=attributes, start_time=start)
    span.add_event("cache.miss", {"cache.key": "ana"}, timestamp=start + 2 * MS)
    span.end(start + 12_345_678)

    trace = lab.trace(trace_id(span))

    assert trace["traceID"] == trace_id(span)
    (seen,) = trace["spans"]
    assert (seen["traceID"], seen["spanID"], seen["operationName"]) == (trace_id(span), span_id(span), "GET /hola")
    assert (seen["startTime"], seen["duration"]) == (start // 1000, 12_345)
    assert seen["references"] == []
    tags = as_dict(seen["tags"])
    assert tags["text"] == ("string", "ñ <b>")
    assert tags["number"] == ("int64", 200)
    assert tags["real"] == ("float64", 0.5)
    assert tags["flag"] == ("bool", True)
    assert tags["list"] == ("string", '["a","b"]')
    assert tags["span.kind"] == ("string", "server")
    assert tags["otel.scope.name"] == ("string", "contrato")
    assert tags["otel.scope.version"] == ("string", "0.9")
    assert not {"error", "otel.status_code"} & set(tags)
    assert [tag["key"] for tag in seen["tags"]] == sorted(tags)
    (log,) = seen["logs"]
    assert log["timestamp"] == (start + 2 * MS) // 1000
    assert as_dict(log["fields"]) == {"event": ("string", "cache.miss"), "cache.key": ("string", "ana")}
    process = trace["processes"][seen["processID"]]
    assert process["serviceName"] == name
    assert as_dict(process["tags"])["service.version"] == ("string", "1.2.3")
    assert as_dict(process["tags"])["telemetry.sdk.language"] == ("string", "python")
    assert "service.name" not in as_dict(process["tags"])


def test_an_error_is_seen_as_such(lab: Lab, name: str) -> None:
    span = lab.span(name, "falla", kind=SpanKind.CLIENT)
    span.record_exception(ValueError("no hay sitio"))
    span.set_status(Status(StatusCode.ERROR, "sin espacio"))
    span.end()

    (seen,) = lab.trace(trace_id(span))["spans"]

    tags = as_dict(seen["tags"])
    assert tags["error"] == ("bool", True)
    assert tags["otel.status_code"] == ("string", "ERROR")
    assert tags["otel.status_description"] == ("string", "sin espacio")
    fields = as_dict(seen["logs"][0]["fields"])
    assert fields["event"] == ("string", "exception")
    assert fields["exception.message"] == ("string", "no hay sitio")


def test_several_services_meet_in_one_trace(lab: Lab, name: str) -> None:
    root = lab.span(f"{name}-a", "entrada", kind=SpanKind.SERVER)
    call = lab.span(f"{name}-a", "llamada", root, kind=SpanKind.CLIENT)
    served = lab.span(f"{name}-b", "atiende", call, kind=SpanKind.SERVER)
    for span in (served, call, root):
        span.end()

    trace = lab.trace(trace_id(root), spans=3)

    assert by_name(trace, "entrada")["references"] == []
    for child, parent in (("llamada", root), ("atiende", call)):
        assert by_name(trace, child)["references"] == [
            {"refType": "CHILD_OF", "traceID": trace_id(root), "spanID": span_id(parent)}
        ]
    services = {
        span["operationName"]: trace["processes"][span["processID"]]["serviceName"] for span in trace["spans"]
    }
    assert services == {"entrada": f"{name}-a", "llamada": f"{name}-a", "atiende": f"{name}-b"}
    assert {f"{name}-a", f"{name}-b"} <= set(lab.data("/api/services"))
    edges = lab.data("/api/dependencies", endTs=(time.time_ns() // MS) + 1000, lookback=3_600_000)
    assert {"parent": f"{name}-a", "child": f"{name}-b", "callCount": 1} in edges


def test_a_message_links_its_consumer_with_its_producer(lab: Lab, name: str) -> None:
    sent = lab.span(name, "send pedidos", kind=SpanKind.PRODUCER)
    sent.end()
    link = Link(sent.get_span_context())
    inside = lab.span(name, "process dentro", sent, kind=SpanKind.CONSUMER, links=[link])
    apart = lab.span(name, "process aparte", kind=SpanKind.CONSUMER, links=[link])
    for span in (inside, apart):
        span.end()

    here = by_name(lab.trace(trace_id(sent), spans=2), "process dentro")
    there = by_name(lab.trace(trace_id(apart)), "process aparte")

    # El enlace al propio padre no se repite: cambia el tipo de la referencia.
    follows = {"refType": "FOLLOWS_FROM", "traceID": trace_id(sent), "spanID": span_id(sent)}
    assert here["references"] == [follows]
    assert there["references"] == [follows]


def test_operations_are_told_apart_by_kind(lab: Lab, name: str) -> None:
    spans = [lab.span(name, "GET /", kind=kind) for kind in (SpanKind.SERVER, SpanKind.CLIENT)]
    for span in (*spans, lab.span(name, "otra cosa", kind=SpanKind.INTERNAL)):
        span.end()
        lab.trace(trace_id(span))

    found = {(item["name"], item["spanKind"]) for item in lab.data("/api/operations", service=name)}
    servers = lab.data("/api/operations", service=name, spanKind="server")

    assert found == {("GET /", "server"), ("GET /", "client"), ("otra cosa", "internal")}
    assert servers == [{"name": "GET /", "spanKind": "server"}]
    assert sorted(lab.data(f"/api/services/{name}/operations")) == ["GET /", "otra cosa"]
    assert lab.get("/api/operations").status_code == 400


@pytest.fixture(scope="module")
def history(lab: Lab) -> tuple[str, dict[str, str]]:
    """Un servicio con tres trazas de antes, y el identificador de cada una por su nombre."""
    name = f"servicio-{secrets.token_hex(4)}"
    now = time.time_ns()
    ids = {}
    for operation, minutes_ago, milliseconds, status in (
        ("lenta", 30, 900, 200),
        ("media", 20, 300, 200),
        ("rapida", 10, 2, 404),
    ):
        start = now - minutes_ago * 60 * 10**9
        span = lab.span(name, operation, attributes={"http.response.status_code": status}, start_time=start)
        span.end(start + milliseconds * MS)
        lab.trace(trace_id(span))
        ids[operation] = trace_id(span)
    return name, ids


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, {"lenta", "media", "rapida"}),
        ({"operation": "media"}, {"media"}),
        ({"minDuration": "250ms"}, {"lenta", "media"}),
        ({"minDuration": "250ms", "maxDuration": "0.5s"}, {"media"}),
        ({"tags": json.dumps({"http.response.status_code": "404"})}, {"rapida"}),
        ({"tag": "http.response.status_code:200"}, {"lenta", "media"}),
        ({"tags": json.dumps({"http.response.status_code": "200"}), "operation": "rapida"}, set()),
        ({"tags": json.dumps({"service.version": "1.2.3"})}, {"lenta", "media", "rapida"}),
        ({"start": 25, "end": 15}, {"media"}),
        ({"start": 15}, {"rapida"}),
        ({"operation": "no existe"}, set()),
    ],
)
def test_search(lab: Lab, history: tuple[str, dict[str, str]], params: dict[str, Any], expected: set[str]) -> None:
    name, ids = history
    now_us = time.time_ns() // 1000
    times = {key: now_us - params[key] * 60 * 10**6 for key in ("start", "end") if key in params}

    found = lab.data("/api/traces", service=name, **(params | times))

    assert {trace["traceID"] for trace in found} == {ids[operation] for operation in expected}


def test_search_gives_whole_traces_and_no_more_than_asked(lab: Lab, history: tuple[str, dict[str, str]]) -> None:
    name, ids = history

    (newest,) = lab.data("/api/traces", service=name, limit=1)
    by_id = lab.data("/api/traces", traceID=[ids["lenta"], ids["media"]])

    assert newest["traceID"] == ids["rapida"]
    assert newest == lab.trace(ids["rapida"])
    assert {trace["traceID"] for trace in by_id} == {ids["lenta"], ids["media"]}


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"service": "x", "limit": "muchas"},
        {"service": "x", "minDuration": "rápido"},
        {"service": "x", "minDuration": "2s", "maxDuration": "1s"},
        {"service": "x", "tags": "error=true"},
        {"service": "x", "start": "ayer"},
    ],
)
def test_a_search_that_makes_no_sense_is_a_400(lab: Lab, params: dict[str, str]) -> None:
    answer = lab.get("/api/traces", **params)

    assert answer.status_code == 400
    assert json.loads(answer.text)["data"] is None
    assert json.loads(answer.text)["errors"][0]["code"] == 400


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_that_makes_no_sense_is_refused(lab: Lab, limit: int) -> None:
    answer = lab.get("/api/traces", service="x", limit=limit)

    assert answer.status_code >= 400
    assert json.loads(answer.text)["errors"][0]["code"] == answer.status_code


def test_a_trace_that_is_not_there_is_a_404(lab: Lab) -> None:
    answer = lab.get(f"/api/traces/{secrets.token_hex(16)}")

    assert answer.status_code == 404
    assert json.loads(answer.text) == {
        "data": None,
        "total": 0,
        "limit": 0,
        "offset": 0,
        "errors": [{"code": 404, "msg": "trace not found"}],
    }
    assert lab.get("/api/traces/esto-no-es-hex").status_code == 400
    assert lab.get(f"/api/traces/{'a' * 33}").status_code == 400
    assert lab.get(f"/api/v3/traces/{secrets.token_hex(16)}").status_code == 404


def test_identifiers_may_come_short_or_with_their_zeros(lab: Lab, name: str) -> None:
    short = f"{secrets.randbits(60) | 1 << 52:x}"
    span = raw_span(traceId=short.zfill(32), links=[{"traceId": "ab".zfill(32), "spanId": "cd".zfill(16)}])
    assert lab.post(json.dumps(document(name, span))).status_code == 200

    trace = lab.trace(short)

    assert trace["traceID"] == short.zfill(16)
    assert trace == lab.trace(short.zfill(32)) == lab.trace(short.upper())
    assert trace["spans"][0]["references"] == [
        {"refType": "FOLLOWS_FROM", "traceID": "ab".zfill(16), "spanID": "cd".zfill(16)}
    ]


def test_v3_gives_the_trace_as_otlp_json(lab: Lab, name: str) -> None:
    start = time.time_ns() - 5 * MS
    root = lab.span(name, "raíz", kind=SpanKind.SERVER, attributes={"n": 7}, start_time=start)
    child = lab.span(name, "hija", root, kind=SpanKind.PRODUCER, start_time=start)
    child.end(start + MS)
    root.end(start + 2 * MS)
    lab.trace(trace_id(root), spans=2)

    result = lab.get(f"/api/v3/traces/{trace_id(root)}").json()["result"]

    resources = result["resourceSpans"]
    attributes = {item["key"]: item["value"] for item in resources[0]["resource"]["attributes"]}
    assert attributes["service.name"] == {"stringValue": name}
    scopes = [scope for resource in resources for scope in resource["scopeSpans"]]
    assert scopes[0]["scope"]["name"] == "contrato"
    spans = {span["name"]: span for scope in scopes for span in scope["spans"]}
    assert spans["raíz"]["traceId"] == trace_id(root)
    assert spans["raíz"]["kind"] == 2
    assert spans["raíz"]["startTimeUnixNano"] == str(start)
    assert spans["raíz"]["endTimeUnixNano"] == str(start + 2 * MS)
    assert spans["raíz"]["attributes"] == [{"key": "n", "value": {"intValue": "7"}}]
    assert spans["hija"]["parentSpanId"] == span_id(root)
    assert spans["hija"]["kind"] == 4
    assert name in lab.get("/api/v3/services").json()["services"]
    operations = lab.get("/api/v3/operations", service=name).json()["operations"]
    assert {(item["name"], item["spanKind"]) for item in operations} == {("raíz", "server"), ("hija", "producer")}


def test_what_the_library_says_of_itself_is_shown_with_the_process(lab: Lab, name: str) -> None:
    span = raw_span(attributes=[{"key": "telemetry.sdk.language", "value": {"stringValue": "lua"}}])
    assert lab.post(json.dumps(document(name, span))).status_code == 200

    trace = lab.trace(span["traceId"])

    assert "telemetry.sdk.language" not in as_dict(trace["spans"][0]["tags"])
    (process,) = trace["processes"].values()
    assert as_dict(process["tags"]) == {"telemetry.sdk.language": ("string", "lua")}


def test_a_parent_that_never_came_is_warned_of(lab: Lab, name: str) -> None:
    parent = secrets.token_hex(8)
    span = raw_span(parentSpanId=parent)
    assert lab.post(json.dumps(document(name, span))).status_code == 200

    (seen,) = lab.trace(span["traceId"])["spans"]

    assert seen["references"] == [{"refType": "CHILD_OF", "traceID": span["traceId"], "spanID": parent}]
    assert any(parent in warning for warning in seen["warnings"])


def test_a_span_sent_twice_is_one(lab: Lab, name: str) -> None:
    span = raw_span()
    other = raw_span(traceId=span["traceId"], name="la otra")
    for body in (document(name, span), document(name, span), document(name, other)):
        assert lab.post(json.dumps(body)).status_code == 200

    trace = lab.trace(span["traceId"], spans=2)

    assert sorted(seen["operationName"] for seen in trace["spans"]) == ["a mano", "la otra"]


def test_json_may_come_compressed_and_in_chunks(lab: Lab, name: str) -> None:
    span = raw_span(attributes=[{"key": "n", "value": {"intValue": 12}}], status={"code": 2}, nuevo={"campo": 1})
    packed = gzip.compress(json.dumps(document(name, span)).encode())

    answer = lab.post((packed[at : at + 40] for at in range(0, len(packed), 40)), Content_Encoding="gzip")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(JSON)
    assert answer.json().get("partialSuccess", {}) == {}
    tags = as_dict(lab.trace(span["traceId"])["spans"][0]["tags"])
    assert tags["n"] == ("int64", 12)
    assert tags["error"] == ("bool", True)


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", ""])
def test_any_other_content_type_is_a_415(lab: Lab, content_type: str) -> None:
    assert lab.post(b"{}", content_type).status_code == 415


@pytest.mark.parametrize(
    ("body", "content_type", "headers"),
    [
        (b"\xff\xff esto no es protobuf", PROTOBUF, {}),
        (b"{ esto no es json", JSON, {}),
        (b'{"resourceSpans": 5}', JSON, {}),
        (json.dumps(document("x", raw_span(traceId="zz"))).encode(), JSON, {}),
        (b"esto no es gzip", JSON, {"Content_Encoding": "gzip"}),
        (b"{}", JSON, {"Content_Encoding": "br"}),
        (gzip.compress(b" " * (21 * 2**20)), JSON, {"Content_Encoding": "gzip"}),
    ],
    ids=["protobuf", "json", "otlp", "hex", "gzip", "encoding", "too-big"],
)
def test_garbage_is_a_400_in_the_format_it_was_asked(
    lab: Lab, body: bytes, content_type: str, headers: dict[str, str]
) -> None:
    answer = lab.post(body, content_type, **headers)

    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith(content_type)
    if content_type == JSON:
        assert answer.json()["message"]
    else:
        from google.rpc.status_pb2 import Status as RpcStatus

        assert RpcStatus.FromString(answer.content).message


def test_only_traces_are_received(lab: Lab) -> None:
    headers = {"Content-Type": JSON}

    assert requests.post(f"{lab.otlp}/v1/metrics", data=b"{}", headers=headers, timeout=10).status_code == 404
    assert requests.get(f"{lab.otlp}/v1/traces", timeout=10).status_code == 405
