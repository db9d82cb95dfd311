"""Funciones sobre un trozo de historia: `rate`, `increase`, `*_over_time`…

Cada una recibe los instantes (ms) y valores del trozo y sus dos extremos, y devuelve un número o `None` si con
esas muestras no se puede contestar.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

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
        factor /= (end - start) / 1000
    return result * factor


def _last_two(times: Times, values: Values, *, rate: bool) -> float | None:
    if len(times) < 2:
        return None
    gap = (times[-1] - times[-2]) / 1000
    difference = values[-1] - values[-2]
    if not rate:
        return difference
    return (values[-1] if difference < 0 else difference) / gap


def _slope(times: Times, values: Values, origin: int) -> tuple[float, float] | None:
    if len(times) < 2:
        return None
    if all(one == values[0] for one in values):
        return (0.0, values[0]) if math.isfinite(values[0]) else (math.nan, math.nan)
    xs = [(one - origin) / 1000 for one in times]
    mean_x, mean_y = mean(xs), mean(values)
    over = total((x - mean_x) * (x - mean_x) for x in xs)
    slope = total((x - mean_x) * (y - mean_y) for x, y in zip(xs, values, strict=True)) / over
    return slope, mean_y - slope * mean_x


def predict(times: Times, values: Values, at_ms: int, ahead_s: float) -> float | None:
    """`predict_linear`: dónde estaría la recta dentro de `ahead_s` segundos."""
    fitted = _slope(times, values, at_ms)
    return None if fitted is None else fitted[1] + fitted[0] * ahead_s


def total(values: Iterable[float]) -> float:
    """La suma exacta; con infinitos o NaN por medio, la de coma flotante (que da infinito o NaN)."""
    numbers = list(values)
    if all(map(math.isfinite, numbers)):
        try:
            return math.fsum(numbers)
        except OverflowError:  # el resultado no cabe: infinito, como en Go
            pass
    return float(sum(numbers))


def mean(values: Values) -> float:
    """La media; si la suma no cabe en un número, se dividen antes los sumandos."""
    added = total(values)
    if math.isinf(added) and all(map(math.isfinite, values)):
        return total(one / len(values) for one in values)
    return added / len(values)


def quantile(q: float, values: Values) -> float:
    """El cuantil `q` de unos valores, interpolando como Prometheus."""
    if not values or math.isnan(q):
        return math.nan
    if q < 0:
        return -math.inf
    if q > 1:
        return math.inf
    ordered = sorted(values, key=lambda one: (not math.isnan(one), one))
    rank = q * (len(ordered) - 1)
    low = max(0, math.floor(rank))
    high = min(len(ordered) - 1, low + 1)
    weight = rank - math.floor(rank)
    return ordered[low] * (1 - weight) + ordered[high] * weight


def variance(values: Values) -> float:
    """La varianza de la población."""
    middle = mean(values)
    return total((one - middle) * (one - middle) for one in values) / len(values)


def _extreme(values: Values, pick: Callable[[list[float]], float]) -> float:
    numbers = [one for one in values if not math.isnan(one)]
    return pick(numbers) if numbers else math.nan


def _deriv(times: Times, values: Values, start: int, end: int) -> float | None:
    fitted = _slope(times, values, times[0]) if times else None
    return None if fitted is None else fitted[0]


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
    "min_over_time": lambda t, v, a, b: _extreme(v, min),
    "max_over_time": lambda t, v, a, b: _extreme(v, max),
    "count_over_time": lambda t, v, a, b: float(len(v)),
    "last_over_time": lambda t, v, a, b: v[-1],
    "present_over_time": lambda t, v, a, b: 1.0,
    "stddev_over_time": lambda t, v, a, b: math.sqrt(variance(v)),
    "stdvar_over_time": lambda t, v, a, b: variance(v),
}
KEEP_NAME = {"last_over_time"}
