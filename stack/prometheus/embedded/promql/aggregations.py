"""`sum by (…)`, `topk`, `count_values`… sobre un vector."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from stack.prometheus.embedded.promql.formatting import number
from stack.prometheus.embedded.promql.functions_range import mean, quantile, total, variance
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
    "min": lambda values: min((one for one in values if not math.isnan(one)), default=math.nan),
    "max": lambda values: max((one for one in values if not math.isnan(one)), default=math.nan),
    "stddev": lambda values: math.sqrt(variance(values)),
    "stdvar": variance,
}


def aggregate(
    op: str, samples: list[Sample], labels: Sequence[str] | None, by: bool, param: float | str | None, at_ms: int
) -> Vector:
    """Agrupa `samples` por `labels` (o por todas menos ellas, con `by` falso) y aplica `op` a cada grupo."""
    groups: dict[object, tuple[Labels, list[Sample]]] = {}
    for sample in samples:
        kept = _grouping(sample.labels, labels, by)
        groups.setdefault(key_of(kept), (kept, []))[1].append(sample)
    result: list[Sample] = []
    for kept, members in groups.values():
        if op in ("topk", "bottomk"):
            result += _best(op, members, _number(op, param))
        elif op == "count_values":
            result += _count_values(members, kept, param, at_ms)
        elif op == "quantile":
            value = quantile(_number(op, param), [one.value for one in members])
            result.append(Sample(kept, at_ms, value))
        elif op in _SIMPLE:
            result.append(Sample(kept, at_ms, _SIMPLE[op]([one.value for one in members])))
        else:
            raise NotCovered(f"este suplente de Prometheus no sabe agregar con «{op}»")
    return Vector(result) if op in ("topk", "bottomk") else require_unique(result)


def _grouping(labels: Labels, names: Sequence[str] | None, by: bool) -> Labels:
    if by:
        return {name: labels[name] for name in names or () if name in labels}
    dropped = {*(names or ()), "__name__"}
    return {name: value for name, value in labels.items() if name not in dropped}


def _best(op: str, members: list[Sample], count: float) -> list[Sample]:
    if math.isnan(count):
        raise ExecutionError(f"{op}: Parameter value is NaN")
    if math.isinf(count):
        raise ExecutionError(f"{op}: Scalar value {number(count)} overflows int64")
    if count < 1:
        return []
    sign = -1 if op == "topk" else 1
    ordered = sorted(
        members, key=lambda one: (math.isnan(one.value), sign * one.value if one.value == one.value else 0)
    )
    return ordered[: int(count)]


def _count_values(members: list[Sample], kept: Labels, name: object, at_ms: int) -> list[Sample]:
    if not isinstance(name, str) or not name:
        raise BadQuery(f"invalid label name {name!r}")
    counts: dict[str, int] = {}
    for one in members:
        counts[number(one.value)] = counts.get(number(one.value), 0) + 1
    return [Sample({**kept, name: value}, at_ms, float(count)) for value, count in counts.items()]


def _number(op: str, param: object) -> float:
    if not isinstance(param, float):
        raise BadQuery(f"{op} necesita un número delante del vector")
    return param
