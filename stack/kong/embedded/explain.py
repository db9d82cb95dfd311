"""Los errores de una configuración, para una persona: lo que dice Kong y, debajo, qué significa."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from stack.kong.embedded.declarative import InvalidConfig
from stack.kong.embedded.entities import CHILDREN, DOCUMENT, RECORDS, plugin_record
from stack.kong.embedded.plugins import PLUGINS
from stack.kong.embedded.schema import NOT_COVERED, Problem, Record


def report(error: InvalidConfig, filename: str) -> str:
    """El informe entero: las líneas de `kong start` y una explicación por cada error."""
    lines = [f"Error: error parsing declarative config file {filename}:", as_kong(error.problem), ""]
    lines += [f"{path}: {_meaning(path, message)}" for path, message in leaves(error.problem)]
    return "\n".join(lines)


def as_kong(problem: Problem, item: str = "", indent: str = "") -> str:
    """El árbol de errores tal como lo escribe Kong (`pretty_print_error` de kong/db/declarative)."""
    if isinstance(problem, str):
        return indent + problem
    lines: list[str] = []
    for key, value in problem.items():
        where = f"- in entry {key} of '{item}'" if isinstance(key, int) else f"in '{key}'"
        if isinstance(value, dict):
            lines += [f"{indent}{where}:", as_kong(value, str(key), indent + "  ")]
        else:
            lines.append(f"{indent}{where}: {value}")
    return "\n".join(lines)


def leaves(problem: Problem, path: str = "") -> Iterator[tuple[str, str]]:
    """Cada error con la ruta de su campo: `("services[1].routes[1].colour", "unknown field")`."""
    if isinstance(problem, str):
        yield path or "(documento)", problem
        return
    for key, value in problem.items():
        if key == "@entity":
            yield from ((path or "(documento)", message) for _, message in leaves(value))
        else:
            step = f"[{key}]" if isinstance(key, int) else f".{key}" if path else key
            yield from leaves(value, path + step)


def _meaning(path: str, message: str) -> str:
    if message == "unknown field":
        return f"Kong no conoce este campo.{_suggestion(path)}"
    if NOT_COVERED in message:
        return f"{NOT_COVERED}. Quítalo, o usa el Kong de verdad con Docker (`--set kong=docker`)."
    if message == "required field missing":
        return "Este campo es obligatorio y no está."
    if message.startswith("invalid reference"):
        return f"Se nombra algo que no está en el fichero ({message})."
    if message.startswith("uniqueness violation"):
        return f"Este dato no se puede repetir ({message})."
    if message.endswith("'plugins' configuration property"):
        return "Kong no trae ningún plugin con ese nombre."
    return f"El valor no vale ({message})."


def _suggestion(path: str) -> str:
    *parents, name = path.split(".")
    kind = parents[-1].split("[")[0] if parents else ""
    record: Record | None = DOCUMENT if not parents else RECORDS.get(kind)
    if kind == "plugins":
        candidate = plugin_record({"name": "jwt"})
        record = candidate if isinstance(candidate, Record) else None
    known = [*(record.fields if record else ()), *(record.shorthands if record else ()), *CHILDREN.get(kind, ())]
    if kind == "config":
        known = [field for plugin in PLUGINS.values() for field in plugin.config.fields]
    near = difflib.get_close_matches(name, known, n=1)
    return f" ¿Querías decir «{near[0]}»?" if near else ""
