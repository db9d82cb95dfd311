"""Rellena `$variable`, `${variable:formato}` y `[[variable]]` en consultas, títulos y enlaces.

Los formatos son los de Grafana:
https://grafana.com/docs/grafana/latest/dashboards/variables/variable-syntax/
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import quote

_REFERENCE = re.compile(r"\$(\w+)|\[\[(\w+)(?::(\w+))?\]\]|\$\{(\w+)((?:\.[^:}]+)?)(?::([^}]+))?\}")
_SPECIAL = re.compile(r"([\\^$.*+?()\[\]{}|])")


@dataclass(frozen=True, slots=True)
class Chosen:
    """Lo elegido en una variable. `several` dice si admite varios valores (y entonces se escribe como regex)."""

    values: tuple[str, ...]
    several: bool = False
    label: str = ""
    raw: bool = False


@dataclass(frozen=True, slots=True)
class Values:
    """El valor de cada variable y, aparte, los de casa (`__interval`, `__data.fields.x`…)."""

    chosen: Mapping[str, Chosen] = field(default_factory=dict)
    builtins: Mapping[str, str] = field(default_factory=dict)

    def with_builtins(self, more: Mapping[str, str]) -> Values:
        """Una copia con más valores de casa."""
        return replace(self, builtins={**self.builtins, **more})


def fill(text: str, values: Values, *, link: bool = False) -> str:
    """`text` con sus variables puestas. Una que no existe se queda como está, igual que en Grafana.

    Con `link` los valores se escriben como caben en un URL.
    """

    def put(match: re.Match[str]) -> str:
        name = match[1] or match[2] or match[4]
        path, form = match[5] or "", match[3] or match[6]
        full = f"{name}{path}"
        if full in values.builtins:
            value = values.builtins[full]
            return quote(value, safe="") if link and form != "raw" and full != "__url_time_range" else value
        chosen = values.chosen.get(name)
        if chosen is None or path:
            return match[0]
        return _written(name, chosen, form or ("percentencode" if link else ""))

    return _REFERENCE.sub(put, text)


def _written(name: str, chosen: Chosen, form: str) -> str:
    values = chosen.values
    match form:
        case "raw" | "csv":
            return ",".join(values)
        case "pipe":
            return "|".join(values)
        case "text":
            return chosen.label or " + ".join(values)
        case "doublequote":
            return ",".join(f'"{value}"' for value in values)
        case "singlequote":
            return ",".join(f"'{value}'" for value in values)
        case "percentencode":
            return quote(",".join(values), safe="")
        case "queryparam":
            return "&".join(f"var-{quote(name)}={quote(value, safe='')}" for value in values)
        case "regex":
            return _regex(values)
    if chosen.raw or not chosen.several:
        return ",".join(values)
    return _regex(values, quoted=True)


def _regex(values: Sequence[str], *, quoted: bool = False) -> str:
    """Los valores como una expresión regular; `quoted` si va dentro de las comillas de PromQL."""
    escaped = [_SPECIAL.sub(r"\\\\\1" if quoted else r"\\\1", value) for value in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"
