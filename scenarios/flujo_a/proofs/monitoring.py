"""Quienes miran: Prometheus, Jaeger y el panel de Grafana (A14 a A16)."""

from __future__ import annotations

from functools import partial

from scenarios.engine import read
from scenarios.engine.context import CLIENT_SERVICE, Run
from scenarios.engine.facts import Evidence, NotProven
from scenarios.engine.flow import SpanMatch
from scenarios.engine.proofs import counted, panel_shows
from scenarios.engine.trace import Span
from scenarios.engine.waiting import Stillness
from scenarios.flujo_a import spans
from scenarios.flujo_a.client import SIZES, uploaded
from stack.spanish import number

UPLOADS = 'avatar_uploads_total{job="uploads",result="ok"}'

_STILL_S, _INSIST_S = 1.6, 1.2
"""Cuánto ha de llevar la traza sin crecer, y Prometheus sin poder leer, para darlo por definitivo."""


def a14(run: Run) -> Evidence:
    """Prometheus leyó a Uploads después de la subida, y vio una más."""
    return _scraped(run, "uploads", spans.UPLOAD_REQUEST, {UPLOADS: uploaded(run).uploads_before})


def a15(run: Run) -> Evidence:
    """Prometheus leyó a Thumbnails después, y vio una miniatura más de cada tamaño."""
    before = uploaded(run).thumbnails_before or dict.fromkeys(SIZES)
    counters = {f'thumbnails_total{{job="thumbnails",size="{size}"}}': before[size] for size in SIZES}
    return _scraped(run, "thumbnails", spans.PROCESS, counters)


def _scraped(run: Run, job: str, done: SpanMatch, counters: dict[str, float | None]) -> Evidence:
    known = {query: before for query, before in counters.items() if before is not None}
    if known.keys() != counters.keys():
        raise NotProven(f"Antes de empezar no se pudieron leer los contadores de {job}.", final=True)
    alive = run.until(lambda: _alive(run, job), "Prometheus")
    details: dict[str, str] = {
        "up": str(int(alive.value)),
        "última lectura": f"{number(alive.at - run.started_at, 2)} s después de empezar",
    }
    for query, before in known.items():
        after = run.until(partial(counted, run, query, before, uploaded(run).counted_at, done), "Prometheus")
        details[query] = f"{before:.0f} → {after:.0f}"
    each = ", de cada tamaño," if len(known) > 1 else ""
    return Evidence("Prometheus", f"up = 1 · {query.partition('{')[0]}{each} {details[query]}", details)


def _alive(run: Run, job: str) -> read.SampleFact:
    fact = read.sample_since(run, f'up{{job="{job}"}}')
    if fact.value != 1:
        insisted = fact.at - run.started_at > _INSIST_S
        raise NotProven(f"Prometheus no consigue leer a {job}: up vale {fact.value:.0f}.", final=insisted)
    return fact


def a16(run: Run) -> Evidence:
    """La traza está entera: todos los que debían hablar, una sola raíz y nadie sin su padre."""
    watch = Stillness(_STILL_S)
    everything = run.until(lambda: _whole(run, watch), "Jaeger")
    services = sorted({span.service for span in everything})
    return Evidence(
        "Jaeger",
        f"{len(everything)} spans de {len(services)} programas, todos con su padre",
        {"traza": run.trace_id, "spans": len(everything), "programas": services, "raíz": CLIENT_SERVICE},
    )


def _whole(run: Run, watch: Stillness) -> list[Span]:
    everything = run.trace().spans
    ended = next(run.trace().find(spans.PROCESS), None) is not None
    try:
        whole = read.whole_trace(run, run.flow.traced)
        read.span(run, spans.PROCESS, "el consumo del mensaje")
        read.span(run, spans.UPLOAD_REQUEST, "la petición en Uploads")
    except NotProven as error:
        # Con todo acabado y sin que llegue nada nuevo, lo que falta ya no va a llegar.
        raise NotProven(error.reason, final=watch.lasts(len(everything)) and ended) from error
    return whole


def panel_ready(run: Run) -> str:
    """El panel de Grafana enseña las subidas, y en lo que lee Grafana está ya la de esta ejecución."""
    return panel_shows(run, "flujo-a", "avatar_uploads_total", UPLOADS, uploaded(run).uploads_before)
