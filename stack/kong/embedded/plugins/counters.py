"""Los contadores de `rate-limiting`: cuántas llamadas lleva cada quien en la ventana de tiempo en curso.

Las ventanas son las del reloj, como en Kong: la del minuto empieza en el segundo 0 (en UTC), no con la
primera llamada. Contar y anotar ocurre sin ceder el turno, así que en un proceso el número es exacto.
"""

from __future__ import annotations

from collections.abc import Hashable
from datetime import UTC, datetime

PERIODS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "month": 2592000, "year": 31536000}
"""Los periodos, de menor a mayor, y cuánto dura su ventana en segundos."""

_SWEEP_EVERY = 4096


def window_start(period: str, now: float) -> int:
    """Cuándo empezó la ventana de `period` en que cae `now` (segundos desde 1970)."""
    if period in ("second", "minute", "hour", "day"):
        return int(now) // PERIODS[period] * PERIODS[period]
    moment = datetime.fromtimestamp(now, UTC)
    first = datetime(moment.year, moment.month if period == "month" else 1, 1, tzinfo=UTC)
    return int(first.timestamp())


class Counters:
    """Contadores por (sitio, quién, periodo, ventana)."""

    def __init__(self) -> None:
        self._used: dict[tuple[Hashable, str, str, int], int] = {}
        self._until_sweep = _SWEEP_EVERY

    def used(self, scope: Hashable, who: str, period: str, now: float) -> int:
        """Cuántas lleva `who` en la ventana en curso."""
        return self._used.get((scope, who, period, window_start(period, now)), 0)

    def add(self, scope: Hashable, who: str, period: str, now: float) -> None:
        """Una más."""
        key = (scope, who, period, window_start(period, now))
        self._used[key] = self._used.get(key, 0) + 1
        self._until_sweep -= 1
        if self._until_sweep <= 0:
            self._sweep(now)

    def reset(self) -> None:
        """Como recién arrancado."""
        self._used.clear()

    def _sweep(self, now: float) -> None:
        """Olvida las ventanas pasadas, para que la memoria no crezca con los días."""
        self._used = {key: count for key, count in self._used.items() if key[3] >= window_start(key[2], now)}
        self._until_sweep = _SWEEP_EVERY
