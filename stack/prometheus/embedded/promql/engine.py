"""El evaluador: recorre el árbol de la consulta en cada instante que se pide.

`promql-parser` entiende el texto y comprueba los tipos; aquí se calcula.
Semántica: https://prometheus.io/docs/prometheus/latest/querying/basics/.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import promql_parser

from stack.prometheus.embedded.promql import binary, functions_instant, functions_range
from stack.prometheus.embedded.promql.aggregations import aggregate
from stack.prometheus.embedded.promql.options import DEFAULTS, Options
from stack.prometheus.embedded.promql.selectors import (
    Part,
    Reader,
    absent_labels,
    matchers_of,
    milliseconds,
    without_parens,
)
from stack.prometheus.embedded.promql.summing import quantile
from stack.prometheus.embedded.promql.values import (
    BadQuery,
    Key,
    Labels,
    Matcher,
    Matrix,
    NotCovered,
    Sample,
    Scalar,
    Storage,
    String,
    Value,
    Vector,
    key_of,
    require_unique,
    without_name,
)

MAX_CHARACTERS = 8000
"""Con anidamientos mucho más hondos de lo que cabe aquí, `promql-parser` agota la pila y se lleva el proceso."""
_NEWER = re.compile(
    r"(?<!\w)\d+_\d|\[[^]]*[-+*/(]|\boffset\s*[-+]?\s*(?:\(|step|range)|\b(?:smoothed|anchored)\b|[<>]/"
)
"""Lo que Prometheus 3.16 admite y `promql-parser` todavía no: `1_000`, `[1m + 30s]`, `offset step()`…"""
_TEXT = re.compile(r"""\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`""")
_RANGES = promql_parser.MatrixSelector | promql_parser.SubqueryExpr


def query(text: str, storage: Storage, at_ms: int, options: Options = DEFAULTS) -> Value:
    """Lo que vale la consulta en un instante.

    Raises:
        BadQuery: está mal escrita. ExecutionError: no se puede contestar. NotCovered: este suplente no la sabe.
        QueryTimeout: se acabó su tiempo.
    """
    return instant(text, storage, at_ms, options)()


def query_range(
    text: str, storage: Storage, start_ms: int, end_ms: int, step_ms: int, options: Options = DEFAULTS
) -> Matrix:
    """Lo que vale en cada instante desde `start_ms` hasta `end_ms`, cada `step_ms`. Mismos errores que `query`."""
    return over_time(text, storage, start_ms, end_ms, step_ms, options)()


def instant(text: str, storage: Storage, at_ms: int, options: Options = DEFAULTS) -> Callable[[], Value]:
    """`query` en dos pasos: lee ya las series que hacen falta y devuelve la cuenta, que puede ir en otro hilo."""
    tree = without_parens(parse(text))
    engine = Engine(storage, tree, at_ms, at_ms, options)

    def compute() -> Value:
        if isinstance(tree, _RANGES):
            parts = engine.ranged(tree, at_ms)[0]
            return Matrix([(labels, list(zip(times, values, strict=True))) for labels, times, values in parts])
        value = engine.evaluate(tree, at_ms)
        if isinstance(value, float):
            return Scalar(at_ms, value)
        if isinstance(value, str):
            return String(at_ms, value)
        assert isinstance(value, Vector)
        return value

    return compute


def over_time(
    text: str, storage: Storage, start_ms: int, end_ms: int, step_ms: int, options: Options = DEFAULTS
) -> Callable[[], Matrix]:
    """Lo mismo con `query_range`."""
    tree = without_parens(parse(text))
    if isinstance(tree, _RANGES | promql_parser.StringLiteral):
        kind = "range vector" if isinstance(tree, _RANGES) else "string"
        raise BadQuery(f'invalid expression type "{kind}" for range query, must be Scalar or instant Vector')
    engine = Engine(storage, tree, start_ms, end_ms, options)

    def compute() -> Matrix:
        rows: dict[Key, tuple[Labels, list[tuple[int, float]]]] = {}
        for at_ms in range(start_ms, end_ms + 1, step_ms):
            for one in _samples(engine.evaluate(tree, at_ms), at_ms):
                rows.setdefault(key_of(one.labels), (one.labels, []))[1].append((at_ms, one.value))
        return Matrix([rows[key] for key in sorted(rows)])

    return compute


def selector(text: str) -> list[Matcher]:
    """Las condiciones de un selector (`up{job="x"}`), para `match[]`; `BadQuery` si es otra cosa."""
    tree = parse(text)
    if not isinstance(tree, promql_parser.VectorSelector):
        raise BadQuery(f"se esperaba un selector de series y se recibió: {text}")
    return matchers_of(tree)


def parse(text: str) -> Any:
    """El árbol de la consulta; `BadQuery` si no se entiende, `NotCovered` si es desmesurada o demasiado nueva."""
    if len(text) > MAX_CHARACTERS:
        raise NotCovered(f"la consulta pasa de {MAX_CHARACTERS} caracteres y este suplente no lee más")
    try:
        return promql_parser.parse(text)
    except ValueError as error:
        if _NEWER.search(_TEXT.sub("", text)) or r"regex for \Q" in str(error):
            raise NotCovered(
                f"este suplente de Prometheus no entiende todo lo más nuevo de PromQL: {error}"
            ) from error
        raise BadQuery(f"parse error: {error}") from error


def _samples(value: Any, at_ms: int) -> list[Sample]:
    samples: list[Sample] = [Sample({}, at_ms, value)] if isinstance(value, float) else value.samples
    return samples


class Engine:
    """Una consulta en marcha sobre `storage`, entre `start_ms` y `end_ms`."""

    def __init__(self, storage: Storage, tree: Any, start_ms: int, end_ms: int, options: Options) -> None:
        self._reader = Reader(storage, tree, start_ms, end_ms, options.lookback_ms)
        self._subquery_ms, self._budget = options.subquery_ms, options.budget
        # Los pasos de una subconsulta caen en la misma rejilla se mire desde donde se mire: se calculan una vez.
        self._inner: dict[tuple[int, int], list[Sample]] = {}

    def evaluate(self, node: Any, at_ms: int) -> Any:
        """Un `float`, un `str` o un `Vector`."""
        self._budget.check()
        match node:
            case promql_parser.NumberLiteral() | promql_parser.StringLiteral():
                return node.val
            case promql_parser.ParenExpr():
                return self.evaluate(node.expr, at_ms)
            case promql_parser.VectorSelector():
                return Vector([sample for sample, _ in self._reader.instant(node, at_ms)])
            case promql_parser.UnaryExpr():
                value = self.evaluate(node.expr, at_ms)
                if isinstance(value, float):
                    return -value
                return functions_instant.mapped(value.samples, lambda one: -one)
            case promql_parser.BinaryExpr():
                return self._binary(node, at_ms)
            case promql_parser.AggregateExpr():
                return self._aggregate(node, at_ms)
            case promql_parser.Call():
                return self._call(node, at_ms)
        raise BadQuery("ahí no puede ir un trozo de historia: le falta una función como rate(…)")

    def ranged(self, node: Any, at_ms: int) -> tuple[list[Part], int, int]:
        """Los trozos de historia de un selector con `[…]` o de una subconsulta, y los extremos del intervalo."""
        node = without_parens(node)
        if isinstance(node, promql_parser.MatrixSelector):
            return self._reader.ranged(node, at_ms)
        if not isinstance(node, promql_parser.SubqueryExpr):
            raise BadQuery("se esperaba un trozo de historia, como x[5m]")
        end = self._reader.moment(node, at_ms)
        start = end - self._reader.span(node)
        step = milliseconds(node.step) or self._subquery_ms
        rows: dict[Key, tuple[Labels, list[int], list[float]]] = {}
        for moment in range(start // step * step + step, end + 1, step):
            known = self._inner.get((id(node), moment))
            if known is None:
                known = self._inner[id(node), moment] = _samples(self.evaluate(node.expr, moment), moment)
            for one in known:
                row = rows.setdefault(key_of(one.labels), (one.labels, [], []))
                row[1].append(moment)
                row[2].append(one.value)
        return list(rows.values()), start, end

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
        if name in functions_range.FUNCTIONS:
            return self._over_range(arguments[0], at_ms, functions_range.FUNCTIONS[name], name)
        match name:
            case "predict_linear":
                ahead = self.evaluate(arguments[1], at_ms)
                return self._over_range(
                    arguments[0], at_ms, lambda t, v, a, b: functions_range.predict(t, v, at_ms, ahead)
                )
            case "quantile_over_time":
                q = self.evaluate(arguments[0], at_ms)
                return self._over_range(arguments[1], at_ms, lambda t, v, a, b: quantile(q, v))
            case "absent_over_time" | "absent":
                ranged = name == "absent_over_time"
                found = (
                    self.ranged(arguments[0], at_ms)[0] if ranged else self.evaluate(arguments[0], at_ms).samples
                )
                return Vector([] if found else [Sample(absent_labels(arguments[0]), at_ms, 1.0)])
            case "timestamp" if isinstance(without_parens(arguments[0]), promql_parser.VectorSelector):
                pairs = self._reader.instant(without_parens(arguments[0]), at_ms)
                return require_unique([Sample(without_name(one.labels), at_ms, t / 1000) for one, t in pairs])
        if name not in functions_instant.NAMES:
            raise NotCovered(
                f"este suplente de Prometheus no sabe calcular «{name}»; en /cobertura está lo que sabe"
            )
        return functions_instant.call(name, [self.evaluate(one, at_ms) for one in arguments], at_ms)

    def _over_range(self, node: Any, at_ms: int, function: Callable[..., float | None], name: str = "") -> Vector:
        parts, start, end = self.ranged(node, at_ms)
        keep = name in functions_range.KEEP_NAME
        result = []
        for labels, times, values in parts:
            self._budget.check()
            value = function(times, values, start, end)
            if value is not None:
                result.append(Sample(labels if keep else without_name(labels), at_ms, value))
        return require_unique(result)


def _matching(modifier: Any, bool_: bool) -> binary.Matching:
    if modifier is None:
        return binary.Matching(None, False, "", (), bool_)
    fill = modifier.fill_values
    if fill is not None and (fill.lhs is not None or fill.rhs is not None):
        raise NotCovered("este suplente de Prometheus no sabe de fill(…), que en Prometheus es experimental")
    card = str(modifier.card).rpartition(".")[2]
    many = {"ManyToOne": "left", "OneToMany": "right"}.get(card, "")
    label = modifier.matching
    on = label is not None and str(label.type).endswith("Include")
    labels = list(label.labels) if label is not None else None
    return binary.Matching(labels, on, many, list(modifier.group_labels or ()) if many else (), bool_)
