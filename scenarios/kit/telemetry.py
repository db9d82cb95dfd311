"""Trazas: cada microservicio cuenta lo que hace con OpenTelemetry y se lo manda a Jaeger por OTLP/HTTP.

La instrumentación de las bibliotecas crea los spans de HTTP, Redis y MinIO; los de Kafka los crea
`scenarios.kit.messaging`. Todo se gobierna con las variables de entorno de siempre
(https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/):

- `OTEL_EXPORTER_OTLP_ENDPOINT`: adónde se mandan los spans.
- `OTEL_TRACES_SAMPLER` y `OTEL_TRACES_SAMPLER_ARG`: qué parte de las peticiones se traza. Por defecto
  `parentbased_always_on`: todas, salvo que quien llama diga que no. Con mucho tráfico se baja
  (`parentbased_traceidratio` y `0.05`): guardar todas las trazas cuesta disco y dinero.
- `OTEL_BSP_SCHEDULE_DELAY`: los milisegundos que se espera, desde que acaba un span, para mandarlo con los que
  acaben entretanto. Aquí 150, para verlo enseguida.
"""

from __future__ import annotations

import os
import threading
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from scenarios.kit import holding
from scenarios.kit.settings import optional

EXPORT_WITHIN_S = 2
"""Lo que se insiste en mandar un lote. Perder trazas es preferible a que un microservicio espere por ellas."""

IDLE_DELAY_MS = 30_000
"""Cada cuánto mira el lote por su cuenta si hay algo que mandar; casi siempre le habrá avisado ya `Prompt`."""

_WANTED_HEADERS = ["ETag", "X-Amz-Version-Id", "X-Consul-Index", "Idempotent-Replayed", "Request-Id"]
"""Lo que vale la pena guardar de una respuesta: qué versión es, y con qué número la conoce quien la dio."""


def setup_telemetry(service: str) -> None:
    """Prepara las trazas de `service` e instrumenta los clientes. Se llama una vez, antes de crear clientes."""
    # Nombres de atributo estables: http.request.method, db.query.text… (https://opentelemetry.io/docs/specs/semconv)
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http,database")

    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider

    # Con varias instancias de un servicio, cada span dice cuál lo hizo: el mismo nombre que tiene en Consul.
    about = {SERVICE_NAME: service, SERVICE_INSTANCE_ID: optional("SERVICE_ID", service)}
    provider = TracerProvider(resource=Resource.create(about))
    if processor := holding.processor_from_env(service):
        provider.add_span_processor(processor)
    batch = BatchSpanProcessor(OTLPSpanExporter(timeout=EXPORT_WITHIN_S), schedule_delay_millis=IDLE_DELAY_MS)
    provider.add_span_processor(batch)
    provider.add_span_processor(Prompt(batch, float(optional("OTEL_BSP_SCHEDULE_DELAY", "150")) / 1000))
    trace.set_tracer_provider(provider)


class Prompt(SpanProcessor):
    """Hace que `batch` mande lo suyo `delay_s` segundos después de que acabe un span.

    El lote, por sí solo, se despierta cada tanto a mirar: para ver las trazas enseguida tendría que hacerlo sin
    parar, también de noche y sin nadie. Así, mientras no pasa nada, nadie se despierta.
    """

    def __init__(self, batch: BatchSpanProcessor, delay_s: float) -> None:
        self._batch, self._delay_s = batch, delay_s
        self._ended, self._stopped = threading.Event(), threading.Event()
        threading.Thread(target=self._work, name="prompt-spans", daemon=True).start()

    def on_end(self, span: ReadableSpan) -> None:
        """Avisa a quien manda."""
        self._ended.set()

    def shutdown(self) -> None:
        """Deja de mandar; lo que quede lo manda el lote al cerrarse."""
        self._stopped.set()
        self._ended.set()

    def _work(self) -> None:
        while self._ended.wait() and not self._stopped.wait(self._delay_s):
            self._ended.clear()
            self._batch.force_flush()


def shutdown_telemetry() -> None:
    """Manda lo que quede por mandar y cierra. Sin esto, los últimos spans de un proceso se pierden."""
    from opentelemetry import trace

    provider: Any = trace.get_tracer_provider()
    if hasattr(provider, "shutdown"):
        # En un hilo aparte y con plazo: si Jaeger no contesta, parar no puede depender de él.
        closing = threading.Thread(target=provider.shutdown, daemon=True)
        closing.start()
        closing.join(EXPORT_WITHIN_S)


def instrument_app(app: Any) -> None:
    """Un span de servidor por petición, sin los internos `http send`/`receive`, que son ruido."""
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

    FastAPIInstrumentor.instrument_app(app, exclude_spans=["send", "receive"])


def instrument_http() -> None:
    """Un span por llamada HTTP hecha con urllib3: otro microservicio, MinIO, Consul (`requests` también lo usa).

    Guarda las cabeceras de la respuesta que dicen algo (el ETag de MinIO, el índice de Consul).
    """
    from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor

    instrumentor = URLLib3Instrumentor()
    if not instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.instrument(request_hook=_name_after_path, captured_response_headers=_WANTED_HEADERS)


def instrument_cache() -> None:
    """Un span por orden de Redis, con el nombre de la orden (`SET`). Los valores no se guardan en la traza."""
    from opentelemetry.instrumentation.redis import RedisInstrumentor

    RedisInstrumentor().instrument()


def _name_after_path(span: Any, pool: Any, request: Any) -> None:
    """De «PUT» a «PUT avatares», o a «POST /api/payments/process»: se lee mejor y sigue habiendo pocos nombres.

    De una API se quedan tres trozos de la ruta; de un almacén de objetos, solo el *bucket*: el resto cambia.
    """
    parts = urlsplit(request.url).path.strip("/").split("/")
    if parts[0] in ("api", "v1"):
        span.update_name(f"{request.method} /{'/'.join(parts[:3])}")
    elif parts[0]:
        span.update_name(f"{request.method} {parts[0]}")
