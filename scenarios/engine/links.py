"""Los enlaces del final: solo se dan cuando hay algo detrás de ellos."""

from __future__ import annotations

from dataclasses import dataclass

from scenarios.engine.context import Run
from scenarios.engine.facts import NotProven
from scenarios.engine.read import whole_trace


@dataclass(frozen=True, slots=True)
class Destination:
    """Un enlace que ya se puede abrir, o la razón por la que no."""

    url: str | None
    problem: str = ""


def trace_link(run: Run) -> Destination:
    """La página de la traza de esta ejecución, cuando Jaeger la tiene entera."""
    try:
        run.until(lambda: whole_trace(run, run.flow.traced), "Jaeger")
    except NotProven as error:
        return Destination(None, error.reason)
    return Destination(f"{run.env['JAEGER_URL']}/trace/{run.trace_id}")


def dashboard_link(run: Run) -> Destination:
    """El panel del flujo, cuando lo que enseña incluye ya esta ejecución."""
    flow = run.flow
    if flow.dashboard is None or flow.panel_ready is None:
        return Destination(None, "Este flujo no tiene panel.")
    ready = flow.panel_ready
    try:
        run.until(lambda: ready(run), "Grafana")
    except NotProven as error:
        return Destination(None, error.reason)
    return Destination(f"{run.env['GRAFANA_URL']}/d/{flow.dashboard}?from=now-5m&to=now")
