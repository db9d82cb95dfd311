"""El evaluador de PromQL del suplente de Prometheus. `promql-parser` entiende el texto; aquí se calcula."""

from stack.prometheus.embedded.promql.engine import instant, over_time, query, query_range, selector
from stack.prometheus.embedded.promql.options import Budget, Options
from stack.prometheus.embedded.promql.values import (
    STALE,
    BadQuery,
    ExecutionError,
    Matcher,
    Matrix,
    NotCovered,
    QueryTimeout,
    Sample,
    Scalar,
    Series,
    Storage,
    String,
    Value,
    Vector,
    is_stale,
)

__all__ = [
    "STALE",
    "BadQuery",
    "Budget",
    "ExecutionError",
    "Matcher",
    "Matrix",
    "NotCovered",
    "Options",
    "QueryTimeout",
    "Sample",
    "Scalar",
    "Series",
    "Storage",
    "String",
    "Value",
    "Vector",
    "instant",
    "is_stale",
    "over_time",
    "query",
    "query_range",
    "selector",
]
