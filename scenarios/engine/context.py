"""Todo lo que una prueba necesita saber de la ejecución a la que pertenece."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from scenarios.engine.answer import Answer
from scenarios.engine.clients import Clients
from scenarios.engine.facts import NotProven
from scenarios.engine.flow import Flow
from scenarios.engine.trace import Trace
from scenarios.engine.waiting import OUR_MISTAKES, Deadline, until
from scenarios.kit.wire import RUN
from stack.addresses import Viewpoint, render, variables
from stack.laboratory import Laboratory
from stack.status import Condition, ServiceStatus

T = TypeVar("T")

CLIENT_SERVICE = "cliente-web"
"""Con qué nombre sale en la traza quien hace de cliente."""

_FRESH_S, _STATUS_FRESH_S = 0.03, 1.0


class Run:
    """Una ejecución de un flujo: su identidad, sus direcciones, sus clientes y lo que va ocurriendo.

    `id` y `trace_id` son nuevos cada vez: con ellos se sabe que lo que se lee de un servicio es de esta ejecución
    y no de otra. `env` lleva los nombres de `stacklab env`, también los de lo que no está en marcha. `inputs` es
    lo que dio la persona. `fault` es lo que el cliente debe hacer mal, o vacío. `plan` es lo que devolvió
    `Flow.prepare`.
    """

    def __init__(
        self,
        flow: Flow,
        laboratory: Laboratory,
        inputs: Mapping[str, Path | str],
        *,
        patience_s: float = 8.0,
        patience_by_hop: Mapping[str, float] = MappingProxyType({}),
        fault: str = "",
    ) -> None:
        self.flow = flow
        self.laboratory = laboratory
        self.inputs = inputs
        self.patience_s = patience_s
        self.patience_by_hop = patience_by_hop
        self.fault = fault
        self.id = secrets.token_hex(4)
        self.trace_id = secrets.token_hex(16)
        self.span_id = secrets.token_hex(8)
        self.credentials = laboratory.credentials()
        self.env = _addresses(laboratory, self.credentials)
        self.started_at = time.time()
        self.baggage: dict[str, str] = {RUN: self.id}
        self.clients = Clients(self.env)
        self.plan: Any = None
        self._answer: Answer | None = None
        self._answered = threading.Event()
        self._everything = Deadline()
        self._status_lock = threading.Lock()
        self._down: tuple[float, dict[str, ServiceStatus]] = (float("-inf"), {})
        self._trace_lock = threading.Lock()
        self._trace: tuple[float, Trace] = (0.0, Trace("", ()))

    # --- lo que mira una prueba -------------------------------------------------------------------------------

    def until(self, read: Callable[[], T], source: str = "El servicio") -> T:
        """Lo que devuelva `read` cuando deje de lanzar `NotProven`, dentro del plazo del paso que se prueba.

        Raises:
            NotProven: la última, si el plazo vence antes.
        """

        def attempt() -> T:
            try:
                return read()
            except (NotProven, *OUR_MISTAKES):
                raise
            except Exception as error:
                down = self.services_down().values()
                if source.lower() in {text.lower() for row in down for text in (row.name, row.title)}:
                    raise NotProven(f"{source} no está en marcha.", final=True) from error
                raise

        return until(attempt, deadline_of_hop.get() or self._everything, source)

    def services_down(self) -> dict[str, ServiceStatus]:
        """Los servicios que ahora mismo están parados o muertos. Se mira como mucho una vez por segundo."""
        with self._status_lock:
            looked_at, down = self._down
            if time.monotonic() - looked_at > _STATUS_FRESH_S:
                rows = self.laboratory.status()
                down = {row.name: row for row in rows if row.state is not Condition.RUNNING}
                self._down = (time.monotonic(), down)
            return down

    def answer(self) -> Answer:
        """Lo que contestó el flujo al cliente; espera a que conteste."""
        deadline = deadline_of_hop.get() or self._everything
        while not self._answered.wait(0.25):
            if deadline.expired:
                raise NotProven("El cliente todavía no había recibido ninguna respuesta.", final=True)
        assert self._answer is not None
        return self._answer

    @property
    def answered(self) -> Answer | None:
        """Lo que contestó el flujo, o `None` si todavía no ha contestado."""
        return self._answer if self._answered.is_set() else None

    def trace(self) -> Trace:
        """La traza de esta ejecución tal como Jaeger la tiene ahora. Varias pruebas comparten cada lectura."""
        with self._trace_lock:
            read_at, trace = self._trace
            if time.monotonic() - read_at > _FRESH_S:
                response = self.clients.http.request("GET", f"{self.env['JAEGER_URL']}/api/traces/{self.trace_id}")
                document = json.loads(response.data) if response.status == 200 else {}
                trace = Trace.from_jaeger(document)
                self._trace = (time.monotonic(), trace)
            return trace

    @property
    def last_trace(self) -> Trace:
        """La última lectura de la traza, sin volver a preguntar a Jaeger."""
        return self._trace[1]

    # --- lo que usa quien hace de cliente ---------------------------------------------------------------------

    def headers(self) -> dict[str, str]:
        """Las cabeceras que atan una petición a esta ejecución (https://www.w3.org/TR/trace-context/)."""
        baggage = ",".join(f"{key}={value}" for key, value in self.baggage.items())
        return {"traceparent": f"00-{self.trace_id}-{self.span_id}-01", "baggage": baggage}

    def deliver(self, answer: Answer) -> None:
        """Apunta lo que recibió el cliente; a partir de aquí se puede probar lo que dependía de ello."""
        self._answer = answer
        self._answered.set()

    # --- lo que usa el motor ----------------------------------------------------------------------------------

    def cancel(self) -> None:
        """Que nadie siga esperando nada."""
        self._everything.cancel()

    def close(self) -> None:
        """Cierra los clientes."""
        self.clients.close()


def _addresses(laboratory: Laboratory, credentials: Mapping[str, str]) -> dict[str, str]:
    """Lo que exporta cada servicio, esté o no en marcha: que uno falte se nota al llamarlo, no al nombrarlo."""
    values = variables(laboratory.endpoints(), Viewpoint.HOST) | dict(credentials)
    return {
        name: render(template, values, where=service.name)
        for service in laboratory.services
        for name, template in service.exports.items()
    }


deadline_of_hop: ContextVar[Deadline | None] = ContextVar("deadline_of_hop", default=None)
"""El plazo del paso que está probando este hilo."""
