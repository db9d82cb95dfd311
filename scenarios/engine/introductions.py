"""Antes de empezar: que Prometheus conozca a los microservicios que se acaban de arrancar.

El de verdad junta las novedades de Consul y las aplica, como mucho, cada cinco segundos. Quien ejecuta un flujo
nada más arrancarlo todo no tiene por qué esperarlos luego, con la prueba a medias y el plazo corriendo.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from scenarios.engine.context import Run
from scenarios.engine.facts import NotProven
from scenarios.engine.read import ask
from scenarios.engine.waiting import Deadline, until
from stack.model import Kind
from stack.status import Condition

YOUNG_S, WITHIN_S = 20.0, 12.0


def introduce(run: Run) -> None:
    """Espera, un rato como mucho, a que Prometheus sepa de los microservicios de `run` recién arrancados.

    Si Prometheus no contesta, o alguno no aparece, se sigue: ya lo dirá el paso que lo necesite.
    """
    if "PROMETHEUS_URL" not in run.env:
        return
    with suppress(Exception):
        if not _strangers(run):
            return
        newcomers = _newcomers(run)
        deadline = Deadline()
        deadline.within(WITHIN_S)

        def known() -> None:
            if missing := _strangers(run) & newcomers:
                raise NotProven(f"Prometheus todavía no conoce a {', '.join(sorted(missing))}.")

        until(known, deadline, "Prometheus")


def _strangers(run: Run) -> set[str]:
    """Los microservicios del flujo a los que Prometheus no lee."""
    answer = ask(run, "GET", f"{run.env['PROMETHEUS_URL']}/api/v1/targets?state=active")
    document = answer.json()
    assert isinstance(document, dict)
    jobs = {target["labels"]["job"] for target in document["data"]["activeTargets"]}
    # Dos instancias de lo mismo comparten trabajo: «pasarelas-pago-1» es de «pasarelas-pago».
    return {
        one.name
        for one in run.laboratory.services
        if one.kind is Kind.MICROSERVICE
        and one.name in run.flow.services
        and not {one.name, one.name.rpartition("-")[0]} & jobs
    }


def _newcomers(run: Run) -> set[str]:
    now = datetime.now(UTC)
    return {
        row.name
        for row in run.laboratory.status()
        if row.state is Condition.RUNNING and row.since and (now - row.since).total_seconds() < YOUNG_S
    }
