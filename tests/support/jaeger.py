"""Ayudas para hablar con Jaeger en las pruebas: mandarle spans, con OpenTelemetry o a mano, y verlos de vuelta."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import requests
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Span, set_span_in_context

MS = 1_000_000
PROTOBUF, JSON = "application/x-protobuf", "application/json"


@dataclass
class Lab:
    """Las dos puertas de Jaeger y los servicios que en esta prueba le mandan spans."""

    ui: str
    otlp: str
    _providers: dict[str, TracerProvider] = field(default_factory=dict)

    def span(self, service: str, name: str, parent: Span | None = None, **options: Any) -> Span:
        """Un span sin acabar del servicio `service`."""
        if service not in self._providers:
            resource = Resource.create({"service.name": service, "service.version": "1.2.3"})
            provider = self._providers[service] = TracerProvider(resource=resource)
            exporter = OTLPSpanExporter(f"{self.otlp}/v1/traces", compression=Compression.Gzip)
            provider.add_span_processor(SimpleSpanProcessor(exporter))
        tracer = self._providers[service].get_tracer("contrato", "0.9")
        return tracer.start_span(name, context=set_span_in_context(parent) if parent else None, **options)

    def close(self) -> None:
        for provider in self._providers.values():
            provider.shutdown()

    def get(self, path: str, **params: Any) -> requests.Response:
        return requests.get(self.ui + path, params=params, timeout=10)

    def data(self, path: str, **params: Any) -> Any:
        answer = self.get(path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def post(self, body: Any, content_type: str = JSON, **headers: str) -> requests.Response:
        """Manda un cuerpo a mano, sin el exportador de por medio."""
        headers = {"Content-Type": content_type} | {key.replace("_", "-"): value for key, value in headers.items()}
        return requests.post(f"{self.otlp}/v1/traces", data=body, headers=headers, timeout=10)

    def trace(self, trace_id: str, spans: int = 1) -> dict[str, Any]:
        """La traza, cuando ya están sus `spans`: Jaeger los guarda por tandas y puede tardar un poco."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            answer = self.get(f"/api/traces/{trace_id}")
            if answer.status_code == 200:
                (trace,) = answer.json()["data"]
                if len(trace["spans"]) >= spans:
                    return trace
            time.sleep(0.02)
        raise AssertionError(f"la traza {trace_id} no ha llegado entera: {answer.text[:500]}")


def trace_id(span: Span) -> str:
    return format(span.get_span_context().trace_id, "032x")


def span_id(span: Span) -> str:
    return format(span.get_span_context().span_id, "016x")


def by_name(trace: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [span for span in trace["spans"] if span["operationName"] == name]
    return found


def as_dict(tags: list[dict[str, Any]]) -> dict[str, tuple[str, Any]]:
    return {tag["key"]: (tag["type"], tag["value"]) for tag in tags}


def document(service: str, *spans: dict[str, Any]) -> dict[str, Any]:
    """Una petición OTLP en JSON."""
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": list(spans)}]}]}


def raw_span(**fields: Any) -> dict[str, Any]:
    now = time.time_ns()
    return {
        "traceId": secrets.token_hex(16),
        "spanId": secrets.token_hex(8),
        "name": "a mano",
        "kind": 1,
        "startTimeUnixNano": str(now - 5 * MS),
        "endTimeUnixNano": str(now),
    } | fields
