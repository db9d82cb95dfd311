"""Lo que ocurre después: Analytics lee el suceso y «usuarios activos» se mueve (B12)."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from scenarios.engine import read
from scenarios.engine.context import Run
from scenarios.engine.facts import Evidence, NotProven
from scenarios.engine.proofs import counted, panel_shows
from scenarios.engine.read import RecordFact
from scenarios.flujo_b import spans
from scenarios.flujo_b.client import GROUP, entering
from scenarios.flujo_b.proofs.session import published

ACTIVE = "analytics:active"
EVENTS, USERS = 'analytics_events_total{job="analytics",result="new"}', 'usuarios_activos{job="analytics"}'


def b12(run: Run) -> Evidence:
    """El grupo confirmó el suceso, Redis tiene a este usuario entre los activos y Prometheus vio uno más."""
    login = entering(run)
    record = run.until(lambda: published(run), "Kafka")
    committed = run.until(lambda: read.committed_past(run, GROUP, record), "Kafka")
    consumer = run.until(lambda: read.span(run, spans.PROCESS, "el consumo del suceso en Analytics"), "Jaeger")
    producer = run.until(lambda: read.span(run, spans.SEND, "la publicación en Auth"), "Jaeger")
    if producer.span_id not in consumer.links and consumer.parent_id != producer.span_id:
        raise NotProven("El span de quien consume no está enlazado con el de quien publicó.", final=True)
    seen = run.until(lambda: _active_since(run, record), "Redis")
    if login.active_before is None or login.counted_before is None:
        raise NotProven("Antes de empezar no se pudieron leer las cuentas de Analytics.", final=True)
    events = run.until(
        partial(counted, run, EVENTS, login.counted_before, login.counted_at, spans.PROCESS), "Prometheus"
    )
    active = run.until(partial(_active_users, run, login.active_before), "Prometheus")
    moved = {
        EVENTS: f"{login.counted_before:.0f} → {events:.0f}",
        USERS: f"{login.active_before:.0f} → {active:.0f}",
    }
    return Evidence(
        "Prometheus",
        f"usuarios_activos {moved[USERS]} · el grupo {GROUP} va por la {committed}, pasado el {record.offset}",
        {
            "grupo": GROUP,
            "partición": record.partition,
            "posición del suceso": record.offset,
            "posición confirmada": committed,
            "última entrada, en Redis": seen,
            **moved,
            "span que publica": producer.span_id,
            "span que consume": consumer.span_id,
        },
    )


def _active_since(run: Run, record: RecordFact) -> str:
    """La hora de su última entrada según Analytics, que ha de ser la del suceso."""
    user, event = entering(run).user, record.json() or {}
    score = run.clients.redis.zscore(ACTIVE, user)
    if score is None:
        raise NotProven(f"En Redis, {user} no está entre los usuarios activos.")
    happened = datetime.fromisoformat(str(event.get("occurred_at"))).timestamp()
    if abs(float(str(score)) - happened) > 0.001:
        raise NotProven(f"En Redis, la última entrada de {user} no es la del suceso.", final=True)
    return str(event["occurred_at"])


def _active_users(run: Run, before: float) -> float:
    """Cuántos dice Prometheus, que son los que hay en Redis y más que antes de que entrase."""
    fact = read.sample_since(run, USERS)
    known = int(str(run.clients.redis.zcard(ACTIVE)))
    if fact.value <= before or fact.value != known:
        raise NotProven(f"{USERS} vale {fact.value:.0f}; antes valía {before:.0f} y en Redis hay {known}.")
    return fact.value


def panel_ready(run: Run) -> str:
    """El panel de Grafana enseña los usuarios activos, y en lo que lee Grafana está ya la de esta ejecución."""
    return panel_shows(run, "flujo-b", "usuarios_activos", USERS, entering(run).active_before)
