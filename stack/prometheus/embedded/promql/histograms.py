"""`histogram_quantile` sobre histogramas clásicos: los cubos son series con la etiqueta `le`."""

from __future__ import annotations

import math
from collections.abc import Sequence

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
_SMALLEST_NORMAL = 2.2250738585072014e-308

Bucket = tuple[float, float]


def histogram_quantile(q: float, samples: Sequence[Sample], at_ms: int) -> Vector:
    """El cuantil `q` de cada histograma; lo que no tiene un `le` que sea un número no cuenta.

    Raises:
        ExecutionError: dos métricas distintas quedan con las mismas etiquetas.
    """
    groups: dict[Key, tuple[Labels, dict[float, float]]] = {}
    for sample in samples:
        try:
            bound = float(sample.labels["le"])
        except (KeyError, ValueError):
            continue
        # El nombre separa un histograma de otro, aunque el resultado no lo lleve.
        labels = {name: value for name, value in sample.labels.items() if name != "le"}
        buckets = groups.setdefault(key_of(labels), (labels, {}))[1]
        buckets[bound] = buckets.get(bound, 0.0) + sample.value
    return require_unique(
        [Sample(without_name(labels), at_ms, quantile(q, list(b.items()))) for labels, b in groups.values()]
    )


def quantile(q: float, unordered: list[Bucket]) -> float:
    """Interpola dentro del cubo en que cae `q`, con las reglas de Prometheus para los bordes."""
    if math.isnan(q):
        return math.nan
    if q < 0:
        return -math.inf
    if q > 1:
        return math.inf
    buckets = sorted(unordered)
    if len(buckets) < 2 or buckets[-1][0] != math.inf:
        return math.nan
    counts = _monotonic([count for _, count in buckets])
    total = counts[-1]
    if total == 0 or math.isnan(total):
        return math.nan
    rank = q * total
    index = next((i for i, count in enumerate(counts[:-1]) if count >= rank), len(counts) - 1)
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


def _monotonic(counts: list[float]) -> list[float]:
    """Las cuentas, sin bajadas ni diferencias minúsculas, que solo son redondeo de sumar o de `rate`."""
    fixed = counts[:1]
    for count in counts[1:]:
        before = fixed[-1]
        fixed.append(before if count < before or _almost_equal(before, count) else count)
    return fixed


def _almost_equal(a: float, b: float) -> bool:
    if a == b:
        return True
    size, difference = abs(a) + abs(b), abs(a - b)
    if a == 0 or b == 0 or size < _SMALLEST_NORMAL:
        return difference < _TOLERANCE * _SMALLEST_NORMAL
    return difference / size < _TOLERANCE
