"""Cómo se contesta una consulta, aparte de lo que dice: cuánto mira atrás, a qué pasos y cuánto tiempo tiene."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from stack.prometheus.embedded.promql.values import QueryTimeout


class Budget:
    """El tiempo de una consulta, que se mira a menudo mientras se calcula: `seconds` desde ahora.

    `cancel` lo acaba antes de tiempo, desde otro hilo si hace falta.
    """

    def __init__(self, seconds: float = math.inf) -> None:
        self._deadline = time.monotonic() + seconds
        self._cancelled = False

    def cancel(self) -> None:
        """La consulta acaba en la próxima operación."""
        self._cancelled = True

    def check(self) -> None:
        """`QueryTimeout` si ya no queda tiempo."""
        if self._cancelled:
            raise QueryTimeout("query was canceled in expression evaluation")
        if time.monotonic() > self._deadline:
            raise QueryTimeout("query timed out in expression evaluation")


_UNLIMITED = Budget()


@dataclass(frozen=True, slots=True)
class Options:
    """`subquery_ms` es el paso de una subconsulta que no lo dice; `lookback_ms`, cuánto vale una muestra.

    Si no se dice otra cosa, lo que trae Prometheus: un minuto y cinco.
    """

    subquery_ms: int = 60_000
    lookback_ms: int = 300_000
    budget: Budget = _UNLIMITED


DEFAULTS = Options()
