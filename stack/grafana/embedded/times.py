"""El intervalo de tiempo de un tablero: `now-5m`, milisegundos o ISO 8601, y cuántos puntos se piden de él.

Sigue a Grafana: https://grafana.com/docs/grafana/latest/dashboards/use-dashboards/#set-dashboard-time-range
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

_UNITS_MS = {
    "ms": 1,
    "s": 1000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
    "M": 2_592_000_000,
    "y": 31_536_000_000,
}
_RELATIVE = re.compile(r"now(?:([+-])(\d{1,9})(s|m|h|d|w|M|y))?(?:/(m|h|d|w|M|y))?")
_DURATION = re.compile(r"(\d{1,12}(?:\.\d+)?)(ms|s|m|h|d|w|M|y)")
_ROUNDED = (
    *(10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 20_000, 30_000),
    *(60_000, 120_000, 300_000, 600_000, 900_000, 1_200_000, 1_800_000),
    *(3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000, 604_800_000, 2_592_000_000),
)


class BadTime(ValueError):
    """Un instante o una duración que no se entiende; el mensaje es para la persona."""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """De `start` a `end`, en milisegundos desde 1970."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """Lo que dura, en milisegundos; nunca menos de uno."""
        return max(1, self.end - self.start)


def parse_range(start: str, end: str, now_ms: int) -> TimeRange:
    """El intervalo entre dos textos; `BadTime` si alguno no se entiende o están al revés."""
    result = TimeRange(parse_instant(start, now_ms), parse_instant(end, now_ms, end=True))
    if result.end <= result.start:
        raise BadTime(f"El intervalo acaba antes de empezar: de «{start}» a «{end}».")
    return result


def parse_instant(text: str, now_ms: int, *, end: bool = False) -> int:
    """Milisegundos desde 1970. Con `/d` se redondea al principio del día, o a su final si `end`."""
    text = text.strip()
    if re.fullmatch(r"-?\d{1,15}", text):
        return int(text)
    if match := _RELATIVE.fullmatch(text):
        sign, amount, unit, rounding = match.groups()
        moment = now_ms
        if sign:
            moment += (1 if sign == "+" else -1) * int(amount) * _UNITS_MS[unit]
        return _rounded(moment, rounding, end=end) if rounding else moment
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        raise BadTime(f"No se entiende la hora «{text}»: vale now-5m, una fecha ISO o milisegundos.") from None


def _rounded(moment_ms: int, unit: str, *, end: bool) -> int:
    at = datetime.fromtimestamp(moment_ms / 1000).astimezone().replace(second=0, microsecond=0)
    if unit != "m":
        at = at.replace(minute=0)
    if unit in "dwMy":
        at = at.replace(hour=0)
    if unit == "w":
        at -= timedelta(days=at.weekday())
    if unit in "My":
        at = at.replace(day=1)
    if unit == "y":
        at = at.replace(month=1)
    start = int(at.timestamp() * 1000)
    return start + _UNITS_MS[unit] - 1 if end else start


def parse_duration(text: str) -> int:
    """`1m30s` → 90 000 ms; `BadTime` si no se entiende."""
    position, total = 0, 0.0
    for match in _DURATION.finditer(text):
        if match.start() != position:
            break
        position = match.end()
        total += float(match[1]) * _UNITS_MS[match[2]]
    if position != len(text) or not text:
        raise BadTime(f"No se entiende la duración «{text}»: se escribe 500ms, 30s, 5m, 1h…")
    return round(total)


def format_duration(milliseconds: int) -> str:
    """90 000 → `1m30s`, como lo quiere Prometheus."""
    parts, rest = [], max(1, milliseconds)
    for unit in ("d", "h", "m", "s", "ms"):
        amount, rest = divmod(rest, _UNITS_MS[unit])
        if amount:
            parts.append(f"{amount}{unit}")
    return "".join(parts)


def query_interval(length_ms: int, max_points: int, minimum_ms: int) -> int:
    """Cada cuántos milisegundos se pide un punto: un número redondo, sin bajar de `minimum_ms`."""
    wanted = length_ms / max(1, max_points)
    rounded = next((size for size in _ROUNDED if wanted <= size * 1.25), _ROUNDED[-1])
    return max(rounded, minimum_ms, 1)


def rate_interval(interval_ms: int, scrape_ms: int) -> int:
    """`$__rate_interval`: caben siempre cuatro lecturas, así que `rate` tiene con qué calcular."""
    return max(interval_ms + scrape_ms, 4 * scrape_ms)
