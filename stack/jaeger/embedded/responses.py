"""Las respuestas de la API de consulta con la forma exacta de Jaeger (`internal/uimodel/model.go`)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2
from starlette.responses import PlainTextResponse, Response

from stack.jaeger.embedded import attributes, otlp, skew
from stack.jaeger.embedded.models import Span, Trace
from stack.jaeger.embedded.query import KIND_NAMES, STATUS_NAMES

# Lo que la biblioteca de OpenTelemetry dice de sí misma se enseña con el proceso, no con el span.
_LIBRARY_KEYS = {
    "telemetry.sdk.language",
    "telemetry.sdk.name",
    "telemetry.sdk.version",
    "telemetry.distro.name",
    "telemetry.distro.version",
}


def structured(
    data: Any,
    *,
    total: int = 0,
    errors: list[dict[str, Any]] | None = None,
    pretty: bool = False,
) -> Response:
    """El sobre de toda la API: `data`, `total`, `limit`, `offset` y `errors`."""
    body = json.dumps(_envelope(data, total, errors), ensure_ascii=False, indent=4 if pretty else None)
    return Response(body, media_type="application/json")


def error(message: str, status: int) -> Response:
    """Un error de la API: el mismo sobre, con `data` nulo. Es JSON, pero Jaeger lo manda como texto."""
    body = json.dumps(_envelope(None, 0, [{"code": status, "msg": message}]), ensure_ascii=False)
    return PlainTextResponse(body, status_code=status)


def error_v3(message: str, status: int) -> Response:
    """Un error de `/api/v3`."""
    return plain({"error": {"httpCode": status, "message": message}}, status)


def plain(document: dict[str, Any], status: int = 200) -> Response:
    """Un documento sin sobre: lo que contesta `/api/v3`, que Jaeger manda también como texto."""
    return PlainTextResponse(json.dumps(document, ensure_ascii=False), status_code=status)


def listed(items: Sequence[Any]) -> Response:
    """Una lista con su total; vacía es `null`, como en Jaeger."""
    return structured(list(items) or None, total=len(items))


def trace(found: Trace) -> dict[str, Any]:
    """Una traza: sus spans y, aparte, los procesos que los mandaron (`p1`, `p2`…)."""
    processes: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
    spans, warnings = [], skew.of_model(found)
    for span in found.in_order():
        message = otlp.message_of(span)
        process = _process(span, message)
        identity = (span.service, json.dumps(process["tags"], sort_keys=True))
        name, _ = processes.setdefault(identity, (f"p{len(processes) + 1}", process))
        spans.append(_span(span, message, name, warnings.get(span.span_id)))
    return {
        "traceID": short(found.id),
        "spans": spans,
        "processes": dict(processes.values()),
        "warnings": None,
    }


def short(trace_id: str) -> str:
    """El identificador como lo escribe Jaeger: 16 cifras si las otras 16 son ceros."""
    return trace_id[16:] if trace_id.startswith("0" * 16) else trace_id


def tags(span: Span, message: trace_pb2.Span) -> list[dict[str, Any]]:
    """Los *tags* del span: sus atributos más los que Jaeger saca del papel, del estado y de la biblioteca."""
    scope = otlp.scope_of(span)
    extra = {
        "otel.scope.name": scope.name,
        "otel.scope.version": scope.version,
        "span.kind": KIND_NAMES.get(span.kind, ""),
        "otel.status_code": STATUS_NAMES.get(span.status, ""),
        "otel.status_description": message.status.message,
        "w3c.tracestate": message.trace_state,
    }
    found = _tags(item for item in message.attributes if item.key not in _LIBRARY_KEYS)
    found += [{"key": key, "type": "string", "value": value} for key, value in extra.items() if value]
    if span.failed:
        found.append({"key": "error", "type": "bool", "value": True})
    return sorted(found, key=lambda item: str(item["key"]))


def logs(message: trace_pb2.Span) -> list[dict[str, Any]]:
    """Los sucesos del span; el nombre va en el campo `event`, el primero."""
    found = []
    for event in message.events:
        fields = _tags(event.attributes)
        if event.name and not any(item["key"] == "event" for item in fields):
            fields.append({"key": "event", "type": "string", "value": event.name})
        fields.sort(key=lambda item: (item["key"] != "event", item["key"]))
        found.append({"timestamp": event.time_unix_nano // 1000, "fields": fields})
    return found


def process_tags(span: Span, message: trace_pb2.Span) -> list[dict[str, Any]]:
    """Lo que se sabe del proceso que mandó el span, salvo el nombre del servicio."""
    resource = [item for item in otlp.resource_of(span).attributes if item.key != "service.name"]
    moved = [item for item in message.attributes if item.key in _LIBRARY_KEYS]
    return sorted(_tags([*resource, *moved]), key=lambda item: str(item["key"]))


def references(span: Span, message: trace_pb2.Span) -> list[dict[str, str]]:
    """De quién viene el span: su padre (CHILD_OF) y los spans que enlaza (FOLLOWS_FROM si no dicen otra cosa).

    Un enlace al propio padre no se repite: solo cambia el tipo de la referencia, como hace Jaeger.
    """
    found: list[dict[str, str]] = []
    if span.parent_id:
        found.append(_reference("CHILD_OF", span.trace_id, span.parent_id))
    for link in message.links:
        if not any(link.trace_id):
            continue
        kind = attributes.find(link.attributes, "opentracing.ref_type")
        wanted = "CHILD_OF" if kind is not None and attributes.text(kind) == "child_of" else "FOLLOWS_FROM"
        reference = _reference(wanted, link.trace_id.hex(), link.span_id.hex())
        if (
            found
            and span.parent_id
            and (link.trace_id.hex(), link.span_id.hex()) == (span.trace_id, span.parent_id)
        ):
            found[0] = reference
        else:
            found.append(reference)
    # Primero la de la misma traza, que es de la que cuelga el span.
    local = short(span.trace_id)
    found.sort(key=lambda item: (item["traceID"] != local, item["refType"] != "CHILD_OF"))
    return found


def _envelope(data: Any, total: int, errors: list[dict[str, Any]] | None) -> dict[str, Any]:
    return {"data": data, "total": total, "limit": 0, "offset": 0, "errors": errors}


def _span(span: Span, message: trace_pb2.Span, process: str, warnings: list[str] | None) -> dict[str, Any]:
    return {
        "traceID": short(span.trace_id),
        "spanID": span.span_id,
        "operationName": span.name,
        "references": references(span, message),
        "startTime": span.start_ns // 1000,
        "duration": span.duration_ns // 1000,
        "tags": tags(span, message),
        "logs": logs(message),
        "processID": process,
        "warnings": warnings,
    }


def _process(span: Span, message: trace_pb2.Span) -> dict[str, Any]:
    return {"serviceName": span.service, "tags": process_tags(span, message)}


def _reference(kind: str, trace_id: str, span_id: str) -> dict[str, str]:
    return {"refType": kind, "traceID": short(trace_id), "spanID": span_id}


def _tags(items: Iterable[KeyValue]) -> list[dict[str, Any]]:
    return [attributes.tag(item.key, item.value) for item in items]
