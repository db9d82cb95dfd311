"""El contrato de Jaeger con trazas que no son de libro: grandes, con relojes que no cuadran, y en la API nueva.

Sigue https://www.jaegertracing.io/docs/2.13/architecture/apis/.
"""

from __future__ import annotations

import gzip
import json
import secrets
import time
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.jaeger import JSON, MS, PROTOBUF, Lab, as_dict, document, raw_span


@pytest.fixture(scope="module")
def lab(started: Callable[..., dict[str, str]]) -> Lab:
    env = started("jaeger")
    return Lab(env["JAEGER_URL"], env["OTEL_EXPORTER_OTLP_ENDPOINT"])


@pytest.fixture
def name() -> str:
    """Un nombre de servicio que no ha usado nadie."""
    return f"servicio-{secrets.token_hex(4)}"


def moment(ns: int) -> str:
    """Un instante como se escribe en `/api/v3`."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ns // 10**9)) + f".{ns % 10**9:09}Z"


def sent(lab: Lab, name: str, *spans: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Manda los spans de una traza y la devuelve cuando está entera: de nombre de span a lo que enseña Jaeger."""
    assert lab.post(json.dumps(document(name, *spans))).status_code == 200
    trace = lab.trace(spans[0]["traceId"], spans=len(spans))
    return {span["operationName"]: span for span in trace["spans"]}


def between(
    parent: dict[str, Any] | None, name: str, start: int, end: int, base: int, **more: Any
) -> dict[str, Any]:
    """Un span hijo de `parent`, con sus instantes en nanosegundos desde `base`."""
    times = {"startTimeUnixNano": str(base + start), "endTimeUnixNano": str(base + end)}
    own = {"traceId": parent["traceId"], "parentSpanId": parent["spanId"]} if parent else {}
    return raw_span(name=name, **times, **own, **more)


def test_a_clock_that_does_not_fit_is_warned_of(lab: Lab, name: str) -> None:
    base = time.time_ns()
    root = between(None, "raíz", 0, 10 * MS, base)
    late = between(root, "tarde", 20 * MS, 21_500_000, base)
    early = between(root, "pronto", -1 * MS, 1 * MS, base)
    longer = between(root, "larga", -100, 60_000 * MS, base)
    fits = between(root, "cabe", 1 * MS, 2 * MS, base)

    seen = sent(lab, name, root, late, early, longer, fits)

    said = "clock skew adjustment disabled; not applying calculated delta of "
    assert {one: span["warnings"] for one, span in seen.items()} == {
        "raíz": None,
        "tarde": [said + "-15.75ms"],
        "pronto": [said + "5ms"],
        "larga": [said + "100ns"],
        "cabe": None,
    }
    assert seen["tarde"]["startTime"] == (base + 20 * MS) // 1000, "avisa, y no lo mueve"


def test_a_span_that_ends_before_it_starts_lasts_a_nanosecond(lab: Lab, name: str) -> None:
    base = 1_700_000_000_123_450_000
    seen = sent(lab, name, between(None, "al revés", 5000, 3000, base))

    (warning,) = seen["al revés"]["warnings"]
    assert warning == (
        "Negative duration detected, sanitizing end timestamp. "
        "Original end timestamp: 2023-11-14 22:13:20.123453 +0000 UTC, "
        "adjusted to: 2023-11-14 22:13:20.123455001 +0000 UTC"
    )
    assert seen["al revés"]["duration"] == 0


def test_v3_carries_the_warnings_as_an_attribute(lab: Lab, name: str) -> None:
    base = time.time_ns()
    root = between(None, "raíz", 0, 10, base)
    lost = between(root, "perdida", 1, 2, base) | {"parentSpanId": "ab" * 8}
    events = [{"name": one, "timeUnixNano": str(base + at)} for at, one in enumerate(("z", "a"))]
    child = between(root, "hija", 20, 23, base, events=events)
    sent(lab, name, root, lost, child)

    result = lab.get(f"/api/v3/traces/{root['traceId']}").json()["result"]

    spans = {
        span["name"]: span
        for resource in result["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    }
    warnings = {
        one: [text["stringValue"] for text in span["attributes"][0]["value"]["arrayValue"]["values"]]
        for one, span in spans.items()
        if span.get("attributes")
    }
    assert warnings == {
        "perdida": ["parent span ID=abababababababab is not in the trace; skipping clock skew adjustment"],
        "hija": ["clock skew adjustment disabled; not applying calculated delta of -17ns"],
    }
    assert [event["name"] for event in spans["hija"]["events"]] == ["a", "z"]


@pytest.fixture(scope="module")
def past(lab: Lab) -> tuple[str, int, dict[str, str]]:
    """Un servicio con tres trazas: su nombre, la hora de la primera y el identificador de cada una."""
    name, base = f"servicio-{secrets.token_hex(4)}", time.time_ns() - 3600 * 10**9
    ids = {}
    for place, (operation, milliseconds) in enumerate((("lenta", 900), ("media", 300), ("rapida", 2))):
        span = between(None, operation, place * 60 * 10**9, place * 60 * 10**9 + milliseconds * MS, base)
        sent(lab, name, span)
        ids[operation] = span["traceId"]
    return name, base, ids


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, {"lenta", "media", "rapida"}),
        ({"operation_name": "media"}, {"media"}),
        ({"duration_min": "250ms"}, {"lenta", "media"}),
        ({"duration_min": "250ms", "duration_max": "0.5s"}, {"media"}),
        ({"num_traces": "1"}, {"rapida"}),
        ({"raw_traces": "false"}, {"lenta", "media", "rapida"}),
    ],
)
def test_v3_searches_too(
    lab: Lab, past: tuple[str, int, dict[str, str]], params: dict[str, str], expected: set[str]
) -> None:
    name, base, ids = past
    query = {"service_name": name, "num_traces": "10", "start_time_min": moment(base - MS)}
    query |= {"start_time_max": moment(base + 600 * 10**9), **params}

    answer = lab.get("/api/v3/traces", **{f"query.{key}": value for key, value in query.items()})

    spans = [
        span
        for resource in answer.json()["result"]["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]
    assert {span["traceId"] for span in spans} == {ids[one] for one in expected}


def test_v3_looks_only_where_it_is_told(lab: Lab, past: tuple[str, int, dict[str, str]]) -> None:
    name, base, ids = past
    window = {"query.start_time_min": moment(base + 30 * 10**9), "query.start_time_max": moment(base + 90 * 10**9)}

    answer = lab.get("/api/v3/traces", **{"query.service_name": name, "query.num_traces": "10", **window})

    assert answer.text.count(ids["media"]) == 1
    assert ids["lenta"] not in answer.text
    assert ids["rapida"] not in answer.text


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({}, 400),
        ({"query.start_time_min": "2026-01-01T00:00:00Z"}, 400),
        ({"query.start_time_min": "ayer", "query.start_time_max": "2026-01-01T00:00:00Z"}, 400),
        ({"query.num_traces": "pocas"}, 400),
        ({"query.num_traces": "0"}, 500),
        ({"query.duration_min": "rato"}, 400),
        ({"query.raw_traces": "quizá"}, 400),
        ({"query.num_traces": "1", "query.service_name": "no-existe"}, 404),
    ],
)
def test_v3_says_what_it_does_not_understand(lab: Lab, params: dict[str, str], status: int) -> None:
    window = {"query.start_time_min": "2026-01-01T00:00:00Z", "query.start_time_max": "2026-01-01T01:00:00.5Z"}
    whole = params if not params or "query.start_time_min" in params else window | params

    answer = lab.get("/api/v3/traces", **whole)

    assert answer.status_code == status
    assert json.loads(answer.text)["error"]["httpCode"] == status
    assert json.loads(answer.text)["error"]["message"]


@pytest.mark.parametrize("name_", ["start", "end"])
def test_a_moment_that_is_none_is_refused_when_asking_for_a_trace(lab: Lab, name_: str) -> None:
    answer = lab.get(f"/api/traces/{secrets.token_hex(16)}", **{name_: "ayer"})

    assert answer.status_code == 400
    assert json.loads(answer.text)["errors"][0]["code"] == 400


def test_a_big_trace_in_compressed_protobuf_comes_back_whole(lab: Lab, name: str) -> None:
    request, base, trace_id = ExportTraceServiceRequest(), time.time_ns(), secrets.token_bytes(16)
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = name
    scope = resource.scope_spans.add()
    root = secrets.token_bytes(8)
    for place in range(1500):
        own = scope.spans.add(trace_id=trace_id, span_id=secrets.token_bytes(8) if place else root)
        own.name, own.kind = f"paso {place}", Span.SPAN_KIND_INTERNAL
        own.start_time_unix_nano, own.end_time_unix_nano = base + place, base + 2000
        if place:
            own.parent_span_id = root
        own.attributes.add(key="n").value.int_value = place
    body = gzip.compress(request.SerializeToString())

    answer = lab.post(body, PROTOBUF, Content_Encoding="gzip")

    assert answer.status_code == 200
    trace = lab.trace(trace_id.hex(), spans=1500)
    assert {as_dict(span["tags"])["n"] for span in trace["spans"]} == {("int64", n) for n in range(1500)}
    assert len(trace["processes"]) == 1


def test_each_kind_and_each_status_is_written_as_always(lab: Lab, name: str) -> None:
    first = raw_span(name="0", kind=0)
    rest = [raw_span(name=str(kind), kind=kind, traceId=first["traceId"]) for kind in range(1, 6)]
    states = [
        raw_span(name=f"estado {code}", traceId=first["traceId"], status={"code": code, "message": "porque sí"})
        for code in range(3)
    ]

    seen = sent(lab, name, first, *rest, *states)

    kinds = {
        one: as_dict(span["tags"]).get("span.kind", ("", ""))[1] for one, span in seen.items() if len(one) == 1
    }
    assert kinds == dict(zip("012345", ("", "internal", "server", "client", "producer", "consumer"), strict=True))
    tags = [as_dict(seen[f"estado {code}"]["tags"]) for code in range(3)]
    assert [one.get("otel.status_code") for one in tags] == [None, ("string", "OK"), ("string", "ERROR")]
    assert [one.get("error") for one in tags] == [None, None, ("bool", True)]
    assert {one["otel.status_description"] for one in tags} == {("string", "porque sí")}


def test_dependencies_count_each_call_between_services(lab: Lab) -> None:
    base, names = time.time_ns(), [f"servicio-{secrets.token_hex(4)}" for _ in range(2)]
    root = between(None, "entra", 0, 100, base)
    calls = [between(root, f"llamada {n}", 1, 2, base) for n in range(3)]
    assert lab.post(json.dumps(document(names[0], root))).status_code == 200
    assert lab.post(json.dumps(document(names[1], *calls))).status_code == 200
    lab.trace(root["traceId"], spans=4)

    edges = lab.data("/api/dependencies", endTs=base // MS + 1000, lookback=60_000)
    none = lab.data("/api/dependencies", endTs=base // MS - 1000, lookback=1)

    assert {"parent": names[0], "child": names[1], "callCount": 3} in edges
    assert not [one for one in none or [] if one["parent"] == names[0]]


@pytest.mark.parametrize("params", [{"endTs": "ayer"}, {"endTs": 1, "lookback": "mucho"}])
def test_a_window_that_makes_no_sense_is_refused(lab: Lab, params: dict[str, Any]) -> None:
    answer = lab.get("/api/dependencies", **params)

    assert (answer.status_code, json.loads(answer.text)["data"]) == (400, None)
    assert answer.headers["content-type"].startswith("text/plain") or answer.headers["content-type"] == JSON
