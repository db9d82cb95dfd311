"""`sum by (…)`, `topk`, `count_values`… sobre un vector."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from stack.prometheus.embedded.promql.formatting import number
from stack.prometheus.embedded.promql.ranking import best
from stack.prometheus.embedded.promql.summing import group_variance, largest, mean, quantile, smallest, total
from stack.prometheus.embedded.promql.values import (
    BadQuery,
    ExecutionError,
    Labels,
    NotCovered,
    Sample,
    Vector,
    key_of,
    require_unique,
)

_SIMPLE: dict[str, Callable[[Sequence[float]], float]] = {
    "sum": total,
    "avg": mean,
    "count": lambda values: float(len(values)),
    "group": lambda values: 1.0,
    "min": smallest,
    "max": largest,
    "stddev": lambda values: math.sqrt(group_variance(values)),
    "stdvar": group_variance,
}
_INT64 = 2.0**63


def aggregate(
    op: str, samples: list[Sample], labels: Sequence[str] | None, by: bool, param: float | str | None, at_ms: int
) -> Vector:
    """Agrupa `samples` por `labels` (o por todas menos ellas, con `by` falso) y aplica `op` a cada grupo."""
    if op == "count_values":
        samples, labels = _by_value(samples, labels, by, param)
    groups: dict[object, tuple[Labels, list[Sample]]] = {}
    for sample in samples:
        kept = _grouping(sample.labels, labels, by)
        groups.setdefault(key_of(kept), (kept, []))[1].append(sample)
    if op in ("topk", "bottomk"):
        count = _count(op, param)
        return Vector([one for _, members in groups.values() for one in best(op, members, count)])
    result: list[Sample] = []
    for kept, members in groups.values():
        values = [one.value for one in members]
        if op == "count_values":
            result.append(Sample(kept, at_ms, float(len(values))))
        elif op == "quantile":
            result.append(Sample(kept, at_ms, quantile(_number(op, param), values)))
        elif op in _SIMPLE:
            result.append(Sample(kept, at_ms, _SIMPLE[op](values)))
        else:
            raise NotCovered(f"este suplente de Prometheus no sabe agregar con «{op}»")
    return require_unique(result)


def _grouping(labels: Labels, names: Sequence[str] | None, by: bool) -> Labels:
    if by:
        return {name: labels[name] for name in names or () if name in labels}
    dropped = {*(names or ()), "__name__"}
    return {name: value for name, value in labels.items() if name not in dropped}


def _by_value(
    samples: list[Sample], labels: Sequence[str] | None, by: bool, name: object
) -> tuple[list[Sample], Sequence[str] | None]:
    """Para `count_values`: cada elemento con su valor como una etiqueta más, que también cuenta al agrupar."""
    if not isinstance(name, str):
        raise BadQuery("count_values necesita el nombre de una etiqueta delante del vector")
    if not name:
        raise ExecutionError(f'invalid label name "{name}"')
    valued = [Sample({**one.labels, name: number(one.value)}, one.at_ms, one.value) for one in samples]
    return valued, [*(labels or ()), name] if by else labels


def _count(op: str, param: object) -> int:
    count = _number(op, param)
    if count < 1:
        return 0
    if math.isnan(count):
        raise ExecutionError("Parameter value is NaN")
    if count >= _INT64:
        raise ExecutionError(f"Scalar value {number(count)} overflows int64")
    return int(count)


def _number(op: str, param: object) -> float:
    if not isinstance(param, float):
        raise BadQuery(f"{op} necesita un número delante del vector")
    return param
