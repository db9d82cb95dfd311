"""Las variables de un tablero: de dónde salen sus opciones y cuál está elegida.

https://grafana.com/docs/grafana/latest/dashboards/variables/add-template-variables/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stack.grafana.embedded.interpolation import Chosen, Values, fill
from stack.grafana.embedded.models import Dashboard, Library
from stack.grafana.embedded.prometheus import Prometheus, QueryError
from stack.grafana.embedded.times import TimeRange

ALL = "$__all"
_LABEL_VALUES = re.compile(r"label_values\(\s*(?:(.+?)\s*,\s*)?([a-zA-Z_]\w*)\s*\)")
_METRICS = re.compile(r"metrics\(\s*(.*?)\s*\)")
_CUSTOM = re.compile(r"(?:\\,|[^,])+")


@dataclass(frozen=True, slots=True)
class Variable:
    """Una variable ya resuelta: opciones `(texto, valor)`, lo elegido, y el problema si no se pudo resolver."""

    name: str
    label: str
    kind: str
    options: tuple[tuple[str, str], ...]
    selected: tuple[str, ...]
    multi: bool = False
    hidden: bool = False
    problem: str = ""


def resolve(
    dashboard: Dashboard, library: Library, client: Prometheus, asked: Mapping[str, Sequence[str]], time: TimeRange
) -> tuple[list[Variable], Values]:
    """Todas las variables de `dashboard`, en orden: una puede usar las anteriores.

    `asked` es lo que pide la dirección de la página (`var-nombre=…`).
    """
    variables: list[Variable] = []
    chosen: dict[str, Chosen] = {}
    for item in (dashboard.source.get("templating") or {}).get("list") or ():
        name = str(item.get("name", ""))
        if not name:
            continue
        options, problem = _options(item, library, client, Values(chosen), time)
        selected = _selected(item, options, asked.get(name))
        variables.append(
            Variable(
                name,
                str(item.get("label") or name),
                str(item.get("type", "")),
                tuple([("Todos", ALL), *options] if item.get("includeAll") else options),
                selected,
                bool(item.get("multi")),
                item.get("hide") == 2 or item.get("type") in ("constant", "adhoc"),
                problem,
            )
        )
        chosen[name] = _chosen(item, options, selected)
    return variables, Values(chosen)


def _chosen(item: Mapping[str, Any], options: Sequence[tuple[str, str]], selected: tuple[str, ...]) -> Chosen:
    several = bool(item.get("multi") or item.get("includeAll"))
    if ALL not in selected:
        return Chosen(selected, several)
    if item.get("allValue"):
        return Chosen((str(item["allValue"]),), several, "Todos", raw=True)
    every = tuple(value for _, value in options)
    return Chosen(every or (".*",), several, "Todos", raw=not every)


def _selected(
    item: Mapping[str, Any], options: Sequence[tuple[str, str]], asked: Sequence[str] | None
) -> tuple[str, ...]:
    known = {value for _, value in options}
    if asked:
        wanted = tuple("$__all" if value in ("All", "Todos") else value for value in asked)
        return wanted if item.get("multi") else wanted[:1]
    current = (item.get("current") or {}).get("value")
    saved = [
        str(value) for value in (current if isinstance(current, list) else [current]) if value not in (None, "")
    ]
    if item.get("type") in ("constant", "textbox"):
        return (str(item.get("query") or (saved[0] if saved else "")),)
    usable = tuple(value for value in saved if value in known or (value == ALL and item.get("includeAll")))
    if usable:
        return usable
    if item.get("includeAll"):
        return (ALL,)
    return (options[0][1],) if options else ("",)


def _options(
    item: Mapping[str, Any], library: Library, client: Prometheus, values: Values, time: TimeRange
) -> tuple[list[tuple[str, str]], str]:
    match item.get("type"):
        case "custom" | "interval":
            return [_pair(text) for text in _CUSTOM.findall(str(item.get("query") or ""))], ""
        case "constant" | "textbox":
            text = str(item.get("query") or "")
            return [(text, text)], ""
        case "datasource":
            found = [ds for ds in library.datasources if ds.type == item.get("query")]
            return [(ds.name, ds.uid) for ds in found], ""
        case "query":
            try:
                return _filtered(item, _queried(item, library, client, values, time)), ""
            except QueryError as error:
                return [], f"{error.message} {error.hint}".strip()
        case kind:
            return [], f"Este suplente no entiende las variables de tipo «{kind}»."


def _pair(text: str) -> tuple[str, str]:
    key, separator, value = text.replace("\\,", ",").strip().partition(" : ")
    return (key.strip(), value.strip()) if separator else (key, key)


def _queried(
    item: Mapping[str, Any], library: Library, client: Prometheus, values: Values, time: TimeRange
) -> Iterable[str]:
    query = item.get("query")
    text = fill(str(query.get("query", "") if isinstance(query, Mapping) else query or ""), values).strip()
    source = library.datasource(item.get("datasource"))
    if source is None:
        raise QueryError("La variable pide una fuente de datos que no está.")
    window = [("start", f"{time.start / 1000:.3f}"), ("end", f"{time.end / 1000:.3f}")]
    if match := _LABEL_VALUES.fullmatch(text):
        selector = [("match[]", match[1])] if match[1] else []
        return [str(value) for value in client.get(source, f"label/{match[2]}/values", [*selector, *window])]
    if text == "label_names()":
        return [str(value) for value in client.get(source, "labels", window)]
    if match := _METRICS.fullmatch(text):
        pattern = _compiled(match[1])
        names = client.get(source, "label/__name__/values", window)
        return [str(name) for name in names if pattern.search(str(name))]
    raise QueryError(f"Este suplente no entiende la consulta «{text}»: sabe label_values, label_names y metrics.")


def _filtered(item: Mapping[str, Any], values: Iterable[str]) -> list[tuple[str, str]]:
    found = list(dict.fromkeys(values))
    if text := str(item.get("regex") or ""):
        pattern = _compiled(text.removeprefix("/").rpartition("/")[0] if text.startswith("/") else text)
        matches = [(value, pattern.search(value)) for value in found]
        found = [m[1] if m.groups() else value for value, m in matches if m]
    order = int(item.get("sort") or 0)
    if order in (1, 5):
        found.sort(key=str.casefold)
    elif order in (2, 6):
        found.sort(key=str.casefold, reverse=True)
    elif order in (3, 4):
        found.sort(key=_leading_number, reverse=order == 4)
    return [(value, value) for value in found]


def _leading_number(text: str) -> float:
    match = re.search(r"-?\d+(?:\.\d+)?", text)
    return float(match[0]) if match else float("inf")


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise QueryError(f"La expresión regular «{pattern}» no es válida: {error}.") from error
