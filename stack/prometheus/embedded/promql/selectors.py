"""Leer series: qué tramo necesita cada selector y qué muestras ve en cada instante.

Los intervalos son abiertos por la izquierda, como en Prometheus 3. Cada selector se lee una sola vez por consulta,
y solo el tramo que la consulta puede llegar a mirar.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

import promql_parser

from stack.prometheus.embedded.promql.values import Labels, Matcher, NotCovered, Sample, Series, Storage, is_stale

_OPS = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}
_SYSTEM_TIME = re.compile(r"tv_sec: (-?\d+),\s+tv_nsec: (\d+)")

MAX_DEPTH = 150
"""Cuántas operaciones pueden ir una dentro de otra: más no caben en la pila de Python."""

Part = tuple[Labels, Sequence[int], Sequence[float]]


def matchers_of(node: Any) -> list[Matcher]:
    """Las condiciones de un nodo selector, el nombre incluido."""
    if node.matchers.or_matchers:
        raise NotCovered("este suplente de Prometheus no sabe de condiciones unidas por «or» dentro de {}")
    found = [Matcher(one.name, _OPS[str(one.op).rpartition(".")[2]], one.value) for one in node.matchers.matchers]
    return ([Matcher("__name__", "=", node.name)] if node.name else []) + found


def milliseconds(duration: Any) -> int:
    """Una duración del árbol, en milisegundos; cero si no está."""
    return round(duration.total_seconds() * 1000) if duration is not None else 0


def without_parens(node: Any) -> Any:
    """El nodo sin los paréntesis que lo rodean."""
    while isinstance(node, promql_parser.ParenExpr):
        node = node.expr
    return node


def absent_labels(node: Any) -> Labels:
    """Las etiquetas que `absent` inventa: las que el selector exige con `=`; ninguna si no es un selector."""
    node = without_parens(node)
    if isinstance(node, promql_parser.MatrixSelector):
        node = node.vector_selector
    if not isinstance(node, promql_parser.VectorSelector):
        return {}
    labels: Labels = {}
    seen: set[str] = set()
    for one in matchers_of(node):
        if one.name == "__name__":
            continue
        if one.op == "=" and one.name not in seen:
            labels[one.name] = one.value
            seen.add(one.name)
        else:
            labels.pop(one.name, None)
    return {name: value for name, value in labels.items() if value}


class Reader:
    """Lo que una consulta ve de `storage`, entre `start_ms` (`@ start()`) y `end_ms` (`@ end()`)."""

    def __init__(self, storage: Storage, tree: Any, start_ms: int, end_ms: int, lookback_ms: int) -> None:
        self._storage, self._start, self._end, self._lookback = storage, start_ms, end_ms, lookback_ms
        # Se guarda el nodo para que su id siga siendo suyo mientras dure la consulta.
        self._nodes: list[Any] = []
        self._shifts: dict[int, tuple[int | None, int]] = {}
        self._spans: dict[int, int] = {}
        self._series: dict[int, list[Series]] = {}
        self._load(tree, start_ms, end_ms, 0)

    def moment(self, node: Any, at_ms: int) -> int:
        """El instante que mira `node` cuando se evalúa en `at_ms`, con su `@` y su `offset`."""
        fixed, offset = self._shifts[id(node)]
        return (at_ms if fixed is None else fixed) - offset

    def instant(self, node: Any, at_ms: int) -> Iterator[tuple[Sample, int]]:
        """La última muestra de cada serie (si no es más vieja que `lookback_ms`) y la hora en que se tomó."""
        moment = self.moment(node, at_ms)
        for series in self._series[id(node)]:
            last = bisect_right(series.times, moment) - 1
            if last >= 0 and series.times[last] > moment - self._lookback:
                value = series.values[last]
                if not is_stale(value):
                    yield Sample(series.labels, at_ms, value), series.times[last]

    def ranged(self, node: Any, at_ms: int) -> tuple[list[Part], int, int]:
        """Las muestras de `x[…]`, sin marcas de serie que se fue, y los dos extremos del intervalo."""
        inner = node.vector_selector
        end = self.moment(inner, at_ms)
        start = end - self._spans[id(node)]
        parts: list[Part] = []
        for series in self._series[id(inner)]:
            first, last = bisect_right(series.times, start), bisect_right(series.times, end)
            if first == last:
                continue
            times, values = series.times[first:last], series.values[first:last]
            if any(value != value and is_stale(value) for value in values):
                pairs = [(t, v) for t, v in zip(times, values, strict=True) if not is_stale(v)]
                times, values = [t for t, _ in pairs], [v for _, v in pairs]
            if times:
                parts.append((series.labels, times, values))
        return parts, start, end

    def span(self, node: Any) -> int:
        """Los milisegundos del `[…]` de un selector o de una subconsulta."""
        return self._spans[id(node)]

    def _load(self, node: Any, start_ms: int, end_ms: int, span: int, depth: int = 0) -> None:
        if depth > MAX_DEPTH:
            raise NotCovered(
                f"la consulta anida más de {MAX_DEPTH} operaciones y este suplente no llega tan hondo"
            )
        self._nodes.append(node)
        match node:
            case promql_parser.MatrixSelector():
                self._spans[id(node)] = milliseconds(node.range)
                self._load(node.vector_selector, start_ms, end_ms, self._spans[id(node)])
            case promql_parser.VectorSelector():
                start_ms, end_ms = self._shift(node, start_ms, end_ms)
                first = start_ms - (span or self._lookback)
                self._series[id(node)] = list(self._storage.select(matchers_of(node), first, end_ms))
            case promql_parser.SubqueryExpr():
                start_ms, end_ms = self._shift(node, start_ms, end_ms)
                self._spans[id(node)] = milliseconds(node.range)
                self._load(node.expr, start_ms - self._spans[id(node)], end_ms, 0, depth + 1)
            case _:
                children = [getattr(node, name, None) for name in ("expr", "lhs", "rhs", "param")]
                for child in [*children, *(getattr(node, "args", None) or ())]:
                    if child is not None:
                        self._load(child, start_ms, end_ms, 0, depth + 1)

    def _shift(self, node: Any, start_ms: int, end_ms: int) -> tuple[int, int]:
        fixed = self._at(node) if node.at is not None else None
        self._shifts[id(node)] = (fixed, milliseconds(node.offset))
        return self.moment(node, start_ms), self.moment(node, end_ms)

    def _at(self, node: Any) -> int:
        kind = str(node.at.type).rpartition(".")[2]
        if kind == "Start":
            return self._start
        if kind == "End":
            return self._end
        # promql-parser entra en pánico al entregar un instante anterior a 1970; su repr sí lo trae, al final.
        seconds, nanoseconds = map(int, _SYSTEM_TIME.findall(repr(node))[-1])
        return seconds * 1000 + round(nanoseconds / 1_000_000)
