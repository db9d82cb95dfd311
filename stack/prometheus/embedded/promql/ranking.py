"""`topk` y `bottomk`: a cuáles se elige cuando hay empate, y en qué orden salen, como en Prometheus.

Prometheus guarda los mejores en un montículo (`container/heap` de Go) con el peor arriba. Con valores repetidos,
quién se queda depende de esos pasos, así que aquí se dan los mismos.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cmp_to_key

from stack.prometheus.embedded.promql.values import Sample

Less = Callable[[Sample, Sample], bool]
_INSERTION = 12
"""Hasta aquí `sort.Sort` de Go ordena por inserción."""


def best(op: str, members: Sequence[Sample], count: int) -> list[Sample]:
    """Los `count` mayores (`topk`) o menores (`bottomk`), primero el mejor; los NaN, solo si sobra sitio."""
    if count < 1:
        return []
    less = _by_value if op == "topk" else _by_reverse_value
    heap: list[Sample] = []
    for one in members:
        if len(heap) < count:
            heap.append(one)
            _up(heap, len(heap) - 1, less)
        elif less(heap[0], one) and not math.isnan(one.value):
            heap[0] = one
            _down(heap, less)
    return _sorted(heap, lambda a, b: less(b, a))


def _by_value(a: Sample, b: Sample) -> bool:
    return math.isnan(a.value) or a.value < b.value


def _by_reverse_value(a: Sample, b: Sample) -> bool:
    return math.isnan(a.value) or a.value > b.value


def _up(heap: list[Sample], child: int, less: Less) -> None:
    while child:
        parent = (child - 1) // 2
        if not less(heap[child], heap[parent]):
            break
        heap[parent], heap[child] = heap[child], heap[parent]
        child = parent


def _down(heap: list[Sample], less: Less) -> None:
    parent = 0
    while (child := 2 * parent + 1) < len(heap):
        if child + 1 < len(heap) and less(heap[child + 1], heap[child]):
            child += 1
        if not less(heap[child], heap[parent]):
            break
        heap[parent], heap[child] = heap[child], heap[parent]
        parent = child


def _sorted(items: list[Sample], less: Less) -> list[Sample]:
    if len(items) > _INSERTION:

        def order(a: Sample, b: Sample) -> int:
            return less(b, a) - less(a, b)

        return sorted(items, key=cmp_to_key(order))
    for end in range(1, len(items)):
        place = end
        while place and less(items[place], items[place - 1]):
            items[place - 1], items[place] = items[place], items[place - 1]
            place -= 1
    return items
