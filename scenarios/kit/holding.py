"""Parar de verdad el sistema entre dos pasos, sin que ningún microservicio se entere.

Un procesador de spans de OpenTelemetry ve empezar y acabar cada operación. Si el equipaje (W3C Baggage,
https://www.w3.org/TR/baggage/) de la petición dice que alguien la está siguiendo paso a paso, el procesador
pregunta a esa persona antes de dejar empezar —o dar por acabada— una llamada a otro servicio. El código del
microservicio es el mismo; simplemente, su llamada a MinIO tarda lo que la persona tarde en leer.

Solo funciona si el proceso tiene `STACKLAB_STEP_SECRET` (en producción no está, y entonces esto no existe). La
dirección a la que se pregunta viene en el equipaje, que lo puede escribir cualquiera: por eso va firmada con ese
secreto y solo se acepta si es de esta misma máquina. Si quien pregunta desaparece, la espera acaba en segundos.
"""

from __future__ import annotations

import asyncio
import hmac
import http.client
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opentelemetry import baggage
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import SpanKind

from scenarios.kit.wire import DESK, RUN, SIGNATURE, sign

SECRET_VARIABLE = "STACKLAB_STEP_SECRET"
ANSWER_WITHIN_S = 3.0
"""Lo que se espera cada respuesta. Quien está al otro lado contesta, aunque sea «espera», cada segundo."""
FOLLOWED_S = 3600.0

_HELD_KINDS = {SpanKind.CLIENT, SpanKind.PRODUCER, SpanKind.CONSUMER, SpanKind.INTERNAL}
_LOOPBACK = re.compile(r"127\.0\.0\.1:(\d{1,5})")


def processor_from_env(service: str) -> SpanProcessor | None:
    """El procesador para `service`, o `None` si este proceso no está en un laboratorio."""
    secret = os.environ.get(SECRET_VARIABLE, "")
    return HoldingSpanProcessor(service, secret) if secret else None


@dataclass(frozen=True, slots=True)
class _Desk:
    """Dónde se pregunta por una ejecución, ya comprobada la firma."""

    port: int
    signature: str

    def ask(self, question: Mapping[str, Any]) -> str:
        """Pregunta y espera hasta que haya una decisión: `go`, `drop` o `crash`. Si nadie contesta, `go`."""
        body = json.dumps(question).encode()
        headers = {"Authorization": f"Bearer {self.signature}", "Content-Type": "application/json"}
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_WITHIN_S)
            try:
                connection.request("POST", "/hold", body, headers)
                response = connection.getresponse()
                verdict = str(json.loads(response.read(4096))["verdict"]) if response.status == 200 else "go"
            except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
                return "go"
            finally:
                connection.close()
            if verdict != "wait":
                return verdict


class HoldingSpanProcessor(SpanProcessor):
    """Pregunta antes de empezar y de dar por acabada cada llamada a otro servicio, o cada trabajo con span."""

    def __init__(self, service: str, secret: str) -> None:
        self._service = service
        self._secret = secret
        self._followed: dict[int, _Desk] = {}

    def on_start(self, span: Span, parent_context: Any = None) -> None:
        """Espera al empezar. Va antes que el exportador: una llamada que no llegó a ocurrir no deja span."""
        if span.kind not in _HELD_KINDS:
            return
        desk = _desk(self._secret, parent_context)
        if desk is None or _inside_event_loop():
            return
        self._wait(desk, "start", span)
        self._followed[span.context.span_id] = desk

    def on_end(self, span: ReadableSpan) -> None:
        """Espera al acabar: lo que se pidió ya ocurrió, pero quien lo pidió aún no lo sabe."""
        if span.context is not None and (desk := self._followed.pop(span.context.span_id, None)):
            self._wait(desk, "end", span)

    def _wait(self, desk: _Desk, moment: str, span: ReadableSpan) -> None:
        verdict = desk.ask(
            {
                "service": self._service,
                "moment": moment,
                "kind": span.kind.name.lower(),
                "name": span.name,
                "attributes": {key: str(value) for key, value in (span.attributes or {}).items()},
            }
        )
        if verdict == "drop":
            raise ConnectionError("la conexión se cortó")
        if verdict == "crash":
            raise RuntimeError("fallo inesperado")


def patience(seconds: float) -> float:
    """Lo que hay que esperar a otro servicio: `seconds` o, si a esta petición la siguen paso a paso, una hora.

    El otro puede estar parado esperando a que alguien pulse Enter; darlo por perdido sería un error.
    """
    secret = os.environ.get(SECRET_VARIABLE, "")
    return FOLLOWED_S if secret and _desk(secret, None) is not None else seconds


def _desk(secret: str, context: Any) -> _Desk | None:
    """Dónde preguntar por la petición de `context` (`None`: la actual), si alguien la sigue y firma bien."""
    run_id, address, signature = (str(baggage.get_baggage(key, context) or "") for key in (RUN, DESK, SIGNATURE))
    if not address or not (match := _LOOPBACK.fullmatch(address)):
        return None
    if not hmac.compare_digest(signature.encode(), sign(secret, run_id, address).encode()):
        return None
    port = int(match.group(1))
    return _Desk(port, signature) if 0 < port < 65536 else None


def _inside_event_loop() -> bool:
    """En el bucle de eventos no se puede esperar: se pararía el proceso entero, `/health` incluido."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
