"""El evaluador de PromQL del suplente de Prometheus. `promql-parser` entiende el texto; aquí se calcula."""

from stack.prometheus.embedded.promql.engine import query, query_range, selector
from stack.prometheus.embedded.promql.values import (
    STALE,
    BadQuery,
    ExecutionError,
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
)

__all__ = [
    "STALE",
    "BadQuery",
    "ExecutionError",
    "Matcher",
    "Matrix",
    "NotCovered",
    "Sample",
    "Scalar",
    "Series",
    "Storage",
    "String",
    "Value",
    "Vector",
    "is_stale",
    "query",
    "query_range",
    "selector",
]
