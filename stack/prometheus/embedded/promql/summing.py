"""Sumar y promediar como Prometheus: las mismas operaciones en el mismo orden coinciden hasta el último bit.

Es la suma compensada de Kahan con la mejora de Neumaier (https://en.wikipedia.org/wiki/Kahan_summation_algorithm):
lo que cada suma pierde al redondear se lleva aparte y se añade al final.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence


def kahan(value: float, added: float, lost: float) -> tuple[float, float]:
    """`(suma, perdido)` después de añadir `value`."""
    result = added + value
    if math.isinf(result):
        return result, 0.0
    if abs(added) >= abs(value):
        return result, lost + ((added - result) + value)
    return result, lost + ((value - result) + added)


def total(values: Iterable[float]) -> float:
    """La suma."""
    added = lost = 0.0
    for one in values:
        added, lost = kahan(one, added, lost)
    return added if math.isinf(added) else added + lost


def mean(values: Sequence[float]) -> float:
    """La media. Si la suma no cabe en un número se sigue con la media de lo que va, que sí cabe."""
    added, lost, middle, incremental = values[0], 0.0, 0.0, False
    for count, one in enumerate(values[1:], start=2):
        if not incremental:
            new = kahan(one, added, lost)
            if not math.isinf(new[0]):
                added, lost = new
                continue
            incremental, middle, lost = True, added / (count - 1), lost / (count - 1)
        share = (count - 1) / count
        middle, lost = kahan(one / count, share * middle, share * lost)
    return middle + lost if incremental else added / len(values) + lost / len(values)


def variance(values: Iterable[float]) -> float:
    """La varianza de la población en las funciones `…_over_time` (método de Welford, compensado)."""
    count, middle, middle_lost, squares, squares_lost = 0, 0.0, 0.0, 0.0, 0.0
    for one in values:
        count += 1
        delta = one - (middle + middle_lost)
        middle, middle_lost = kahan(delta / count, middle, middle_lost)
        squares, squares_lost = kahan(delta * (one - (middle + middle_lost)), squares, squares_lost)
    return (squares + squares_lost) / count


def group_variance(values: Sequence[float]) -> float:
    """La de las agregaciones `stdvar` y `stddev`: el mismo método, que ahí Prometheus no compensa."""
    middle = values[0]
    squares = 0.0 if math.isfinite(middle) else math.nan
    for count, one in enumerate(values[1:], start=2):
        delta = one - middle
        middle += delta / count
        squares += delta * (one - middle)
    return squares / len(values)


def line(xs: Iterable[float], ys: Sequence[float]) -> tuple[float, float]:
    """La recta de mínimos cuadrados por esos puntos: `(pendiente, altura en cero)`."""
    if all(one == ys[0] for one in ys[1:]):
        return (math.nan, math.nan) if math.isinf(ys[0]) else (0.0, ys[0])
    sums = [(0.0, 0.0)] * 4
    for x, y in zip(xs, ys, strict=True):
        sums = [kahan(one, *so_far) for one, so_far in zip((x, y, x * y, x * x), sums, strict=True)]
    sum_x, sum_y, sum_xy, sum_xx = (added + lost for added, lost in sums)
    count = float(len(ys))
    above, below = sum_xy - sum_x * sum_y / count, sum_xx - sum_x * sum_x / count
    slope = above / below if below else math.nan
    return slope, sum_y / count - slope * sum_x / count


def largest(values: Iterable[float]) -> float:
    """El mayor; NaN solo si no hay otra cosa."""
    return _pick(values, lambda one, best: one > best)


def smallest(values: Iterable[float]) -> float:
    """El menor; NaN solo si no hay otra cosa."""
    return _pick(values, lambda one, best: one < best)


def _pick(values: Iterable[float], better: Callable[[float, float], bool]) -> float:
    best = math.nan
    for one in values:
        if math.isnan(best) or better(one, best):
            best = one
    return best


def quantile(q: float, values: Iterable[float]) -> float:
    """El cuantil `q`, interpolando entre los dos vecinos; los NaN van primero."""
    ordered = sorted(values, key=lambda one: (not math.isnan(one), one))
    if not ordered or math.isnan(q):
        return math.nan
    if q < 0:
        return -math.inf
    if q > 1:
        return math.inf
    rank = q * (len(ordered) - 1)
    low = math.floor(rank)
    weight = rank - low
    if weight == 0:
        return ordered[low]
    return ordered[low] * (1 - weight) + ordered[min(len(ordered) - 1, low + 1)] * weight
