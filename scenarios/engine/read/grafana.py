"""Los paneles que sirve Grafana, y lo que enseñan.

Sigue https://grafana.com/docs/grafana/latest/developers/http_api/dashboard/ y …/http_api/data_source/.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from scenarios.engine.context import Run
from scenarios.engine.facts import NotProven
from scenarios.engine.read.http import ask


def panel_with_data(run: Run, uid: str, metric: str) -> str:
    """El título del primer panel de `uid` que pregunta por `metric`, si Grafana obtiene algún valor.

    Se le pide a Grafana lo que pide el navegador al dibujarlo: que Prometheus tenga datos no basta.
    """
    answer = ask(run, "GET", f"{run.env['GRAFANA_URL']}/api/dashboards/uid/{uid}")
    document = answer.json()
    if not answer.ok or not isinstance(document, dict):
        raise NotProven(f"Grafana contestó {answer} al pedirle el tablero «{uid}».")
    for panel in _panels(document["dashboard"].get("panels", [])):
        for target in panel.get("targets", []):
            if metric in str(target.get("expr", "")):
                title = str(panel.get("title", ""))
                if not _values(run, target):
                    raise NotProven(f"El panel «{title}» de Grafana sale vacío.")
                return title
    raise NotProven(f"Ningún panel de «{uid}» enseña {metric}.", final=True)


def shown(run: Run, source: str, query: str) -> float:
    """Lo que Grafana enseñaría ahora de `query`, preguntado a través de su fuente de datos `source`."""
    target = {"refId": "A", "datasource": {"uid": source}, "expr": query, "instant": True, "range": False}
    values = _values(run, target)
    if len(values) != 1:
        raise NotProven(f"Grafana tiene {len(values)} valores para «{query}»; se esperaba uno.")
    return values[0]


def _values(run: Run, target: Mapping[str, Any]) -> list[float]:
    """Los valores que obtiene Grafana con una consulta de un panel, de todas sus series."""
    body = {"from": "now-30s", "to": "now", "queries": [{"intervalMs": 1000, "maxDataPoints": 30, **target}]}
    answer = ask(
        run,
        "POST",
        f"{run.env['GRAFANA_URL']}/api/ds/query",
        headers={"Content-Type": "application/json"},
        body=json.dumps(body).encode(),
    )
    document = answer.json()
    if not answer.ok or not isinstance(document, dict):
        raise NotProven(f"Grafana no consigue preguntar a su fuente de datos: contestó {answer}.")
    frames = document["results"][target["refId"]]["frames"]
    return [float(value) for frame in frames for value in _numbers(frame) if value is not None]


def _numbers(frame: Mapping[str, Any]) -> list[Any]:
    """La columna de números de un data frame: la que no es la del tiempo."""
    columns = frame["data"]["values"]
    fields = frame["schema"]["fields"]
    return [
        value
        for field, column in zip(fields, columns, strict=False)
        if field["type"] == "number"
        for value in column
    ]


def _panels(panels: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    for panel in panels:
        yield panel
        yield from _panels(panel.get("panels", []))
