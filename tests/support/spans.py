"""Spans de Jaeger hechos a mano, para probar lo que se hace con ellos."""

from __future__ import annotations

import itertools
import time
from typing import Any

from opentelemetry.proto.trace.v1 import trace_pb2

from stack.jaeger.embedded import otlp
from stack.jaeger.embedded.models import Kind, Span

MS = 1_000_000
_numbers = itertools.count(1)


def span(
    name: str = "operación",
    *,
    trace: int = 1,
    id: int = 0,
    parent: int = 0,
    service: str = "tienda",
    kind: int = Kind.INTERNAL,
    start_ms: float = 0,
    ms: float = 10,
    error: bool = False,
    links: tuple[tuple[int, int], ...] = (),
    attributes: dict[str, str] | None = None,
    resource: dict[str, str] | None = None,
    base_ns: int | None = None,
) -> Span:
    """Un span de la traza número `trace`; sin `id` recibe uno que no se ha usado. `links` son (traza, span)."""
    base = time.time_ns() - 60_000 * MS if base_ns is None else base_ns
    request = otlp.ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    _set(resource_spans.resource.attributes, {"service.name": service} | (resource or {}))
    message = resource_spans.scope_spans.add().spans.add(
        trace_id=trace_bytes(trace),
        span_id=(id or next(_numbers) + 1000).to_bytes(8, "big"),
        parent_span_id=parent.to_bytes(8, "big") if parent else b"",
        name=name,
        kind=trace_pb2.Span.SpanKind.ValueType(kind),
        start_time_unix_nano=base + round(start_ms * MS),
        end_time_unix_nano=base + round((start_ms + ms) * MS),
        status=trace_pb2.Status(code=trace_pb2.Status.STATUS_CODE_ERROR) if error else None,
    )
    _set(message.attributes, attributes or {})
    for linked_trace, linked_span in links:
        message.links.add(trace_id=trace_bytes(linked_trace), span_id=linked_span.to_bytes(8, "big"))
    (made,) = otlp.read(request.SerializeToString(), otlp.PROTOBUF).spans
    return made


def trace_bytes(number: int) -> bytes:
    return number.to_bytes(16, "big")


def trace_id(number: int) -> str:
    """El identificador de la traza número `number`, con sus 32 cifras."""
    return trace_bytes(number).hex()


def _set(target: Any, values: dict[str, str]) -> None:
    for key, value in values.items():
        target.add(key=key).value.string_value = value
