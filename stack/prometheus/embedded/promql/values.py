"""Los tipos con que trabaja PromQL y los errores que puede dar."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

Labels = dict[str, str]
Key = tuple[tuple[str, str], ...]

_STALE_BITS = 0x7FF0000000000002
STALE: float = struct.unpack("<d", struct.pack("<Q", _STALE_BITS))[0]
"""El NaN con que Prometheus marca que una serie dejó de venir."""


def is_stale(value: float) -> bool:
    """Si `value` es esa marca (y no otro NaN cualquiera)."""
    return value != value and struct.unpack("<Q", struct.pack("<d", value))[0] == _STALE_BITS


class BadQuery(ValueError):
    """La consulta está mal escrita o mezcla tipos: en la API, 400 `bad_data`."""


class ExecutionError(ValueError):
    """La consulta se entiende y con estos datos no se puede contestar: 422 `execution`."""


class NotCovered(ExecutionError):
    """PromQL lo tiene y este suplente no: 422, nunca un número equivocado."""


class QueryTimeout(ExecutionError):
    """Se acabó el tiempo de la consulta: 503 `timeout`."""


_POSIX = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": r"\s",
    "word": r"\w",
    "xdigit": "0-9a-fA-F",
}


def regex(pattern: str) -> re.Pattern[str]:
    r"""Una expresión de Prometheus (RE2): el punto casa también saltos de línea, y `\d` o `\w` son ASCII.

    Raises:
        re.error: no vale. NotCovered: usa una clase POSIX poco corriente.
    """
    for name in re.findall(r"\[:(\^?\w+):\]", pattern):
        if name not in _POSIX:
            raise NotCovered(f"este suplente de Prometheus no sabe de [:{name}:] en una expresión regular")
        pattern = pattern.replace(f"[:{name}:]", _POSIX[name])
    return re.compile(pattern.replace(r"\z", r"\Z"), re.DOTALL | re.ASCII)


@dataclass(frozen=True)
class Matcher:
    """Una condición sobre una etiqueta: `op` es `=`, `!=`, `=~` o `!~`. Las expresiones casan enteras."""

    name: str
    op: str
    value: str

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        try:
            return regex(self.value)
        except re.error as error:
            # `promql-parser` ya la ha dado por buena: es de las que en Python no hay, o se escriben distinto.
            raise NotCovered(f"este suplente de Prometheus no sabe de {self.value!r}: {error}") from error

    def matches(self, text: str) -> bool:
        """Si una etiqueta que vale `text` (vacía si no está) cumple la condición."""
        match self.op:
            case "=":
                return text == self.value
            case "!=":
                return text != self.value
            case "=~":
                return self._regex.fullmatch(text) is not None
            case _:
                return self._regex.fullmatch(text) is None


@dataclass(slots=True)
class Series:
    """Una serie con sus muestras, en orden: `times` en milisegundos."""

    labels: Labels
    times: Sequence[int]
    values: Sequence[float]


class Storage(Protocol):
    """De dónde se leen las series."""

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Iterable[Series]:
        """Las que cumplen todo, con las muestras entre los dos instantes, incluidos."""
        ...


@dataclass(slots=True)
class Sample:
    """Un elemento de un vector."""

    labels: Labels
    at_ms: int
    value: float


@dataclass(slots=True)
class Scalar:
    """Un número suelto."""

    at_ms: int
    value: float


@dataclass(slots=True)
class String:
    """Un texto suelto."""

    at_ms: int
    value: str


@dataclass(slots=True)
class Vector:
    """Un valor por serie, todos del mismo instante."""

    samples: list[Sample] = field(default_factory=list)


@dataclass(slots=True)
class Matrix:
    """Varios valores por serie."""

    series: list[tuple[Labels, list[tuple[int, float]]]] = field(default_factory=list)


Value = Scalar | String | Vector | Matrix


def key_of(labels: Labels) -> Key:
    """Una clave que identifica un juego de etiquetas."""
    return tuple(sorted(labels.items()))


def without_name(labels: Labels) -> Labels:
    """Las etiquetas sin el nombre de la métrica: casi toda operación lo pierde."""
    return {name: value for name, value in labels.items() if name != "__name__"}


def require_unique(samples: list[Sample]) -> Vector:
    """El vector, o el error de Prometheus si dos elementos quedaron con las mismas etiquetas."""
    if len({key_of(one.labels) for one in samples}) != len(samples):
        raise ExecutionError("vector cannot contain metrics with the same labelset")
    return Vector(samples)
