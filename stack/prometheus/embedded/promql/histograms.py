"""`histogram_quantile` sobre histogramas clásicos: los cubos son series con la etiqueta `le`."""

from __future__ import annotations

import math
import sys
from bisect import bisect_left
from collections.abc import Callable, Sequence

from stack.prometheus.embedded.promql.values import (
    Key,
    Labels,
    Sample,
    Vector,
    key_of,
    require_unique,
    without_name,
)

_TOLERANCE = 1e-12
"""Dos cuentas más cercanas que esto son la misma: así lo decide Prometheus."""
_SMALLEST_NORMAL, _LARGEST = sys.float_info.min, sys.float_info.max

Bucket = tuple[float, float]


def histogram_quantile(q: float, samples: Sequence[Sample], at_ms: int) -> Vector:
    """El cuantil `q` de cada histograma; lo que no tiene un `le` que sea un número no cuenta.

    Raises:
        ExecutionError: dos métricas distintas quedan con las mismas etiquetas.
    """
    return _each(samples, at_ms, lambda buckets: quantile(q, buckets))


def histogram_fraction(low: float, high: float, samples: Sequence[Sample], at_ms: int) -> Vector:
    """Qué parte de las observaciones de cada histograma cae entre `low` y `high`; mismos errores."""
    return _each(samples, at_ms, lambda buckets: fraction(low, high, buckets))


def _each(samples: Sequence[Sample], at_ms: int, function: Callable[[list[Bucket]], float]) -> Vector:
    groups: dict[Key, tuple[Labels, dict[float, float]]] = {}
    for sample in samples:
        try:
            bound = float(sample.labels["le"])
        except (KeyError, ValueError):
            continue
        # El nombre separa un histograma de otro, aunque el resultado no lo lleve.
        labels = {name: value for name, value in sample.labels.items() if name != "le"}
        buckets = groups.setdefault(key_of(labels), (labels, {}))[1]
        buckets[bound] = buckets[bound] + sample.value if bound in buckets else sample.value
    return require_unique(
        [Sample(without_name(labels), at_ms, function(sorted(b.items()))) for labels, b in groups.values()]
    )


def quantile(q: float, buckets: list[Bucket]) -> float:
    """Interpola dentro del cubo en que cae `q`, con las reglas de Prometheus para los bordes."""
    if math.isnan(q):
        return math.nan
    if q < 0:
        return -math.inf
    if q > 1:
        return math.inf
    if len(buckets) < 2 or buckets[-1][0] != math.inf:
        return math.nan
    counts = _monotonic([count for _, count in buckets])
    total = counts[-1]
    if total == 0:
        return math.nan
    rank = q * total
    index = bisect_left(counts, True, hi=len(counts) - 1, key=lambda count: count >= rank)
    if index == len(counts) - 1:
        return buckets[-2][0]
    end = buckets[index][0]
    if index == 0 and end <= 0:
        return end
    start, count = 0.0, counts[index]
    if index > 0:
        start = buckets[index - 1][0]
        count -= counts[index - 1]
        rank -= counts[index - 1]
    # q = 0 con el primer cubo vacío: 0/0, que en Go es NaN.
    return start + (end - start) * (rank / count) if count else math.nan


def fraction(low: float, high: float, buckets: list[Bucket]) -> float:
    """La parte de las cuentas entre `low` y `high`, repartiendo por igual dentro de cada cubo."""
    if not buckets or buckets[-1][0] != math.inf:
        return math.nan
    total = buckets[-1][1]
    if total == 0 or math.isnan(low) or math.isnan(high):
        return math.nan
    if low >= high:
        return 0.0
    below = _rank(high, buckets) - _rank(low, buckets)
    return below / total


def _rank(value: float, buckets: list[Bucket]) -> float:
    """Cuántas observaciones hay por debajo de `value`, o las que más se parezca."""
    before, start = 0.0, 0.0 if buckets[0][0] > 0 else -math.inf
    for end, count in buckets:
        if start >= value:
            return min(before, buckets[-1][1])
        if start < value < end:
            inside = count if start == -math.inf else before + (count - before) * (value - start) / (end - start)
            return inside if not inside > buckets[-1][1] else buckets[-1][1]
        before, start = count, end
    return buckets[-1][1]


def _monotonic(counts: list[float]) -> list[float]:
    """Las cuentas, sin bajadas ni diferencias minúsculas, que solo son redondeo de sumar o de `rate`."""
    fixed, before = counts[:1], counts[0]
    for count in counts[1:]:
        if not (count < before or _almost_equal(before, count)):
            before = count
        fixed.append(before)
    return fixed


def _almost_equal(a: float, b: float) -> bool:
    if a == b or (math.isnan(a) and math.isnan(b)):
        return True
    size, difference = abs(a) + abs(b), abs(a - b)
    if a == 0 or b == 0 or size < _SMALLEST_NORMAL:
        return difference < _TOLERANCE * _SMALLEST_NORMAL
    return difference / min(size, _LARGEST) < _TOLERANCE
