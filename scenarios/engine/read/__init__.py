"""El vocabulario de las pruebas: hechos que se leen de cada servicio con su cliente de siempre.

Todas las funciones leen una sola vez y lanzan `NotProven` si el hecho no está; quien espera es `Run.until`.
Ninguna mira lo que dice el código que se está probando: solo lo que guarda o contesta el servicio.
"""

from scenarios.engine.read.consul import InstanceFact, ServiceFact, registered
from scenarios.engine.read.grafana import panel_with_data, shown
from scenarios.engine.read.http import ask, untraced
from scenarios.engine.read.jaeger import edge, span, spans_since, whole_trace
from scenarios.engine.read.kafka import (
    RecordFact,
    committed_offset,
    committed_past,
    let_catch_up,
    pending_messages,
    record_of_run,
)
from scenarios.engine.read.minio import ObjectFact, stored_object
from scenarios.engine.read.prometheus import SampleFact, metric_of, sample, sample_since
from scenarios.engine.read.redis import CachedFact, cached

__all__ = [
    "CachedFact",
    "InstanceFact",
    "ObjectFact",
    "RecordFact",
    "SampleFact",
    "ServiceFact",
    "ask",
    "cached",
    "committed_offset",
    "committed_past",
    "edge",
    "let_catch_up",
    "metric_of",
    "panel_with_data",
    "pending_messages",
    "record_of_run",
    "registered",
    "sample",
    "sample_since",
    "shown",
    "span",
    "spans_since",
    "stored_object",
    "untraced",
    "whole_trace",
]
