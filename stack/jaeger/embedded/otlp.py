"""OTLP: de los bytes que manda un exportador a spans, y de vuelta (https://opentelemetry.io/docs/specs/otlp/).

Los identificadores viajan como bytes en protobuf y en hexadecimal en JSON; aquí dentro son siempre hexadecimales.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from stack.jaeger.embedded import attributes
from stack.jaeger.embedded.models import Span, SpanId

PROTOBUF = "application/x-protobuf"
JSON = "application/json"

_WARNINGS = "@jaeger@warnings"
_ID_BYTES = {"traceId": 16, "spanId": 8, "parentSpanId": 8}
_SNAKE_IDS = {"trace_id": "traceId", "span_id": "spanId", "parent_span_id": "parentSpanId"}


class Unreadable(ValueError):
    """El cuerpo no es OTLP. El texto, en español, dice por qué."""


@dataclass(slots=True)
class Batch:
    """Lo que traía una petición: los spans aprovechables, y cuántos no lo eran y por qué."""

    spans: list[Span] = field(default_factory=list)
    rejected: int = 0
    reason: str = ""


def read(body: bytes, content_type: str) -> Batch:
    """Los spans de una petición `POST /v1/traces` en `PROTOBUF` o en `JSON`.

    Un span sin identificadores válidos no se puede colocar en ninguna traza: se cuenta como rechazado.

    Raises:
        Unreadable: el cuerpo no se entiende.
    """
    request = _from_json(body) if content_type == JSON else _from_protobuf(body)
    batch = Batch()
    for resource_spans in request.resource_spans:
        # La cabecera (recurso y ámbito) se guarda una sola vez y la comparten todos sus spans.
        service = _service_name(resource_spans.resource)
        resource = trace_pb2.ResourceSpans(
            resource=resource_spans.resource, schema_url=resource_spans.schema_url
        ).SerializeToString()
        for scope_spans in resource_spans.scope_spans:
            scope = trace_pb2.ScopeSpans(
                scope=scope_spans.scope, schema_url=scope_spans.schema_url
            ).SerializeToString()
            for message in scope_spans.spans:
                if len(message.trace_id) == 16 and len(message.span_id) == 8 and any(message.trace_id):
                    batch.spans.append(_span(message, service, resource, scope))
                else:
                    batch.rejected += 1
                    batch.reason = "hay spans sin un identificador de traza (16 bytes) o de span (8 bytes) válido"
    return batch


def message_of(span: Span) -> trace_pb2.Span:
    """El span entero, tal como llegó."""
    return trace_pb2.Span.FromString(span.message)


def resource_of(span: Span) -> Resource:
    """El recurso (el proceso) que mandó el span."""
    return resource_message(span.resource)


def resource_message(raw: bytes) -> Resource:
    """El recurso que hay en `Span.resource`."""
    return trace_pb2.ResourceSpans.FromString(raw).resource


def scope_of(span: Span) -> InstrumentationScope:
    """La biblioteca que midió el span."""
    return trace_pb2.ScopeSpans.FromString(span.scope).scope


def answer(content_type: str, rejected: int = 0, reason: str = "") -> bytes:
    """La respuesta a quien exporta. Con `rejected` es un «éxito parcial»: lo demás se ha guardado."""
    response = ExportTraceServiceResponse()
    response.partial_success.SetInParent()
    if rejected:
        response.partial_success.rejected_spans = rejected
        response.partial_success.error_message = reason
    if content_type == PROTOBUF:
        return response.SerializeToString()
    from google.protobuf.json_format import MessageToDict

    return json.dumps(MessageToDict(response), ensure_ascii=False).encode()


def to_json(spans: Iterable[Span], warnings: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Los spans como `TracesData` en OTLP JSON, agrupados por recurso y ámbito.

    `warnings` son los avisos de cada span, por su identificador: van en el atributo que Jaeger reserva para ellos.
    """
    from google.protobuf.json_format import MessageToDict

    data = trace_pb2.TracesData()
    resources: dict[bytes, trace_pb2.ResourceSpans] = {}
    scopes: dict[tuple[bytes, bytes], trace_pb2.ScopeSpans] = {}
    for span in spans:
        if span.resource not in resources:
            resources[span.resource] = data.resource_spans.add()
            resources[span.resource].MergeFromString(span.resource)
            _sort(resources[span.resource].resource.attributes)
        pair = (span.resource, span.scope)
        if pair not in scopes:
            scopes[pair] = resources[span.resource].scope_spans.add()
            scopes[pair].MergeFromString(span.scope)
            _sort(scopes[pair].scope.attributes)
        message = scopes[pair].spans.add()
        message.MergeFromString(span.message)
        message.end_time_unix_nano = span.end_ns
        message.status.SetInParent()
        if own := warnings.get(span.span_id):
            values = message.attributes.add(key=_WARNINGS).value.array_value.values
            values.extend(AnyValue(string_value=text) for text in own)
        _sort(message.attributes)
        message.events.sort(key=lambda event: event.name)
        for event in message.events:
            _sort(event.attributes)
        for link in message.links:
            _sort(link.attributes)
    document = MessageToDict(data, use_integers_for_enums=True)
    for span_document, name in _ids(document):
        span_document[name] = base64.b64decode(span_document[name]).hex()
    return document


def _sort(items: Any) -> None:
    items.sort(key=lambda item: item.key)


def _span(message: trace_pb2.Span, service: str, resource: bytes, scope: bytes) -> Span:
    return Span(
        trace_id=message.trace_id.hex(),
        span_id=message.span_id.hex(),
        parent_id=message.parent_span_id.hex() if any(message.parent_span_id) else "",
        service=service,
        name=message.name,
        kind=message.kind,
        status=message.status.code,
        start_ns=message.start_time_unix_nano,
        # Como Jaeger: un final que no es posterior al principio se corrige a un nanosegundo.
        end_ns=max(message.end_time_unix_nano, message.start_time_unix_nano + 1),
        links=tuple(
            SpanId(link.trace_id.hex(), link.span_id.hex()) for link in message.links if any(link.trace_id)
        ),
        resource=resource,
        scope=scope,
        message=message.SerializeToString(),
    )


def _service_name(resource: Resource) -> str:
    value = attributes.find(resource.attributes, "service.name")
    if value is None:
        return "missing-service-name"
    if value.WhichOneof("value") != "string_value":
        return "service-name-wrong-type"
    return value.string_value or "empty-service-name"


def _from_protobuf(body: bytes) -> ExportTraceServiceRequest:
    try:
        return ExportTraceServiceRequest.FromString(body)
    except DecodeError as error:
        raise Unreadable("el cuerpo no es un mensaje protobuf de trazas (ExportTraceServiceRequest)") from error


def _from_json(body: bytes) -> ExportTraceServiceRequest:
    from google.protobuf.json_format import ParseDict, ParseError

    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable("el cuerpo no es JSON") from error
    try:
        for holder, name in _ids(document):
            holder[name] = _base64_id(holder[name], _SNAKE_IDS.get(name, name))
        return ParseDict(document, ExportTraceServiceRequest(), ignore_unknown_fields=True)
    except (ParseError, TypeError, AttributeError, ValueError, RecursionError) as error:
        reason = (
            str(error) if isinstance(error, Unreadable) else "el JSON no tiene la forma de OTLP (resourceSpans…)"
        )
        raise Unreadable(reason) from error


def _base64_id(value: Any, name: str) -> str:
    """De hexadecimal a base64, que es lo que espera protobuf para los bytes en JSON."""
    try:
        raw = bytes.fromhex(value or "")
    except (ValueError, TypeError) as error:
        raise Unreadable(f"«{name}» ha de ir en hexadecimal y no lo está: {str(value)[:40]!r}") from error
    if raw and len(raw) != _ID_BYTES[name]:
        raise Unreadable(f"«{name}» ha de tener {_ID_BYTES[name]} bytes y tiene {len(raw)}")
    return base64.b64encode(raw).decode()


def _ids(document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Cada sitio del documento donde hay un identificador: los de los spans y los de sus enlaces."""
    for resource_spans in _either(document, "resourceSpans", "resource_spans"):
        for scope_spans in _either(resource_spans, "scopeSpans", "scope_spans"):
            for span in _either(scope_spans, "spans", "spans"):
                for holder in (span, *_either(span, "links", "links")):
                    for name in (*_ID_BYTES, *_SNAKE_IDS):
                        if name in holder:
                            yield holder, name


def _either(holder: dict[str, Any], camel: str, snake: str) -> list[dict[str, Any]]:
    return holder.get(camel) or holder.get(snake) or []
