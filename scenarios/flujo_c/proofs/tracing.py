"""Lo que cuenta cada uno a Jaeger (C6 y C7), y el panel."""

from __future__ import annotations

from scenarios.engine import read
from scenarios.engine.context import CLIENT_SERVICE, Run
from scenarios.engine.facts import Evidence, NotProven
from scenarios.engine.flow import SpanMatch
from scenarios.engine.proofs import panel_shows
from scenarios.engine.read import sample_since
from scenarios.engine.trace import Span
from scenarios.engine.waiting import Stillness
from scenarios.flujo_c import spans
from scenarios.flujo_c.client import SERVICE, charged
from scenarios.flujo_c.proofs.paying import receiver

_STILL_S = 1.2
"""Cuánto ha de llevar la traza sin crecer para dar por perdido lo que falta: los lotes salen cada 0,15 s."""


def c6(run: Run) -> Evidence:
    """El span de Finanzas está en la traza de esta ejecución, colgado de quien pidió el cobro."""
    watch = Stillness(_STILL_S)
    above, below = run.until(lambda: _edge(run, CLIENT_SERVICE, spans.REQUEST, watch), "Jaeger")
    own = [span for span in run.trace().spans if span.service == "finanzas"]
    return Evidence(
        "Jaeger",
        f"{above.service} → {below.service} · {below.name} · {len(own)} spans suyos",
        {
            "traza": run.trace_id,
            "padre (cliente)": above.span_id,
            "span": below.span_id,
            "estado": below.status,
            "instancia": below.instance,
        },
    )


def c7(run: Run) -> Evidence:
    """El span de la pasarela está en la misma traza, cuelga de la llamada de Finanzas y es de quien la recibió."""
    watch = Stillness(_STILL_S)
    above, below = run.until(lambda: _edge(run, "finanzas", spans.PROCESS, watch), "Jaeger")
    if not spans.CALL.matches(above.service, above.kind, above.name, above.attributes):
        raise NotProven("El padre del span de la pasarela no es la llamada de Finanzas.", final=True)
    instance = run.until(lambda: receiver(run, above), "Consul")
    if below.instance != instance.id:
        raise NotProven(f"Finanzas llamó a {instance.id} y en la traza contesta «{below.instance}».", final=True)
    return Evidence(
        "Jaeger",
        f"{above.service} → {below.service} ({below.instance}) · los dos en la misma traza",
        {
            "traza": run.trace_id,
            "padre (Finanzas)": above.span_id,
            "hijo (Pasarelas Pago)": below.span_id,
            "instancia": below.instance,
            "estado": below.status,
        },
    )


def _edge(run: Run, parent: str, child: SpanMatch, watch: Stillness) -> tuple[Span, Span]:
    """La arista. Si Finanzas ya contestó y a la traza no le llega nada más, es que no la hay."""
    try:
        return read.edge(run, parent, child, f"el trabajo de {child.service}")
    except NotProven as error:
        ended = run.answered is not None and next(run.trace().find(spans.REQUEST), None) is not None
        still = watch.lasts(len(run.trace().spans))
        raise NotProven(error.reason, final=error.final or (ended and still)) from error


def panel_ready(run: Run) -> str:
    """El panel de Grafana enseña los pagos, y en lo que lee Grafana está ya el de esta ejecución."""
    answer = run.answered
    gateway = (answer.json() or {}).get("gateway", "") if answer is not None else ""
    before = charged(run).requests_before.get(str(gateway)) or 0
    sample_since(run, f'payments_total{{job="{SERVICE}",instance="{gateway}",result="succeeded"}}')
    query = f'sum(http_requests_total{{job="{SERVICE}",instance="{gateway}",route="/api/payments/process"}})'
    return panel_shows(run, "flujo-c", "payments_total", query, before)
