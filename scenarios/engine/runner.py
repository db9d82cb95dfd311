"""Ejecuta un flujo de verdad y prueba cada uno de sus pasos."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from scenarios.engine.answer import Answer
from scenarios.engine.context import Run, deadline_of_hop
from scenarios.engine.desk import Desk
from scenarios.engine.events import (
    HopDone,
    HopPending,
    HopStatus,
    HopWaiting,
    RunEvent,
    RunFinished,
    RunStarted,
)
from scenarios.engine.faults import Fault
from scenarios.engine.flow import Flow, Hop
from scenarios.engine.introductions import introduce
from scenarios.engine.links import Destination, dashboard_link, trace_link
from scenarios.engine.proving import Proving, trouble_of
from scenarios.engine.stepping import Step, Stepper
from scenarios.engine.waiting import Deadline
from stack.errors import UsageError
from stack.laboratory import Laboratory
from stack.model import Fidelity

OnRunEvent = Callable[[RunEvent], None]

STEP_SECRET = "STEP_SECRET"
"""La credencial con que se firma el permiso para parar una ejecución."""

AFTER_REFUSAL_S = 1.2
"""Lo que se espera a las pruebas de lo que sí ocurrió cuando el flujo contestó con un error."""
LINKS_WITHIN_S = 2.0
ARRIVAL_WITHIN_S = 8.0


@dataclass(frozen=True, slots=True)
class RunResult:
    """Lo que queda de una ejecución: los pasos en el orden del diagrama y el cierre."""

    hops: tuple[HopDone, ...]
    finished: RunFinished

    @property
    def passed(self) -> bool:
        """Si se probaron todos los pasos."""
        return self.finished.status == "passed"


def run(
    flow: Flow,
    laboratory: Laboratory,
    *,
    inputs: Mapping[str, Path | str] | None = None,
    stepper: Stepper | None = None,
    sabotage: str | None = None,
    on_event: OnRunEvent = lambda event: None,
    patience_s: float = 8.0,
    patience_by_hop: Mapping[str, float] | None = None,
) -> RunResult:
    """Ejecuta `flow` en `laboratory`, que ya tiene en marcha `flow.services`, y prueba sus pasos.

    Args:
        inputs: las entradas de `flow.inputs` que da la persona (`{"file": Path("foto.jpg")}`).
        stepper: quien decide antes de cada paso; sin él no hay paradas.
        sabotage: el paso que se estropea a propósito (`"A4"`). Lo estropeado se deshace siempre al final.
        on_event: recibe los sucesos de `scenarios.engine.events`.
        patience_s: lo que se espera, como mucho, a que una prueba se cumpla, en segundos.
        patience_by_hop: lo mismo para un paso suelto (`{"A4": 2.0}`): de los que no están aquí vale `patience_s`.

    Raises:
        UsageError: entrada o paso desconocido.
        StacklabError: una entrada no se puede leer.
        KeyboardInterrupt: se pasa tal cual, después de soltar lo que estuviera parado y deshacer el sabotaje.
    """
    given = dict(inputs or {})
    for name in given:
        if name not in flow.inputs:
            raise UsageError(
                f"{flow.id} no tiene una entrada «{name}»", f"Tiene: {', '.join(flow.inputs) or 'ninguna'}."
            )
    broken = _hop_to_break(flow, sabotage)
    fault = Fault(broken.sabotage if broken else None)
    context = Run(
        flow,
        laboratory,
        given,
        patience_s=patience_s,
        patience_by_hop=patience_by_hop or {},
        fault=fault.client,
    )
    with ExitStack() as cleanup:
        cleanup.callback(context.close)
        desk: Desk | None = None
        if stepper is not None or fault.desk is not None:
            secret = context.credentials[STEP_SECRET]
            desk = Desk(context.id, secret, flow.hops if stepper is not None else (), fault.desk)
            cleanup.callback(desk.close)
            context.baggage |= desk.baggage
        cleanup.enter_context(fault.applied(context))
        if broken is None:
            introduce(context)
        context.plan = flow.prepare(context)
        proving = Proving(context, fault, broken.id if broken else None)
        execution = _Execution(context, proving, desk, stepper, on_event)
        cleanup.callback(execution.abandon)
        on_event(
            RunStarted(
                flow,
                context.id,
                context.trace_id,
                stepper is not None,
                broken.id if broken else None,
                broken.sabotage.title if broken else "",
                flow.summary(context),
            )
        )
        return execution.go()


def _hop_to_break(flow: Flow, sabotage: str | None) -> Hop | None:
    if sabotage is None:
        return None
    try:
        return flow.hop(sabotage.upper())
    except KeyError as error:
        ids = ", ".join(hop.id for hop in flow.hops)
        raise UsageError(f"{flow.id} no tiene un paso «{sabotage}»", f"Sus pasos son {ids}.") from error


class _Execution:
    """Una ejecución en marcha: lleva el orden, da paso y cuenta lo que pasa."""

    def __init__(
        self, run: Run, proving: Proving, desk: Desk | None, stepper: Stepper | None, on_event: OnRunEvent
    ) -> None:
        self._run, self._proving, self._desk = run, proving, desk
        self._stepper, self._on_event = stepper, on_event
        self._flow = run.flow
        self._positions = {hop.id: number for number, hop in enumerate(run.flow.hops, start=1)}
        self._services = {row.name: row for row in run.laboratory.status()}
        self._done: dict[str, HopDone] = {}
        self._pending: list[Hop] = []
        self._driver: threading.Thread | None = None
        self._dashboard: Future[Destination] = Future()
        self._dashboard_deadline = Deadline()
        self._stepped = stepper is not None
        self._stopped = False
        self._began = time.monotonic()

    def go(self) -> RunResult:
        """Recorre los pasos en el orden del diagrama."""
        if self._stepper is None:
            self._run_to_end()
        for hop in self._flow.hops:
            if self._stepper is not None and not self._step(hop):
                break
            self._settle(hop)
        return self._finish()

    def abandon(self) -> None:
        """Nada se queda esperando, ni aquí ni en los microservicios."""
        if self._desk is not None:
            self._desk.release_all()
        self._proving.cancel()
        self._run.cancel()
        self._proving.join(3)

    # --- dar paso ---------------------------------------------------------------------------------------------

    def _run_to_end(self) -> None:
        """Sin más paradas: todo sigue y todas las pruebas empiezan ya."""
        self._stepper = None
        if self._desk is not None:
            self._desk.release_all()
        self._start_driver()
        for hop in self._flow.hops:
            self._proving.start(hop)
            if self._run.answered is not None:
                self._arm(hop)

    def _step(self, hop: Hop) -> bool:
        """Espera a que la persona decida antes de `hop`; falso si lo deja."""
        assert self._stepper is not None
        assert self._desk is not None
        held, note = False, ""
        if self._cause(hop) is None:
            held, note = self._arrival(hop)
            if not held and hop.hold is not None:  # no se llegó: que conste antes la causa, si era de un pendiente
                self._settle_pending(hop)
        if self._cause(hop) is None:
            waiting = HopWaiting(hop, self._positions[hop.id], len(self._flow.hops), held, note)
            self._on_event(waiting)
            decision = self._stepper(waiting)
            if decision is Step.STOP:
                self._stopped = True
                return False
            if decision is Step.TO_END:
                self._run_to_end()
                return True
        self._desk.release(hop)
        self._start_driver()
        if hop.proven_after is None or hop.proven_after in self._done:
            self._proving.start(hop)
            self._arm(hop)
        return True

    def _arrival(self, hop: Hop) -> tuple[bool, str]:
        assert self._desk is not None
        if self._driver is None:
            return True, "Todavía no se ha mandado nada."
        if hop.hold is None:
            return False, hop.unheld
        give_up = Deadline()
        give_up.within(min(ARRIVAL_WITHIN_S, self._run.patience_s))

        def hopeless() -> bool:
            answer = self._run.answered
            if answer is not None and not answer.ok:
                give_up.within(AFTER_REFUSAL_S)
            return give_up.expired

        if self._desk.wait_arrival(hop, hopeless):
            return True, ""
        return False, "El sistema no ha llegado a este paso."

    def _start_driver(self) -> None:
        if self._driver is None:
            self._began = time.monotonic()
            self._driver = threading.Thread(target=self._drive, name="client", daemon=True)
            self._driver.start()

    def _drive(self) -> None:
        """Hace de cliente. Cuando tiene respuesta, empieza a correr el plazo de las pruebas."""
        try:
            answer = self._flow.drive(self._run)
        except Exception as error:
            answer = Answer(0, problem=f"El cliente no pudo hacer su parte: {type(error).__name__}: {error}")
        self._run.deliver(answer)
        if self._stepper is None or not answer.ok:
            for hop in self._flow.hops:
                self._arm(hop)
        if self._flow.dashboard is not None:
            threading.Thread(target=self._look_at_dashboard, name="dashboard", daemon=True).start()

    def _arm(self, hop: Hop) -> None:
        answer = self._run.answered
        refused = answer is not None and not answer.ok
        patience = self._run.patience_by_hop.get(hop.id, self._run.patience_s)
        self._proving.arm(hop, min(AFTER_REFUSAL_S, patience) if refused else patience)

    # --- contar lo que pasa -----------------------------------------------------------------------------------

    def _settle(self, hop: Hop) -> None:
        """Cuenta cómo acabó `hop`, o que habrá que esperar; y los que esperaban por él."""
        if self._stepper is not None and hop.proven_after is not None and hop.proven_after not in self._done:
            self._pending.append(hop)
            self._on_event(HopPending(hop, f"La prueba se podrá leer después de {hop.proven_after}."))
            return
        self._tell(hop)
        for other in list(self._pending):
            if other in self._pending and (self._stepper is None or other.proven_after in self._done):
                self._settle_now(other)

    def _settle_pending(self, hop: Hop) -> None:
        """Los pendientes de los que depende `hop` se comprueban ya: lo que esperaban no va a llegar."""
        for other in list(self._pending):
            if other in self._pending and hop.id in self._flow.dependents(other.id):
                self._settle_now(other)

    def _settle_now(self, hop: Hop) -> None:
        self._pending.remove(hop)
        self._proving.start(hop)
        self._arm(hop)
        self._tell(hop)

    def _tell(self, hop: Hop) -> None:
        finding = self._proving.finding(hop)
        reason, trouble, status = finding.reason, None, HopStatus.PROVEN
        if finding.evidence is None:
            cause = self._cause(hop)
            status = HopStatus.FAILED if cause is None else HopStatus.SKIPPED
            trouble = trouble_of(self._run, hop, reason)
            answer = self._run.answered
            if cause is not None:
                reason = f"Depende de {cause}, que no se cumplió. {reason}"
            elif answer is not None and not answer.ok and str(answer) not in reason:
                ended = reason if reason.endswith((".", "…")) else f"{reason}."
                reason = f"{ended} El flujo contestó: {answer}."
        row = self._services.get(hop.service)
        done = HopDone(
            hop,
            self._positions[hop.id],
            len(self._flow.hops),
            status,
            (row.fidelity if row else None) or Fidelity.EMBEDDED,
            row.product if row else "",
            finding.evidence,
            reason,
            trouble,
            self._duration_ms(hop, finding.seconds),
            self._run.trace_id,
        )
        self._done[hop.id] = done
        self._on_event(done)

    def _cause(self, hop: Hop) -> str | None:
        """El primer paso del que depende `hop` y que no se cumplió, si ya se sabe de alguno."""
        for other in self._flow.hops:
            failed = self._done.get(other.id)
            if (
                failed is not None
                and failed.status is HopStatus.FAILED
                and hop.id in self._flow.dependents(other.id)
            ):
                return other.id
        return None

    def _duration_ms(self, hop: Hop, proven_in_s: float) -> float:
        if hop.span is not None and not self._stepped:
            span = next(self._run.last_trace.find(hop.span), None)
            if span is not None:
                return span.duration_us / 1000
        return proven_in_s * 1000

    def _look_at_dashboard(self) -> None:
        self._dashboard_deadline.within(self._run.patience_s)
        deadline_of_hop.set(self._dashboard_deadline)
        try:
            self._dashboard.set_result(dashboard_link(self._run))
        except Exception as error:
            self._dashboard.set_result(Destination(None, f"Grafana no contesta como se esperaba: {error}"))

    def _finish(self) -> RunResult:
        while self._pending and not self._stopped:
            self._settle_now(self._pending[0])
        proven = sum(done.status is HopStatus.PROVEN for done in self._done.values())
        total = len(self._flow.hops)
        trace, dashboard = self._destinations(LINKS_WITHIN_S if proven == total else 0.0)
        answer = self._run.answered
        finished = RunFinished(
            self._flow,
            self._run.id,
            "passed" if proven == total else "failed",
            proven,
            total,
            trace.url,
            trace.problem,
            dashboard.url,
            dashboard.problem,
            str(answer) if answer is not None else "",
            (time.monotonic() - self._began) * 1000,
            self._stopped,
        )
        self._on_event(finished)
        return RunResult(tuple(self._done[hop.id] for hop in self._flow.hops if hop.id in self._done), finished)

    def _destinations(self, within_s: float) -> tuple[Destination, Destination]:
        if self._stopped:
            nothing = Destination(None, "La ejecución se dejó a medias.")
            return nothing, nothing
        deadline = Deadline()
        deadline.within(within_s)
        deadline_of_hop.set(deadline)
        trace = trace_link(self._run)
        if self._flow.dashboard is None:
            return trace, Destination(None, "Este flujo no tiene panel.")
        self._dashboard_deadline.within(within_s)
        return trace, self._dashboard.result()
