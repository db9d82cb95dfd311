"""Las métricas: las que ha leído Prometheus y las que enseña cada microservicio."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from scenarios.engine.context import Run
from scenarios.engine.facts import NotProven
from scenarios.engine.read.http import ask


@dataclass(frozen=True, slots=True)
class SampleFact:
    """El último valor de una serie y cuándo se leyó (segundos desde 1970)."""

    query: str
    value: float
    at: float


def sample(run: Run, query: str) -> SampleFact:
    """El valor más reciente de `query` y el instante de su última lectura, preguntados a Prometheus.

    La consulta ha de dar una sola serie que siga viva: la de una dirección que el programa tuvo antes dura en las
    respuestas cinco minutos. Raises `NotProven` si no da ninguna o da varias.
    """
    values, times = _vector(run, query), _vector(run, f"timestamp({query})")
    known = {labels: (value, times[labels]) for labels, value in values.items() if labels in times}
    if len(known) > 1:
        known = {labels: (value, at) for labels, (value, at) in known.items() if at >= run.started_at}
    if len(known) != 1:
        raise NotProven(f"Prometheus tiene {len(known)} series para «{query}»; se esperaba una.")
    value, at = next(iter(known.values()))
    return SampleFact(query, value, at)


def sample_since(run: Run, query: str) -> SampleFact:
    """Como `sample`, pero la lectura ha de ser posterior al comienzo de la ejecución."""
    fact = sample(run, query)
    if fact.at < run.started_at:
        raise NotProven(f"Prometheus no ha vuelto a leer «{query}» desde que empezó la ejecución.")
    return fact


def _vector(run: Run, query: str) -> dict[frozenset[tuple[str, str]], float]:
    """Lo que contesta Prometheus a `query`: las etiquetas de cada serie, sin su nombre, y su valor."""
    answer = ask(run, "GET", f"{run.env['PROMETHEUS_URL']}/api/v1/query?query={quote(query)}")
    document = answer.json()
    if not answer.ok or not isinstance(document, dict):
        raise NotProven(f"Prometheus contestó {answer} a «{query}».")
    return {
        frozenset(pair for pair in one["metric"].items() if pair[0] != "__name__"): float(one["value"][1])
        for one in document["data"]["result"]
    }


def metric_of(run: Run, url: str, name: str, labels: Mapping[str, str]) -> float:
    """El valor que enseña ahora mismo un microservicio en su `/metrics`, sin pasar por Prometheus.

    Suma las series de `name` que tengan esas etiquetas; 0 si no hay ninguna.
    """
    answer = ask(run, "GET", f"{url}/metrics")
    total = 0.0
    for line in answer.body.decode("utf-8", "replace").splitlines():
        series, _, value = line.rpartition(" ")
        if (series == name or series.startswith(f"{name}{{")) and all(
            f'{key}="{text}"' in series for key, text in labels.items()
        ):
            total += float(value)
    return total
