"""Funciones sobre un vector o un número: `abs`, `round`, `label_replace`, `hour`, `histogram_quantile`…"""

from __future__ import annotations

import calendar
import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

from stack.prometheus.embedded.promql.values import (
    BadQuery,
    ExecutionError,
    Key,
    Labels,
    NotCovered,
    Sample,
    Vector,
    key_of,
    require_unique,
    without_name,
)


def _safe(function: Callable[[float], float]) -> Callable[[float], float]:
    def apply(value: float) -> float:
        try:
            return function(value)
        except OverflowError:
            return math.inf
        except ValueError:
            return math.nan

    return apply


def _log(base: Callable[[float], float]) -> Callable[[float], float]:
    return lambda value: -math.inf if value == 0 else base(value)


def _whole(function: Callable[[float], float]) -> Callable[[float], float]:
    return lambda value: float(function(value)) if math.isfinite(value) else value


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
        "atanh": math.atanh,
        "deg": math.degrees,
        "rad": math.radians,
    }.items()
}


def _moment(value: float) -> datetime:
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError) as error:
        raise NotCovered(f"{value:g} no es una fecha que este suplente sepa leer") from error


DATES: dict[str, Callable[[float], float]] = {
    "minute": lambda value: _moment(value).minute,
    "hour": lambda value: _moment(value).hour,
    "day_of_week": lambda value: _moment(value).isoweekday() % 7,
    "day_of_month": lambda value: _moment(value).day,
    "day_of_year": lambda value: _moment(value).timetuple().tm_yday,
    "days_in_month": lambda value: calendar.monthrange(_moment(value).year, _moment(value).month)[1],
    "month": lambda value: _moment(value).month,
    "year": lambda value: _moment(value).year,
}


def mapped(samples: Sequence[Sample], function: Callable[[float], float]) -> Vector:
    """`function` aplicada a cada elemento; el nombre de la métrica se pierde, como en Prometheus."""
    return require_unique([Sample(without_name(s.labels), s.at_ms, float(function(s.value))) for s in samples])


def rounded(value: float, to: float) -> float:
    """`round(v, to)`: al múltiplo más cercano; en el medio, hacia arriba."""
    if not math.isfinite(value) or to == 0:
        return value if to else math.nan
    inverse = 1 / to
    return math.floor(value * inverse + 0.5) / inverse


def clamped(value: float, low: float, high: float) -> float:
    """`clamp`: entre `low` y `high`."""
    return value if math.isnan(value) else max(low, min(high, value))


def label_replace(samples: Sequence[Sample], target: str, template: str, source: str, pattern: str) -> Vector:
    """`label_replace`: escribe `target` con lo que casó de `source` (`$1`…); si no casa, no toca nada."""
    if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", target):
        raise ExecutionError(f"invalid destination label name in label_replace(): {target}")
    try:
        regex = re.compile(pattern, re.DOTALL)
    except re.error as error:
        raise ExecutionError(f"invalid regular expression in label_replace(): {pattern}") from error
    result = []
    for sample in samples:
        match = regex.fullmatch(sample.labels.get(source, ""))
        labels = dict(sample.labels)
        if match is not None:
            value = _GROUP.sub(partial(_expand, match), template)
            labels = {name: text for name, text in {**labels, target: value}.items() if text}
        result.append(Sample(labels, sample.at_ms, sample.value))
    return require_unique(result)


_GROUP = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def _expand(match: re.Match[str], reference: re.Match[str]) -> str:
    """Lo que vale `$1` o `${nombre}` en lo que casó; vacío si no existe."""
    name = reference.group(1) or reference.group(2)
    try:
        return match.group(int(name) if name.isdigit() else name) or ""
    except IndexError:
        return ""


def label_join(samples: Sequence[Sample], target: str, separator: str, sources: Sequence[str]) -> Vector:
    """`label_join`: escribe en `target` las etiquetas `sources` unidas por `separator`."""
    result = []
    for sample in samples:
        joined = separator.join(sample.labels.get(name, "") for name in sources)
        labels = {name: text for name, text in {**sample.labels, target: joined}.items() if text}
        result.append(Sample(labels, sample.at_ms, sample.value))
    return require_unique(result)


def histogram_quantile(q: float, samples: Sequence[Sample], at_ms: int) -> Vector:
    """El cuantil de un histograma clásico: interpola dentro del cubo (`le`) en que cae."""
    groups: dict[Key, tuple[Labels, dict[float, float]]] = {}
    for sample in samples:
        try:
            bound = float(sample.labels["le"])
        except (KeyError, ValueError):
            continue
        labels = {name: value for name, value in without_name(sample.labels).items() if name != "le"}
        buckets = groups.setdefault(key_of(labels), (labels, {}))[1]
        buckets[bound] = buckets.get(bound, 0.0) + sample.value
    return Vector([Sample(labels, at_ms, _quantile(q, sorted(b.items()))) for labels, b in groups.values()])


def _quantile(q: float, buckets: list[tuple[float, float]]) -> float:
    if math.isnan(q) or len(buckets) < 2 or buckets[-1][0] != math.inf:
        return math.nan
    if q < 0:
        return -math.inf
    if q > 1:
        return math.inf
    counts: list[float] = []
    for _, count in buckets:
        counts.append(max(count, counts[-1]) if counts else count)
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
    return start + (end - start) * (rank / count)


def text_of(value: object, function: str) -> str:
    """El texto de un argumento, o el error si no es un texto."""
    if not isinstance(value, str):
        raise BadQuery(f"{function}: se esperaba un texto")
    return value
