"""Una llamada HTTP suelta, de comprobación."""

from __future__ import annotations

from collections.abc import Mapping

from scenarios.engine.answer import Answer
from scenarios.engine.context import Run


def ask(
    run: Run, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> Answer:
    """Una llamada HTTP cualquiera. Que no se trace (`traceparent` sin marca) es cosa de quien llama."""
    response = run.clients.http.request(method, url, headers=dict(headers or {}), body=body)
    return Answer(response.status, {key.lower(): value for key, value in response.headers.items()}, response.data)


def untraced(run: Run) -> dict[str, str]:
    """Cabecera para las llamadas de comprobación: pide que no se tracen, para no ensuciar las trazas."""
    return {"traceparent": f"00-{run.trace_id}-{run.span_id}-00"}
