"""Los spans que guarda Jaeger."""

from __future__ import annotations

import time
from collections.abc import Iterable
from urllib.parse import urlencode

from scenarios.engine.context import Run
from scenarios.engine.facts import NotProven
from scenarios.engine.flow import SpanMatch
from scenarios.engine.read.http import ask
from scenarios.engine.trace import Span, Trace

_MOST_TRACES = 1000


def span(run: Run, match: SpanMatch, what: str) -> Span:
    """El primer span de esta ejecución que cumple `match`; `what` lo nombra si no está."""
    found = next(run.trace().find(match), None)
    if found is None:
        raise NotProven(f"En la traza que guarda Jaeger no está {what}.")
    return found


def edge(run: Run, parent_service: str, child: SpanMatch, what: str) -> tuple[Span, Span]:
    """La arista entre dos servicios: el span `child` y su padre, que ha de ser de `parent_service`."""
    below = span(run, child, what)
    above = run.trace().span(below.parent_id)
    if above is None:
        raise NotProven(f"En Jaeger está {what}, pero no el span que lo causó.")
    if above.service != parent_service:
        raise NotProven(f"A {what} lo causó «{above.service}» y no «{parent_service}».", final=True)
    return above, below


def whole_trace(run: Run, services: Iterable[str]) -> list[Span]:
    """Todos los spans, si están los de todos los `services`, con una sola raíz y ninguno sin su padre."""
    trace = run.trace()
    missing = [name for name in services if name not in trace.services]
    if missing:
        raise NotProven(f"A la traza le faltan los spans de {', '.join(missing)}.")
    if trace.orphans:
        names = ", ".join(f"{span.service}: {span.name}" for span in trace.orphans)
        raise NotProven(f"En la traza hay spans sin su padre ({names}).")
    if len(trace.roots) != 1:
        raise NotProven(f"La traza tiene {len(trace.roots)} comienzos; se esperaba uno.")
    return list(trace.spans)


def spans_since(run: Run, match: SpanMatch, since: float) -> list[Span]:
    """Los spans que cumplen `match` de cualquier traza, empezados después de `since` (segundos desde 1970)."""
    start = int(since * 1e6)
    question = {"service": match.service, "start": start, "end": int(time.time() * 1e6), "limit": _MOST_TRACES}
    answer = ask(run, "GET", f"{run.env['JAEGER_URL']}/api/traces?{urlencode(question)}")
    if not answer.ok:
        raise NotProven(f"Jaeger contestó {answer} al preguntarle por {match.service}.")
    found = (span for trace in Trace.all_from_jaeger(answer.json()) for span in trace.find(match))
    return [span for span in found if span.start_us >= start]
