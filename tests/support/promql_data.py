"""Datos para probar PromQL, escritos como en las pruebas del propio Prometheus: `0+10x3` es 0, 10, 20, 30."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from stack.prometheus.embedded.promql import STALE, Matrix, Sample, Scalar, String, Value, Vector, query
from stack.prometheus.embedded.storage import Storage

_PROGRESSION = re.compile(r"(-?[\d.]+)([+-][\d.]+)x(\d+)")


def loaded(step_s: int, series: Mapping[str, str]) -> Storage:
    """Un almacén con esas series (`nombre{a=1,b=2}`), una muestra cada `step_s` segundos desde cero.

    `_` es un hueco y `stale`, la marca de que la serie dejó de venir.
    """
    storage = Storage()
    for name, text in series.items():
        for index, value in enumerate(_values(text)):
            if value is not None:
                storage.append(labels_of(name), index * step_s * 1000, value)
    return storage


def labels_of(text: str) -> dict[str, str]:
    """Las etiquetas de `nombre{a=1,b=2}`."""
    name, _, rest = text.rstrip("}").partition("{")
    pairs = (one.split("=", 1) for one in rest.split(",") if one)
    return ({"__name__": name} if name else {}) | dict(pairs)


def answer(storage: Storage, text: str, at_s: float) -> dict[str, float | str] | list[tuple[int, float]]:
    """Lo que contesta una consulta: serie → valor; un número o un texto, con clave vacía."""
    value: Value = query(text, storage, round(at_s * 1000))
    match value:
        case Scalar() | String():
            return {"": value.value}
        case Vector():
            return {_written(one): one.value for one in value.samples}
        case Matrix():
            return [point for _, points in value.series for point in points]


def same(got: Mapping[str, float], expected: Mapping[str, float]) -> bool:
    """Si son las mismas series con los mismos números (NaN es igual a NaN)."""
    return got.keys() == expected.keys() and all(_close(got[one], expected[one]) for one in expected)


def _close(a: float, b: float) -> bool:
    return (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-15)


def _written(one: Sample) -> str:
    rest = ",".join(f"{key}={value}" for key, value in sorted(one.labels.items()) if key != "__name__")
    return one.labels.get("__name__", "") + ("{" + rest + "}" if rest else "")


def _values(text: str) -> list[float | None]:
    found: list[float | None] = []
    for word in text.split():
        if match := _PROGRESSION.fullmatch(word):
            first, by, times = float(match[1]), float(match[2]), int(match[3])
            found += [first + by * index for index in range(times + 1)]
        else:
            found.append(None if word == "_" else STALE if word == "stale" else float(word))
    return found
