"""Contestar consultas sin parar lo demás: leer las series es rápido y se hace aquí; calcular, en otro hilo.

Así una consulta pesada no retrasa las lecturas de los objetivos ni las demás respuestas, y tiene un tiempo contado
(`query.timeout` en Prometheus).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from stack.prometheus.embedded.promql import Budget, Matrix, Options, Storage, Value, instant, over_time
from stack.prometheus.embedded.promql.options import DEFAULTS

TIMEOUT_S = 60.0
AT_ONCE = 4
"""Cuántas se calculan a la vez; las demás esperan su turno."""

Found = TypeVar("Found")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Limits:
    """Lo que puede pedir quien pregunta: cuánto esperar como mucho, y cuánto vale una muestra."""

    timeout_s: float = TIMEOUT_S
    lookback_ms: int = DEFAULTS.lookback_ms


class Calculator:
    """Las consultas en marcha. `subquery_ms` es el paso de las subconsultas que no lo dicen."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._running: set[Budget] = set()
        self._turn = asyncio.Semaphore(AT_ONCE)
        self.subquery_ms = DEFAULTS.subquery_ms

    async def instant(
        self, text: str, at_ms: int, write: Callable[[Value], Result], limits: Limits | None = None
    ) -> Result:
        """`write` de lo que vale la consulta en un instante; mismos errores que `promql.query`."""
        return await self._run(limits, lambda options: instant(text, self._storage, at_ms, options), write)

    async def over_time(
        self,
        text: str,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        write: Callable[[Matrix], Result],
        limits: Limits | None = None,
    ) -> Result:
        """Lo mismo en cada instante de un intervalo; como `promql.query_range`."""
        return await self._run(
            limits, lambda options: over_time(text, self._storage, start_ms, end_ms, step_ms, options), write
        )

    def cancel(self) -> None:
        """Deja a medias todas las que haya."""
        for budget in self._running:
            budget.cancel()

    async def _run(
        self,
        limits: Limits | None,
        prepare: Callable[[Options], Callable[[], Found]],
        write: Callable[[Found], Result],
    ) -> Result:
        limits = limits or Limits()
        budget = Budget(limits.timeout_s)
        options = Options(self.subquery_ms, limits.lookback_ms, budget)
        self._running.add(budget)
        try:
            async with self._turn:
                compute = prepare(options)
                return await asyncio.to_thread(lambda: write(compute()))
        except asyncio.CancelledError:
            budget.cancel()
            raise
        finally:
            self._running.discard(budget)
