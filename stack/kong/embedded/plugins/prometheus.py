"""`prometheus`: cuenta lo que pasa por Kong (Kong 3.9). Las series están en `metrics.py`."""

from __future__ import annotations

from stack.kong.embedded.exchange import Exchange
from stack.kong.embedded.models import PluginConfig
from stack.kong.embedded.plugins.base import Plugin
from stack.kong.embedded.schema import Field, Record


class Prometheus(Plugin):
    """Anota cada petición que tenía ruta. De fábrica viene todo apagado: hay que pedir cada familia."""

    name = "prometheus"
    priority = 13
    per_consumer = True
    config = Record(
        {
            "per_consumer": Field("boolean", default=False),
            "status_code_metrics": Field("boolean", default=False),
            "ai_metrics": Field("boolean", default=False, covered=(False,)),
            "latency_metrics": Field("boolean", default=False),
            "bandwidth_metrics": Field("boolean", default=False),
            "upstream_health_metrics": Field("boolean", default=False),
        }
    )

    def log(self, x: Exchange, conf: PluginConfig) -> None:
        if x.route is None:
            return
        options, metrics = conf.config, self.runtime.metrics
        service = x.service.label if x.service else ""
        username = x.consumer.username if x.consumer and options["per_consumer"] else None
        where = (service, x.route.label)
        if options["status_code_metrics"]:
            source = "service" if x.source == "service" else "kong"
            metrics.count_status(*where, x.status, source, username or "")
        if options["bandwidth_metrics"]:
            metrics.add_bandwidth(*where, x.request_size, x.response_size, username or "")
        if options["latency_metrics"]:
            metrics.observe_latency(*where, x.total_ms, x.waited_ms, x.kong_ms)
