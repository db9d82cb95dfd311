"""Funciones sobre un trozo de historia: `rate`, `increase`, `*_over_time`…

Cada una recibe los instantes (ms) y valores del trozo y sus dos extremos, y devuelve un número o `None` si con
esas muestras no se puede contestar.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from stack.prometheus.embedded.promql.summing import largest, line, mean, smallest, total, variance

Times = Sequence[int]
Values = Sequence[float]
RangeFunction = Callable[[Times, Values, int, int], float | None]


def _extrapolated(
    times: Times, values: Values, start: int, end: int, *, counter: bool, per_second: bool
) -> float | None:
    """El cálculo de Prometheus: la diferencia, estirada hasta los bordes si las muestras llegan cerca."""
    if len(times) < 2:
        return None
    result = values[-1] - values[0]
    if counter:
        for before, after in pairwise(values):
            if after < before:
                result += before
    to_start, to_end = (times[0] - start) / 1000, (end - times[-1]) / 1000
    sampled = (times[-1] - times[0]) / 1000
    average = sampled / (len(times) - 1)
    threshold = average * 1.1
    if to_start >= threshold:
        to_start = average / 2
    if counter and result > 0 and values[0] >= 0:
        # Un contador no baja de cero: no se estira más atrás de donde habría empezado.
        to_start = min(to_start, sampled * (values[0] / result))
    if to_end >= threshold:
        to_end = average / 2
    factor = (sampled + to_start + to_end) / sampled
    if per_second:
        factor /= _seconds(end - start)
    return result * factor


def _seconds(span_ms: int) -> float:
    """Como `Duration.Seconds` de Go: los segundos enteros por un lado y lo que sobra por otro."""
    return float(span_ms // 1000) + (span_ms % 1000 * 1_000_000) / 1e9


def _last_two(times: Times, values: Values, *, rate: bool) -> float | None:
    if len(times) < 2:
        return None
    gap = (times[-1] - times[-2]) / 1000
    difference = values[-1] - values[-2]
    if not rate:
        return difference
    return (values[-1] if values[-1] < values[-2] else difference) / gap


def predict(times: Times, values: Values, at_ms: int, ahead_s: float) -> float | None:
    """`predict_linear`: dónde estaría la recta dentro de `ahead_s` segundos."""
    if len(times) < 2:
        return None
    slope, height = line(((one - at_ms) / 1000 for one in times), values)
    return slope * ahead_s + height


def _deriv(times: Times, values: Values, start: int, end: int) -> float | None:
    if len(times) < 2:
        return None
    return line(((one - times[0]) / 1000 for one in times), values)[0]


def _changes(values: Values) -> float:
    pairs = pairwise(values)
    return float(sum(a != b and not (math.isnan(a) and math.isnan(b)) for a, b in pairs))


FUNCTIONS: dict[str, RangeFunction] = {
    "rate": lambda t, v, a, b: _extrapolated(t, v, a, b, counter=True, per_second=True),
    "increase": lambda t, v, a, b: _extrapolated(t, v, a, b, counter=True, per_second=False),
    "delta": lambda t, v, a, b: _extrapolated(t, v, a, b, counter=False, per_second=False),
    "irate": lambda t, v, a, b: _last_two(t, v, rate=True),
    "idelta": lambda t, v, a, b: _last_two(t, v, rate=False),
    "deriv": _deriv,
    "changes": lambda t, v, a, b: _changes(v),
    "resets": lambda t, v, a, b: float(sum(y < x for x, y in pairwise(v))),
    "avg_over_time": lambda t, v, a, b: mean(v),
    "sum_over_time": lambda t, v, a, b: total(v),
    "min_over_time": lambda t, v, a, b: smallest(v),
    "max_over_time": lambda t, v, a, b: largest(v),
    "count_over_time": lambda t, v, a, b: float(len(v)),
    "first_over_time": lambda t, v, a, b: v[0],
    "last_over_time": lambda t, v, a, b: v[-1],
    "present_over_time": lambda t, v, a, b: 1.0,
    "stddev_over_time": lambda t, v, a, b: math.sqrt(variance(v)),
    "stdvar_over_time": lambda t, v, a, b: variance(v),
}
KEEP_NAME = {"first_over_time", "last_over_time"}
