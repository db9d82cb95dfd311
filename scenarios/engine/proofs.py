"""Las pruebas que se repiten de un flujo a otro."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scenarios.engine import read
from scenarios.engine.context import Run
from scenarios.engine.facts import Evidence, NotProven
from scenarios.engine.flow import SpanMatch
from scenarios.engine.read import RecordFact
from scenarios.kit.wire import DESK
from stack.spanish import seconds

_SOURCE = "prometheus"
"""La fuente de datos de los tableros (`stack/grafana/config/provisioning/datasources`)."""


def answered_ok(run: Run, who: str, match: SpanMatch) -> Evidence:
    """`who` contestó 200 a Kong: lo dice el span `match` suyo, que cuelga del de Kong."""
    above, below = run.until(lambda: read.edge(run, "kong", match, f"la petición en {who}"), "Jaeger")
    if below.status != 200:
        raise NotProven(f"{who} contestó {below.status} a Kong; se esperaba 200.", final=True)
    # Paso a paso, casi todo el tiempo es el que la persona estuvo leyendo.
    spent = "" if DESK in run.baggage else f" en {seconds(below.duration_us / 1e6)}"
    return Evidence(
        "Jaeger",
        f"{below.service} contestó {below.status} a {above.service}{spent}",
        {"estado": below.status, "span": below.span_id, "padre (Kong)": above.span_id},
    )


def event_is_ours(run: Run, record: RecordFact, key: str, fields: Mapping[str, Any]) -> None:
    """Comprueba que `record` lleva esa clave y esos campos, y en su equipaje (baggage) el id de la ejecución.

    Raises:
        NotProven: no los lleva, y ya no los va a llevar.
    """
    event = record.json() or {}
    for name, value in fields.items():
        if event.get(name) != value:
            raise NotProven(f"El mensaje dice {name} = {event.get(name)!r}; se esperaba {value!r}.", final=True)
    if record.key != key:
        raise NotProven(f"El mensaje tiene la clave «{record.key}»; se esperaba «{key}».", final=True)
    if run.id not in record.headers.get("baggage", ""):
        raise NotProven("El equipaje del mensaje no dice que sea de esta ejecución.", final=True)


def in_kafka(run: Run, record: RecordFact, details: Mapping[str, Any]) -> Evidence:
    """Dónde está `record` y con qué clave; `details` es lo que se quiera contar de su contenido."""
    return Evidence(
        "Kafka",
        f"{record.topic}, partición {record.partition}, posición {record.offset} · clave {record.key}",
        {
            "topic": record.topic,
            "partición": record.partition,
            "posición": record.offset,
            "clave": record.key,
            **details,
            "traceparent": record.headers["traceparent"],
            "ejecución": run.id,
        },
    )


def counted(run: Run, query: str, before: float, since: float, match: SpanMatch) -> float:
    """Lo que vale el contador `query`, leído después de acabar la operación `match` de esta ejecución.

    Desde `since` ha de haber subido tanto como se ha hecho, ni más ni menos. Casi siempre es uno: lo de esta
    ejecución. Si es más, otros usaban el laboratorio a la vez, y entonces han de ser tantos como operaciones
    `match` cuenta Jaeger desde entonces.
    """
    own = read.span(run, match, "lo que se tenía que contar")
    fact = read.sample_since(run, query)
    if fact.at * 1e6 < own.start_us + own.duration_us:
        raise NotProven(f"Prometheus no ha vuelto a leer «{query}» desde que se hizo.")
    if (rise := fact.value - before) == 1:
        return fact.value
    if rise > 1 and rise == (done := len(read.spans_since(run, match, since))):
        return fact.value
    expected = f"{before + 1:.0f}" if rise < 1 else f"{before + done:.0f}, por las {done} que cuenta Jaeger"
    raise NotProven(f"{query} vale {fact.value:.0f}; antes valía {before:.0f} y se esperaba {expected}.")


def panel_shows(run: Run, dashboard: str, metric: str, query: str, before: float | None) -> str:
    """El título del panel de `dashboard` que enseña `metric`, cuando Grafana ya lee más que `before` en `query`.

    Lo que se espera es a que le llegue lo de esta ejecución; el panel solo se pide cuando ha llegado.
    """
    if before is None:
        raise NotProven("Antes de empezar no se pudo leer lo que enseña el panel.", final=True)
    if read.shown(run, _SOURCE, query) <= before:
        raise NotProven("A Grafana todavía no le ha llegado lo de esta ejecución.")
    return read.panel_with_data(run, dashboard, metric)
