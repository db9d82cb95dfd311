"""Los paneles que sirve Grafana."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from scenarios.engine.context import Run
from scenarios.engine.facts import NotProven
from scenarios.engine.read.http import ask


def panel_with_data(run: Run, uid: str, metric: str) -> str:
    """El título de un panel de `uid`, servido por Grafana, que pregunta por `metric` y tiene datos de ahora."""
    answer = ask(run, "GET", f"{run.env['GRAFANA_URL']}/api/dashboards/uid/{uid}")
    document = answer.json()
    if not answer.ok or not isinstance(document, dict):
        raise NotProven(f"Grafana contestó {answer} al pedirle el panel «{uid}».")
    for panel in _panels(document["dashboard"].get("panels", [])):
        if any(metric in str(target.get("expr", "")) for target in panel.get("targets", [])):
            return str(panel.get("title", ""))
    raise NotProven(f"Ningún panel de «{uid}» enseña {metric}.", final=True)


def _panels(panels: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    for panel in panels:
        yield panel
        yield from _panels(panel.get("panels", []))
