"""Prueba los pasos de una ejecución a la vez, cada uno en su hilo y con su plazo."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass

from scenarios.engine.context import Run, deadline_of_hop
from scenarios.engine.events import Trouble
from scenarios.engine.facts import Evidence, NotProven
from scenarios.engine.faults import Fault
from scenarios.engine.flow import Hop
from scenarios.engine.waiting import Deadline
from stack.errors import StacklabError
from stack.status import ServiceStatus

AFTER_CAUSE_S = 1.0
"""Lo que se espera a un paso cuando ya se sabe que otro, del que depende, no se cumplió: da tiempo a una lectura
más de Prometheus y a un lote más de spans."""
LOG_LINES = 6


@dataclass(frozen=True, slots=True)
class Finding:
    """Lo que dio una prueba: el hecho o la razón por la que no está. `seconds` es lo que tardó en saberse."""

    evidence: Evidence | None
    reason: str
    seconds: float


class Proving:
    """Las pruebas en marcha de una ejecución.

    Cuando una falla, las de los pasos que dependen de ese tienen ya muy poco plazo: no se dan por perdidas (si a
    pesar de todo el paso ocurrió, se dice), pero tampoco se espera por ellas.
    """

    def __init__(self, run: Run, fault: Fault, broken: str | None) -> None:
        self._run = run
        self._fault = fault
        self._affected = {broken, *run.flow.dependents(broken)} if broken else set()
        self._deadlines = {hop.id: Deadline() for hop in run.flow.hops}
        self._futures: dict[str, Future[Finding]] = {hop.id: Future() for hop in run.flow.hops}
        self._threads: dict[str, threading.Thread] = {}
        self._hurried: set[str] = set()
        self._lock = threading.Lock()

    def start(self, hop: Hop) -> None:
        """Empieza a probar `hop`; si ya se había empezado, nada."""
        with self._lock:
            if hop.id in self._threads:
                return
            if hop.id in self._hurried:
                self._deadlines[hop.id].within(AFTER_CAUSE_S)
            thread = threading.Thread(target=self._work, args=(hop,), name=f"proof-{hop.id}", daemon=True)
            self._threads[hop.id] = thread
        thread.start()

    def arm(self, hop: Hop, seconds: float) -> None:
        """La prueba de `hop` tiene, desde ahora, `seconds` segundos como mucho."""
        self._deadlines[hop.id].within(seconds)

    def finding(self, hop: Hop) -> Finding:
        """Lo que dio la prueba de `hop`; espera a saberlo."""
        return self._futures[hop.id].result()

    def cancel(self) -> None:
        """Nadie espera más."""
        for deadline in self._deadlines.values():
            deadline.cancel()

    def join(self, seconds: float) -> None:
        """Espera a que acaben los hilos, como mucho `seconds` en total."""
        at = time.monotonic() + seconds
        for thread in self._threads.values():
            thread.join(max(0.0, at - time.monotonic()))

    def _hurry(self, hop_ids: Iterable[str]) -> None:
        """Los que ya se están probando tienen poco plazo desde ahora; los demás, desde que se empiece."""
        with self._lock:
            for hop_id in hop_ids:
                self._hurried.add(hop_id)
                if hop_id in self._threads:
                    self._deadlines[hop_id].within(AFTER_CAUSE_S)

    def _work(self, hop: Hop) -> None:
        deadline_of_hop.set(self._deadlines[hop.id])
        began = time.monotonic()
        evidence: Evidence | None = None
        reason = ""
        deadline = self._deadlines[hop.id]
        while hop.id in self._affected and not self._fault.in_place.wait(0.05) and not deadline.expired:
            pass  # quien va a estropear este paso aún no ha podido: leer ahora sería adelantarse
        try:
            evidence = hop.prove(self._run)
        except NotProven as error:
            reason = error.reason
        except Exception as error:  # un fallo de la prueba nunca puede pasar por una prueba
            reason = f"La comprobación se rompió: {type(error).__name__}: {error}"
        if evidence is None:
            self._hurry(self._run.flow.dependents(hop.id))
        self._futures[hop.id].set_result(Finding(evidence, reason, time.monotonic() - began))


def trouble_of(run: Run, hop: Hop, reason: str) -> Trouble | None:
    """El servicio caído que explica que `hop` no se pruebe, con sus últimas líneas de log; `None` si no lo hay.

    Se mira primero quien interviene en el paso y después quien `reason` nombre (Jaeger, p. ej., cuenta lo ajeno).
    """
    down = run.services_down()
    named = [name for name in run.flow.services if name in down and down[name].title in reason]
    for name in (*run.flow.services_of(hop), *named):
        if name in down:
            return _trouble(run, down[name])
    return None


def _trouble(run: Run, row: ServiceStatus) -> Trouble:
    problem = row.problem or f"{row.title} no está en marcha"
    try:
        log = tuple(run.laboratory.logs(row.name, tail=LOG_LINES))
    except StacklabError:
        log = ()
    return Trouble(row.name, row.title, problem, log)
