"""El tiempo que tiene una consulta: se mira a menudo mientras se calcula, para no pasarse y para poder dejarlo."""

from __future__ import annotations

import math
import time

from stack.prometheus.embedded.promql.values import QueryTimeout


class Budget:
    """`seconds` desde ahora. `cancel` lo acaba antes de tiempo, desde otro hilo si hace falta."""

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


UNLIMITED = Budget()
