"""El span de quien empieza todo: el cliente también cuenta su parte, y así la traza tiene raíz.

Se manda por OTLP/HTTP en JSON (https://opentelemetry.io/docs/specs/otlp/#otlphttp), que es lo que hacen los
navegadores; para un solo span no hace falta cargar el SDK entero.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from scenarios.engine.context import CLIENT_SERVICE, Run

_CLIENT_KIND = 3


def export_client_span(
    run: Run, name: str, start_ns: int, end_ns: int, attributes: Mapping[str, str | int]
) -> None:
    """Manda a Jaeger el span raíz de `run`. Los instantes son nanosegundos desde 1970."""
    span = {
        "traceId": run.trace_id,
        "spanId": run.span_id,
        "name": name,
        "kind": _CLIENT_KIND,
        "startTimeUnixNano": str(start_ns),
        "endTimeUnixNano": str(end_ns),
        "attributes": [_attribute(key, value) for key, value in attributes.items()],
    }
    document = {
        "resourceSpans": [
            {
                "resource": {"attributes": [_attribute("service.name", CLIENT_SERVICE)]},
                "scopeSpans": [{"scope": {"name": "stacklab"}, "spans": [span]}],
            }
        ]
    }
    run.clients.http.request(
        "POST",
        f"{run.env['OTEL_EXPORTER_OTLP_ENDPOINT']}/v1/traces",
        body=json.dumps(document).encode(),
        headers={"Content-Type": "application/json"},
    )


def _attribute(key: str, value: str | int) -> dict[str, object]:
    kind = "intValue" if isinstance(value, int) else "stringValue"
    return {"key": key, "value": {kind: str(value)}}
