"""`opentelemetry`: continúa la traza que llega, se la pasa al servicio y manda sus *spans* por OTLP/HTTP.

Sigue `kong/plugins/opentelemetry` y `kong/observability/tracing` de Kong 3.9. Un detalle heredado: si un plugin
de más prioridad (el JWT, por ejemplo) rechaza la petición, este no llega a mirar `traceparent`, y el rechazo
queda en una traza suya.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from stack.kong.embedded.exchange import Exchange
from stack.kong.embedded.headers import Headers
from stack.kong.embedded.models import PluginConfig
from stack.kong.embedded.plugins.base import Plugin
from stack.kong.embedded.replies import Reply
from stack.kong.embedded.schema import Field, Record, at_least_one_of
from stack.kong.embedded.tracing import SpanContext, sampled

_FORMATS = ("w3c", "b3", "b3-single", "jaeger", "ot", "aws", "datadog", "gcp", "instana")
_TIMEOUT = (0, 2**31 - 2)


def _url(value: str) -> str | None:
    parts = urlsplit(value)
    if not parts.hostname:
        return "missing host in url"
    return None if parts.scheme else "missing scheme in url"


_QUEUE = Record(
    {
        "max_batch_size": Field("integer", default=200, between=(1, 1000000)),
        "max_coalescing_delay": Field("number", default=1, between=(0, 3600)),
        "max_entries": Field("integer", default=10000, between=(1, 1000000)),
        "max_bytes": Field("uncovered"),
        "max_retry_time": Field("number", default=60),
        "initial_retry_delay": Field("number", default=0.01, between=(0.001, 1000000)),
        "max_retry_delay": Field("number", default=60, between=(0.001, 1000000)),
        "concurrency_limit": Field("integer", default=1, one_of=(-1, 1)),
    }
)

_PROPAGATION = Record(
    {
        "extract": Field("array", elements=Field("string", one_of=_FORMATS, covered=("w3c",))),
        "clear": Field("array", elements=Field("string")),
        "inject": Field(
            "array", elements=Field("string", one_of=("preserve", *_FORMATS), covered=("preserve", "w3c"))
        ),
        "default_format": Field("string", required=True, default="w3c", one_of=_FORMATS, covered=("w3c",)),
    }
)


class OpenTelemetry(Plugin):
    """Propaga y exporta trazas."""

    name = "opentelemetry"
    priority = 14
    per_consumer = True
    config = Record(
        {
            "traces_endpoint": Field("string", check=_url),
            "logs_endpoint": Field("uncovered"),
            "headers": Field("map", elements=Field("string")),
            "resource_attributes": Field("map", elements=Field("string")),
            "queue": Field("record", required=True, default={}, record=_QUEUE),
            "batch_span_count": Field("uncovered"),
            "batch_flush_delay": Field("uncovered"),
            "connect_timeout": Field("integer", default=1000, between=_TIMEOUT),
            "send_timeout": Field("integer", default=5000, between=_TIMEOUT),
            "read_timeout": Field("integer", default=5000, between=_TIMEOUT),
            "http_response_header_for_traceid": Field("string"),
            "header_type": Field(
                "string",
                default="preserve",
                one_of=("preserve", "ignore", *_FORMATS),
                covered=("preserve", "ignore", "w3c"),
            ),
            "sampling_rate": Field("number", between=(0, 1)),
            "propagation": Field("record", required=True, default={}, record=_PROPAGATION),
        },
        checks=(at_least_one_of("traces_endpoint", "logs_endpoint"),),
        shorthands={"endpoint": lambda value: {"traces_endpoint": value}},
    )

    async def access(self, x: Exchange, conf: PluginConfig) -> Reply | None:
        trace = x.trace
        if trace is None:
            return None
        extract, inject = _formats(conf)
        parent = SpanContext.parse(x.request.headers.get("traceparent")) if extract else None
        if parent is not None:
            trace.continue_from(parent)
        if parent is not None and not parent.sampled:
            trace.sampled = False
        elif conf.config["sampling_rate"] is not None:
            trace.sampled = sampled(trace.trace_id, conf.config["sampling_rate"])
        for name in conf.config["propagation"]["clear"] or ():
            x.upstream_headers.remove(name)
        if inject:
            x.upstream_headers.set("traceparent", trace.outgoing().header())
        return None

    def header_filter(self, x: Exchange, conf: PluginConfig, headers: Headers) -> None:
        name = conf.config["http_response_header_for_traceid"]
        if name and x.trace is not None:
            headers.add(name, x.trace.trace_id)

    def log(self, x: Exchange, conf: PluginConfig) -> None:
        if x.trace is not None and x.trace.sampled:
            self.runtime.exporters.enqueue(conf, x.trace.spans)


def _formats(conf: PluginConfig) -> tuple[bool, bool]:
    """Si se lee `traceparent` de la petición y si se le pone a la que va al servicio."""
    propagation = conf.config["propagation"]
    if any(propagation[name] for name in ("extract", "clear", "inject")):
        return bool(propagation["extract"]), bool(propagation["inject"])
    return conf.config["header_type"] != "ignore", True
