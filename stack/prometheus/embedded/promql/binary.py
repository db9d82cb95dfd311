"""Operaciones entre números y vectores: aritmética, comparaciones y conjuntos."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stack.prometheus.embedded.promql.values import (
    ExecutionError,
    Key,
    Labels,
    Sample,
    Vector,
    key_of,
    require_unique,
    without_name,
)

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
}
SETS = {"and", "or", "unless"}


@dataclass(frozen=True, slots=True)
class Matching:
    """Cómo se emparejan los dos lados: por qué etiquetas, qué lado puede repetir y qué etiquetas se le añaden."""

    labels: Sequence[str] | None
    on: bool
    many: str
    extra: Sequence[str]
    bool_: bool

    def key(self, labels: Labels) -> Key:
        """La clave por la que se empareja un elemento con esas etiquetas."""
        if self.on:
            return tuple((name, labels.get(name, "")) for name in sorted(self.labels or ()))
        dropped = {*(self.labels or ()), "__name__"}
        return tuple(sorted((name, value) for name, value in labels.items() if name not in dropped))


def arithmetic(op: str, a: float, b: float) -> float:
    """`a op b` con las reglas de coma flotante de Go (dividir entre cero da infinito, no un error)."""
    match op:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "/":
            if b != 0:
                return a / b
            return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1, b)
        case "%":
            return math.fmod(a, b) if b != 0 and math.isfinite(a) else math.nan
        case "^":
            return _power(a, b)
        case _:
            return math.atan2(a, b)


def _power(a: float, b: float) -> float:
    try:
        return float(math.pow(a, b))
    except OverflowError:
        pass
    except ValueError:
        if a != 0:
            return math.nan
    # No cabe, o es cero elevado a un negativo: infinito, con el signo de `a` si el exponente es impar.
    return math.copysign(math.inf, a) if b % 2 == 1 else math.inf


def with_scalar(op: str, samples: list[Sample], scalar: float, *, swapped: bool, bool_: bool) -> Vector:
    """Un vector con un número. `swapped`: el número va a la izquierda."""
    result = []
    for one in samples:
        a, b = (scalar, one.value) if swapped else (one.value, scalar)
        if op in COMPARISONS:
            holds = COMPARISONS[op](a, b)
            if bool_:
                result.append(Sample(without_name(one.labels), one.at_ms, float(holds)))
            elif holds:
                result.append(one)
        else:
            result.append(Sample(without_name(one.labels), one.at_ms, arithmetic(op, a, b)))
    return require_unique(result)


def sets(op: str, left: list[Sample], right: list[Sample], matching: Matching) -> Vector:
    """`and`, `or` y `unless`."""
    keys = {matching.key(one.labels) for one in right}
    if op == "and":
        return Vector([one for one in left if matching.key(one.labels) in keys])
    if op == "unless":
        return Vector([one for one in left if matching.key(one.labels) not in keys])
    present = {matching.key(one.labels) for one in left}
    return require_unique(left + [one for one in right if matching.key(one.labels) not in present])


def vectors(op: str, left: list[Sample], right: list[Sample], matching: Matching) -> Vector:
    """Dos vectores, emparejando uno a uno o, con `group_left`/`group_right`, varios a uno."""
    if not left or not right:
        return Vector()  # como Prometheus: sin nada enfrente, ni se mira si hay repetidos
    many, one_side = (right, left) if matching.many == "right" else (left, right)
    ones: dict[Key, Sample] = {}
    for sample in one_side:
        if ones.setdefault(matching.key(sample.labels), sample) is not sample:
            raise ExecutionError(
                "found duplicate series for the match group: many-to-many matching not allowed: "
                "matching labels must be unique on one side"
            )
    result: list[Sample] = []
    used: set[tuple[Key, Key]] = set()
    for sample in many:
        key = matching.key(sample.labels)
        other = ones.get(key)
        if other is None:
            continue
        a, b = (other, sample) if matching.many == "right" else (sample, other)
        compares = op in COMPARISONS
        holds = compares and COMPARISONS[op](a.value, b.value)
        labels = _result_labels(sample, other, matching, keep_name=compares and not matching.bool_)
        # Se mira también lo que la comparación va a descartar: que haya dos no depende de lo que valgan.
        pair = (key, key_of(labels) if matching.many else ())
        if pair in used:
            raise ExecutionError(
                "multiple matches for labels: "
                + (
                    "grouping labels must ensure unique matches"
                    if matching.many
                    else "many-to-one matching must be explicit (group_left/group_right)"
                )
            )
        used.add(pair)
        if not compares:
            result.append(Sample(labels, sample.at_ms, arithmetic(op, a.value, b.value)))
        elif matching.bool_:
            result.append(Sample(labels, sample.at_ms, float(holds)))
        elif holds:
            result.append(Sample(labels, sample.at_ms, a.value))
    return require_unique(result)


def _result_labels(sample: Sample, other: Sample, matching: Matching, *, keep_name: bool) -> Labels:
    labels = dict(sample.labels) if keep_name else without_name(sample.labels)
    if not matching.many:
        if matching.on:
            return {name: value for name, value in labels.items() if name in (matching.labels or ())}
        return {name: value for name, value in labels.items() if name not in (matching.labels or ())}
    for name in matching.extra:
        if other.labels.get(name):
            labels[name] = other.labels[name]
        else:
            labels.pop(name, None)
    return labels
