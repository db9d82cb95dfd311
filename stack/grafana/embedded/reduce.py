"""De muchos valores a uno: los cálculos de las leyendas y de los paneles de un solo número.

https://grafana.com/docs/grafana/latest/panels-visualizations/query-transform-data/calculation-types/
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

Values = Sequence[float | None]


def _present(values: Values) -> list[float]:
    return [value for value in values if value is not None]


def _of_present(function: Callable[[list[float]], float]) -> Callable[[Values], float | None]:
    def calculate(values: Values) -> float | None:
        present = _present(values)
        return function(present) if present else None

    return calculate


CALCULATIONS: dict[str, tuple[str, Callable[[Values], float | None]]] = {
    "lastNotNull": ("última", _of_present(lambda v: v[-1])),
    "last": ("última", lambda v: v[-1] if v else None),
    "firstNotNull": ("primera", _of_present(lambda v: v[0])),
    "first": ("primera", lambda v: v[0] if v else None),
    "max": ("máx.", _of_present(max)),
    "min": ("mín.", _of_present(min)),
    "mean": ("media", _of_present(lambda v: sum(v) / len(v))),
    "sum": ("suma", _of_present(sum)),
    "count": ("cuántos", lambda v: float(len(v))),
    "range": ("amplitud", _of_present(lambda v: max(v) - min(v))),
    "diff": ("cambio", _of_present(lambda v: v[-1] - v[0])),
    "delta": ("aumento", _of_present(lambda v: sum(max(0.0, b - a) for a, b in pairwise(v)))),
}


def title(name: str) -> str:
    """Cómo se llama el cálculo en español."""
    return CALCULATIONS[name][0] if name in CALCULATIONS else name


def reduce(values: Values, name: str) -> float | None:
    """El resultado del cálculo `name` de Grafana; uno que no se conoce cuenta como `lastNotNull`."""
    return CALCULATIONS.get(name, CALCULATIONS["lastNotNull"])[1](values)
