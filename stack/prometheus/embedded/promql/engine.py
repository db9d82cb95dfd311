"""El evaluador: recorre el árbol de la consulta en cada instante que se pide.

`promql-parser` entiende el texto y comprueba los tipos; aquí se calcula. Cada selector se lee una sola vez por
consulta, aunque se pidan muchos instantes. Semántica: https://prometheus.io/docs/prometheus/latest/querying/basics/.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

import promql_parser

from stack.prometheus.embedded.promql import binary, instant, ranges
from stack.prometheus.embedded.promql.aggregations import aggregate
from stack.prometheus.embedded.promql.values import (
    BadQuery,
    ExecutionError,
    Labels,
    Matcher,
    Matrix,
    NotCovered,
    Sample,
    Scalar,
    Series,
    Storage,
    String,
    Value,
    Vector,
    is_stale,
    key_of,
    require_unique,
    without_name,
)

LOOKBACK_MS = 5 * 60 * 1000
SUBQUERY_STEP_MS = 60 * 1000
_OPS = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}

Part = tuple[Labels, Sequence[int], Sequence[float]]


def query(text: str, storage: Storage, at_ms: int) -> Value:
    """Lo que vale la consulta en un instante.

    Raises:
        BadQuery: está mal escrita. ExecutionError: no se puede contestar. NotCovered: este suplente no la sabe.
    """
    tree = parse(text)
    engine = Engine(storage, at_ms, at_ms)
    if isinstance(tree, promql_parser.MatrixSelector | promql_parser.SubqueryExpr):
        parts = engine.ranged(tree, at_ms)[0]
        return Matrix(
            [(labels, list(zip(times, values, strict=True))) for labels, times, values in parts if times]
        )
    value = engine.evaluate(tree, at_ms)
    if isinstance(value, float):
        return Scalar(at_ms, value)
    if isinstance(value, str):
        return String(at_ms, value)
    assert isinstance(value, Vector)
    return value


def query_range(text: str, storage: Storage, start_ms: int, end_ms: int, step_ms: int) -> Matrix:
    """Lo que vale en cada instante desde `start_ms` hasta `end_ms`, cada `step_ms`. Mismos errores que `query`."""
    tree = parse(text)
    if isinstance(tree, promql_parser.MatrixSelector | promql_parser.SubqueryExpr | promql_parser.StringLiteral):
        raise BadQuery('invalid expression type "range vector" for range query, must be Scalar or instant Vector')
    engine = Engine(storage, start_ms, end_ms)
    rows: dict[object, tuple[Labels, list[tuple[int, float]]]] = {}
    for at_ms in range(start_ms, end_ms + 1, step_ms):
        value = engine.evaluate(tree, at_ms)
        samples = [Sample({}, at_ms, value)] if isinstance(value, float) else value.samples
        for one in samples:
            rows.setdefault(key_of(one.labels), (one.labels, []))[1].append((at_ms, one.value))
    return Matrix([rows[key] for key in sorted(rows)])  # type: ignore[type-var]


def selector(text: str) -> list[Matcher]:
    """Las condiciones de un selector (`up{job="x"}`), para `match[]`; `BadQuery` si es otra cosa."""
    tree = parse(text)
    if not isinstance(tree, promql_parser.VectorSelector):
        raise BadQuery(f"se esperaba un selector de series y se recibió: {text}")
    return matchers_of(tree)


def parse(text: str) -> Any:
    """El árbol de la consulta; `BadQuery` si no se entiende."""
    try:
        return promql_parser.parse(text)
    except ValueError as error:
        raise BadQuery(f"parse error: {error}") from error


def matchers_of(node: Any) -> list[Matcher]:
    """Las condiciones de un nodo selector, el nombre incluido."""
    if node.matchers.or_matchers:
        raise NotCovered("este suplente de Prometheus no sabe de condiciones unidas por «or» dentro de {}")
    found = [Matcher(one.name, _OPS[str(one.op).rpartition(".")[2]], one.value) for one in node.matchers.matchers]
    return ([Matcher("__name__", "=", node.name)] if node.name else []) + found


class Engine:
    """Una consulta en marcha sobre `storage`, entre `start_ms` y `end_ms`."""

    def __init__(self, storage: Storage, start_ms: int, end_ms: int) -> None:
        self._storage, self._start, self._end = storage, start_ms, end_ms
        self._read: dict[int, tuple[Any, list[Series]]] = {}

    def evaluate(self, node: Any, at_ms: int) -> Any:
        """Un `float`, un `str` o un `Vector`."""
        match node:
            case promql_parser.NumberLiteral() | promql_parser.StringLiteral():
                return node.val
            case promql_parser.ParenExpr():
                return self.evaluate(node.expr, at_ms)
            case promql_parser.VectorSelector():
                return self._instant(node, at_ms)
            case promql_parser.UnaryExpr():
                value = self.evaluate(node.expr, at_ms)
                return -value if isinstance(value, float) else instant.mapped(value.samples, lambda one: -one)
            case promql_parser.BinaryExpr():
                return self._binary(node, at_ms)
            case promql_parser.AggregateExpr():
                return self._aggregate(node, at_ms)
            case promql_parser.Call():
                return self._call(node, at_ms)
        raise BadQuery("ahí no puede ir un trozo de historia: le falta una función como rate(…)")

    # --- leer -------------------------------------------------------------------------------------------------

    def _series(self, node: Any) -> list[Series]:
        known = self._read.get(id(node))
        if known is None:
            found = list(self._storage.select(matchers_of(node), -(2**62), 2**62))
            known = self._read[id(node)] = (node, found)
        return known[1]

    def _moment(self, node: Any, at_ms: int) -> int:
        if node.at is not None:
            at_ms = self._at(node.at)
        return at_ms - (round(node.offset.total_seconds() * 1000) if node.offset is not None else 0)

    def _at(self, at: Any) -> int:
        kind = str(at.type).rpartition(".")[2]
        if kind == "Start":
            return self._start
        if kind == "End":
            return self._end
        when = at.at
        seconds = when.timestamp() if hasattr(when, "timestamp") else float(when)
        return round(seconds * 1000)

    def _instant(self, node: Any, at_ms: int) -> Vector:
        moment = self._moment(node, at_ms)
        result = []
        for series in self._series(node):
            last = bisect_right(series.times, moment) - 1
            if last >= 0 and series.times[last] > moment - LOOKBACK_MS and not is_stale(series.values[last]):
                result.append(Sample(series.labels, at_ms, series.values[last]))
        return Vector(result)

    def ranged(self, node: Any, at_ms: int) -> tuple[list[Part], int, int]:
        """Los trozos de historia de un selector con `[…]` o de una subconsulta, y los extremos del intervalo."""
        while isinstance(node, promql_parser.ParenExpr):
            node = node.expr
        span = round(node.range.total_seconds() * 1000) if hasattr(node, "range") else 0
        if isinstance(node, promql_parser.MatrixSelector):
            inner = node.vector_selector
            end = self._moment(inner, at_ms)
            parts: list[Part] = []
            for series in self._series(inner):
                first, last = bisect_right(series.times, end - span), bisect_right(series.times, end)
                pairs = [
                    (t, v)
                    for t, v in zip(series.times[first:last], series.values[first:last], strict=True)
                    if not is_stale(v)
                ]
                parts.append((series.labels, [t for t, _ in pairs], [v for _, v in pairs]))
            return parts, end - span, end
        if not isinstance(node, promql_parser.SubqueryExpr):
            raise BadQuery("se esperaba un trozo de historia, como x[5m]")
        end = self._moment(node, at_ms)
        step = round(node.step.total_seconds() * 1000) if node.step is not None else SUBQUERY_STEP_MS
        rows: dict[object, tuple[Labels, list[int], list[float]]] = {}
        first = (end - span) // step * step
        moment = first + step if first <= end - span else first
        while moment <= end:
            value = self.evaluate(node.expr, moment)
            for one in [Sample({}, moment, value)] if isinstance(value, float) else value.samples:
                row = rows.setdefault(key_of(one.labels), (one.labels, [], []))
                row[1].append(moment)
                row[2].append(one.value)
            moment += step
        return list(rows.values()), end - span, end

    # --- operar -----------------------------------------------------------------------------------------------

    def _binary(self, node: Any, at_ms: int) -> Any:
        op = str(node.op)
        left, right = self.evaluate(node.lhs, at_ms), self.evaluate(node.rhs, at_ms)
        modifier = node.modifier
        bool_ = bool(modifier.return_bool) if modifier is not None else False
        if isinstance(left, float) and isinstance(right, float):
            if op in binary.COMPARISONS:
                return float(binary.COMPARISONS[op](left, right))
            return binary.arithmetic(op, left, right)
        if isinstance(left, float):
            return binary.with_scalar(op, right.samples, left, swapped=True, bool_=bool_)
        if isinstance(right, float):
            return binary.with_scalar(op, left.samples, right, swapped=False, bool_=bool_)
        matching = _matching(modifier, bool_)
        if op in binary.SETS:
            return binary.sets(op, left.samples, right.samples, matching)
        return binary.vectors(op, left.samples, right.samples, matching)

    def _aggregate(self, node: Any, at_ms: int) -> Vector:
        value = self.evaluate(node.expr, at_ms)
        if not isinstance(value, Vector):
            raise BadQuery(f"{node.op} necesita un vector")
        param = self.evaluate(node.param, at_ms) if node.param is not None else None
        modifier = node.modifier
        labels = list(modifier.labels) if modifier is not None else None
        by = modifier is None or str(modifier.type).endswith("By")
        return aggregate(str(node.op), value.samples, labels, by, param, at_ms)

    def _call(self, node: Any, at_ms: int) -> Any:
        name, arguments = node.func.name, node.args
        if name in ranges.FUNCTIONS:
            return self._over_range(arguments[0], at_ms, ranges.FUNCTIONS[name], keep=name in ranges.KEEP_NAME)
        if name == "predict_linear":
            ahead = self.evaluate(arguments[1], at_ms)
            return self._over_range(arguments[0], at_ms, lambda t, v, a, b: ranges.predict(t, v, at_ms, ahead))
        if name == "quantile_over_time":
            q = self.evaluate(arguments[0], at_ms)
            return self._over_range(arguments[1], at_ms, lambda t, v, a, b: ranges.quantile(q, v))
        if name == "absent_over_time":
            parts = self.ranged(arguments[0], at_ms)[0]
            return _absent(any(times for _, times, _ in parts), arguments[0], at_ms)
        if name == "absent":
            return _absent(bool(self.evaluate(arguments[0], at_ms).samples), arguments[0], at_ms)
        if name == "timestamp" and isinstance(arguments[0], promql_parser.VectorSelector):
            return self._timestamps(arguments[0], at_ms)
        return _instant_call(name, [self.evaluate(one, at_ms) for one in arguments], at_ms)

    def _timestamps(self, node: Any, at_ms: int) -> Vector:
        moment = self._moment(node, at_ms)
        result = []
        for series in self._series(node):
            last = bisect_right(series.times, moment) - 1
            if last >= 0 and series.times[last] > moment - LOOKBACK_MS and not is_stale(series.values[last]):
                result.append(Sample(without_name(series.labels), at_ms, series.times[last] / 1000))
        return require_unique(result)

    def _over_range(
        self, node: Any, at_ms: int, function: Callable[..., float | None], *, keep: bool = False
    ) -> Vector:
        parts, start, end = self.ranged(node, at_ms)
        result = []
        for labels, times, values in parts:
            value = function(times, values, start, end) if times else None
            if value is not None:
                result.append(Sample(labels if keep else without_name(labels), at_ms, value))
        return require_unique(result)


def _matching(modifier: Any, bool_: bool) -> binary.Matching:
    if modifier is None:
        return binary.Matching(None, False, "", (), bool_)
    card = str(modifier.card).rpartition(".")[2]
    many = {"ManyToOne": "left", "OneToMany": "right"}.get(card, "")
    label = modifier.matching
    on = label is not None and str(label.type).endswith("Include")
    labels = list(label.labels) if label is not None else None
    return binary.Matching(labels, on, many, list(modifier.group_labels or ()) if many else (), bool_)


def _absent(present: bool, node: Any, at_ms: int) -> Vector:
    if present:
        return Vector()
    while not isinstance(node, promql_parser.VectorSelector):
        inner = getattr(node, "vector_selector", None) or getattr(node, "expr", None)
        if inner is None:
            return Vector([Sample({}, at_ms, 1.0)])
        node = inner
    equal = [one for one in matchers_of(node) if one.name != "__name__"]
    names = [one.name for one in equal]
    labels = {one.name: one.value for one in equal if one.op == "=" and names.count(one.name) == 1}
    return Vector([Sample(labels, at_ms, 1.0)])


def _instant_call(name: str, values: list[Any], at_ms: int) -> Any:  # noqa: C901  # un caso por función
    first = values[0].samples if values and isinstance(values[0], Vector) else []
    if name in instant.MATH:
        return instant.mapped(first, instant.MATH[name])
    if name in instant.DATES:
        moments = first if values else [Sample({}, at_ms, at_ms / 1000)]
        return instant.mapped(moments, instant.DATES[name])
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
            return instant.mapped(first, lambda one: at_ms / 1000)
        case "sort" | "sort_desc":
            sign = -1 if name == "sort_desc" else 1
            return Vector(sorted(first, key=lambda one: (math.isnan(one.value), sign * one.value)))
        case "round":
            to = values[1] if len(values) > 1 else 1.0
            return instant.mapped(first, lambda one: instant.rounded(one, to))
        case "clamp":
            low, high = values[1], values[2]
            return instant.mapped(first, lambda one: instant.clamped(one, low, high)) if low <= high else Vector()
        case "clamp_min":
            return instant.mapped(first, lambda one: instant.clamped(one, values[1], math.inf))
        case "clamp_max":
            return instant.mapped(first, lambda one: instant.clamped(one, -math.inf, values[1]))
        case "label_replace":
            return instant.label_replace(first, *(instant.text_of(one, name) for one in values[1:]))
        case "label_join":
            words = [instant.text_of(one, name) for one in values[1:]]
            return instant.label_join(first, words[0], words[1], words[2:])
        case "histogram_quantile":
            return instant.histogram_quantile(values[0], values[1].samples, at_ms)
    raise NotCovered(f"este suplente de Prometheus no sabe calcular «{name}»; en /cobertura está lo que sabe")


__all__ = ["Engine", "ExecutionError", "query", "query_range", "selector"]
