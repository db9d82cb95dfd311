"""Funciones sobre un vector o un número: `abs`, `round`, `label_replace`, `hour`, `histogram_quantile`…"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from stack.prometheus.embedded.promql.dates import DATES
from stack.prometheus.embedded.promql.histograms import histogram_fraction, histogram_quantile
from stack.prometheus.embedded.promql.values import (
    BadQuery,
    ExecutionError,
    Sample,
    Vector,
    regex,
    require_unique,
    without_name,
)


def _safe(function: Callable[[float], float]) -> Callable[[float], float]:
    def apply(value: float) -> float:
        try:
            return function(value)
        except OverflowError:
            return -math.inf if function is math.sinh and value < 0 else math.inf
        except ValueError:
            return math.nan

    return apply


def _log(base: Callable[[float], float]) -> Callable[[float], float]:
    return lambda value: -math.inf if value == 0 else base(value)


def _whole(function: Callable[[float], float]) -> Callable[[float], float]:
    # copysign: ceil(-0.5) es -0, y Prometheus lo escribe así.
    return lambda value: math.copysign(function(value), value) if math.isfinite(value) else value


def _atanh(value: float) -> float:
    return math.copysign(math.inf, value) if abs(value) == 1 else math.atanh(value)


MATH: dict[str, Callable[[float], float]] = {
    name: _safe(function)
    for name, function in {
        "abs": math.fabs,
        "ceil": _whole(math.ceil),
        "floor": _whole(math.floor),
        "exp": math.exp,
        "ln": _log(math.log),
        "log2": _log(math.log2),
        "log10": _log(math.log10),
        "sqrt": math.sqrt,
        "sgn": lambda value: value if math.isnan(value) or value == 0 else math.copysign(1.0, value),
        "sin": math.sin,
        "cos": math.cos,
        "tan": math.tan,
        "asin": math.asin,
        "acos": math.acos,
        "atan": math.atan,
        "sinh": math.sinh,
        "cosh": math.cosh,
        "tanh": math.tanh,
        "asinh": math.asinh,
        "acosh": math.acosh,
        "atanh": _atanh,
        "deg": math.degrees,
        "rad": math.radians,
    }.items()
}


def mapped(samples: Sequence[Sample], function: Callable[[float], float]) -> Vector:
    """`function` aplicada a cada elemento; el nombre de la métrica se pierde, como en Prometheus."""
    return require_unique([Sample(without_name(s.labels), s.at_ms, float(function(s.value))) for s in samples])


def rounded(value: float, to: float) -> float:
    """`round(v, to)`: al múltiplo más cercano; en el medio, hacia arriba."""
    if to == 0 or math.isnan(to):
        return math.nan
    inverse = 1 / to
    scaled = value * inverse + 0.5
    whole = math.floor(scaled) if math.isfinite(scaled) else scaled
    return whole / inverse if inverse else math.nan


def clamped(value: float, low: float, high: float) -> float:
    """`clamp`: entre `low` y `high`."""
    return _greater(low, -_greater(-high, -value))


def _greater(a: float, b: float) -> float:
    """`math.Max` de Go: infinito gana hasta a NaN, y el cero positivo al negativo."""
    if math.isnan(a) or math.isnan(b):
        return math.inf if math.inf in (a, b) else math.nan
    return max(a, b) if a != b or math.copysign(1, a) > 0 else b


def label_replace(samples: Sequence[Sample], target: str, template: str, source: str, pattern: str) -> Vector:
    """`label_replace`: escribe `target` con lo que casó de `source` (`$1`…); si no casa, no toca nada."""
    if not target:
        raise ExecutionError(f"invalid destination label name in label_replace(): {target}")
    try:
        compiled = regex(pattern)
    except re.error as error:
        raise ExecutionError(f"invalid regular expression in label_replace(): {pattern}") from error
    result = []
    for sample in samples:
        match = compiled.fullmatch(sample.labels.get(source, ""))
        labels = dict(sample.labels)
        if match is not None:
            value = _GROUP.sub(partial(_expand, match), template)
            labels = {name: text for name, text in {**labels, target: value}.items() if text}
        result.append(Sample(labels, sample.at_ms, sample.value))
    return require_unique(result)


_GROUP = re.compile(r"\$(?:\{(\w+)\}|(\w+)|\$)", re.ASCII)


def _expand(match: re.Match[str], reference: re.Match[str]) -> str:
    """Lo que vale `$1` o `${nombre}` en lo que casó; vacío si no existe."""
    name = reference.group(1) or reference.group(2)
    if name is None:  # «$$» es un «$»
        return "$"
    if name.startswith("0") and name != "0":
        return ""  # «$01» sería el nombre de un grupo, y ninguno puede llamarse así
    try:
        return match.group(int(name) if name.isdigit() else name) or ""
    except IndexError:
        return ""


def label_join(samples: Sequence[Sample], target: str, separator: str, sources: Sequence[str]) -> Vector:
    """`label_join`: escribe en `target` las etiquetas `sources` unidas por `separator`."""
    if not target:
        raise ExecutionError(f"invalid destination label name in label_join(): {target}")
    result = []
    for sample in samples:
        joined = separator.join(sample.labels.get(name, "") for name in sources)
        labels = {name: text for name, text in {**sample.labels, target: joined}.items() if text}
        result.append(Sample(labels, sample.at_ms, sample.value))
    return require_unique(result)


def text_of(value: object, function: str) -> str:
    """El texto de un argumento, o el error si no es un texto."""
    if not isinstance(value, str):
        raise BadQuery(f"{function}: se esperaba un texto")
    return value


_OTHERS = (
    "time pi vector scalar timestamp sort sort_desc round clamp clamp_min clamp_max "
    "label_replace label_join histogram_quantile histogram_fraction"
)
_NATIVE_ONLY = {f"histogram_{what}" for what in ("avg", "count", "sum", "stddev", "stdvar")}
"""Solo miran histogramas nativos: de lo demás, que es todo lo que aquí hay, no dicen nada."""
NAMES = {*MATH, *DATES, *_NATIVE_ONLY, *_OTHERS.split()}
"""Las funciones que `call` sabe calcular."""


def call(name: str, values: list[Any], at_ms: int) -> Any:  # noqa: C901  # un caso por función
    """El resultado de la función `name` (una de `NAMES`) con sus argumentos ya calculados."""
    first: list[Sample] = values[0].samples if values and isinstance(values[0], Vector) else []
    if name in MATH:
        return mapped(first, MATH[name])
    if name in DATES:
        return mapped(first if values else [Sample({}, at_ms, float(at_ms // 1000))], DATES[name])
    if name in _NATIVE_ONLY:
        return Vector()
    match name:
        case "time":
            return at_ms / 1000
        case "pi":
            return math.pi
        case "vector":
            return Vector([Sample({}, at_ms, values[0])])
        case "scalar":
            return first[0].value if len(first) == 1 else math.nan
        case "timestamp":
            return mapped(first, lambda one: at_ms / 1000)
        case "sort" | "sort_desc":
            sign = -1 if name == "sort_desc" else 1
            return Vector(sorted(first, key=lambda one: (math.isnan(one.value), sign * one.value)))
        case "round":
            to = values[1] if len(values) > 1 else 1.0
            return mapped(first, lambda one: rounded(one, to))
        case "clamp":
            low, high = values[1], values[2]
            return Vector() if high < low else mapped(first, lambda one: clamped(one, low, high))
        case "clamp_min":
            return mapped(first, lambda one: clamped(one, values[1], math.inf))
        case "clamp_max":
            return mapped(first, lambda one: clamped(one, -math.inf, values[1]))
        case "label_replace":
            return label_replace(first, *(text_of(one, name) for one in values[1:]))
        case "label_join":
            words = [text_of(one, name) for one in values[1:]]
            return label_join(first, words[0], words[1], words[2:])
        case "histogram_fraction":
            return histogram_fraction(values[0], values[1], values[2].samples, at_ms)
    return histogram_quantile(values[0], values[1].samples, at_ms)
