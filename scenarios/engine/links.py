"""Los enlaces del final: solo se dan cuando hay algo detrás de ellos."""

from __future__ import annotations

from dataclasses import dataclass

from scenarios.engine.context import Run
from scenarios.engine.facts import NotProven
from scenarios.engine.read import whole_trace


@dataclass(frozen=True, slots=True)
class Destination:
    """Un enlace que ya se puede abrir, la razón por la que no, o las dos cosas si le falta algo."""

    url: str | None
    problem: str = ""


def trace_link(run: Run) -> Destination:
    """La página de la traza de esta ejecución, cuando Jaeger la tiene entera.

    Si se acaba el plazo y algo tiene, se da también, y se dice qué le falta: cuando un paso falla es cuando más se
    necesita.
    """
    page = f"{run.env['JAEGER_URL']}/trace/{run.trace_id}"
    try:
        run.until(lambda: whole_trace(run, run.flow.traced), "Jaeger")
    except NotProven as error:
        return Destination(page if run.last_trace.spans else None, error.reason)
    return Destination(page)


def dashboard_link(run: Run) -> Destination:
    """El panel del flujo, cuando lo que enseña incluye ya esta ejecución."""
    flow = run.flow
    if flow.dashboard is None or flow.panel_ready is None:
        return Destination(None, "Este flujo no tiene panel.")
    if run.answered is not None and not run.answered.ok:
        return Destination(None, "No hay nada nuevo que enseñar: lo que se pidió no llegó a hacerse.")
    ready = flow.panel_ready
    try:
        run.until(lambda: ready(run), "Grafana")
    except NotProven as error:
        return Destination(None, error.reason)
    return Destination(f"{run.env['GRAFANA_URL']}/d/{flow.dashboard}?from=now-5m&to=now")
