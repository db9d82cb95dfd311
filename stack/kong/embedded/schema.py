"""Esquemas: qué campos acepta Kong, de qué tipo y con qué valor de fábrica.

Es el mismo lenguaje que usan los esquemas de Kong (`kong/db/schema`), en pequeño: un `Record` tiene campos,
un `Field` tiene tipo y condiciones, y validar da un árbol de errores con las frases de Kong. Así, un
`kong.yaml` que aquí se acepta lo acepta el de verdad, y lo que rechaza uno lo rechaza el otro.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Problem = str | dict[str | int, "Problem"]
"""Un error: una frase, o un árbol de errores por campo (`str`) o por posición (`int`, desde 1)."""

NOT_COVERED = "Kong lo admite, pero este suplente no lo cubre"

_EXPECTED = {
    "string": "expected a string",
    "integer": "expected an integer",
    "number": "expected a number",
    "boolean": "expected a boolean",
    "array": "expected an array",
    "set": "expected a set",
    "map": "expected a map",
    "record": "expected a record",
}


@dataclass(frozen=True, slots=True)
class Field:
    """Un campo. `kind` es el tipo de Kong (`string`, `integer`, `array`, `record`…) o `uncovered`.

    `covered` son los únicos valores que este suplente sabe atender de entre los que Kong admite.
    `check` recibe el valor y devuelve la frase del error, o `None`. `must_be_null` es el `eq = null` de
    Kong: el campo existe pero en este sitio no se puede poner.
    """

    kind: str
    required: bool = False
    default: Any = None
    one_of: tuple[Any, ...] = ()
    between: tuple[float, float] | None = None
    greater_than: float | None = None
    min_length: int = 1
    elements: Field | None = None
    record: Record | Callable[[Any], Record | Problem] | None = None
    check: Callable[[Any], str | None] | None = None
    covered: tuple[Any, ...] | None = None
    must_be_null: bool | str = False


EntityCheck = Callable[[Mapping[str, Any]], str | None]


@dataclass(frozen=True, slots=True)
class Record:
    """Un registro: sus campos, las condiciones que los relacionan y los atajos que admite.

    Un atajo es un nombre que se traduce a otros campos (`url` → `protocol`, `host`, `port` y `path`).
    """

    fields: Mapping[str, Field]
    checks: Sequence[EntityCheck] = ()
    shorthands: Mapping[str, Callable[[Any], Mapping[str, Any]]] = field(default_factory=dict)

    def expand(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """`value` con sus atajos ya traducidos; un campo escrito a mano gana al del atajo."""
        expanded: dict[str, Any] = {}
        for name, translate in self.shorthands.items():
            if value.get(name) is not None:
                expanded |= translate(value[name])
        return expanded | {k: v for k, v in value.items() if k not in self.shorthands}


def validate(spec: Field, value: Any) -> Problem | None:
    """El error de `value` según `spec`, o `None`. Un valor nulo es un campo que no está."""
    if value is None:
        if spec.kind != "record" or spec.default is None:
            return "required field missing" if spec.required and spec.default is None else None
        value = spec.default
    if spec.must_be_null:
        return spec.must_be_null if isinstance(spec.must_be_null, str) else "value must be null"
    if spec.kind == "uncovered":
        return None if value in (False, [], {}) else NOT_COVERED
    if not _is(spec.kind, value):
        return _EXPECTED[spec.kind]
    problem = _conditions(spec, value)
    if problem is None and spec.covered is not None and value not in spec.covered:
        return NOT_COVERED
    return problem


def validate_record(record: Record, value: Mapping[str, Any]) -> Problem | None:
    """El árbol de errores de un registro: campos desconocidos, valores malos y condiciones entre campos."""
    problems: dict[str | int, Problem] = {}
    expanded = record.expand(value)
    for name in expanded:
        if name not in record.fields:
            problems[name] = "unknown field"
    for name, spec in record.fields.items():
        problem = validate(spec, expanded.get(name))
        if problem is not None:
            problems[name] = problem
    if not problems:
        complete = {name: _or_default(spec, expanded.get(name)) for name, spec in record.fields.items()}
        found = [message for check in record.checks if (message := check(complete))]
        if found:
            problems["@entity"] = dict(enumerate(found, 1))
    return problems or None


def complete(record: Record, value: Mapping[str, Any]) -> dict[str, Any]:
    """`value`, ya validado, con todos sus campos: los que faltan llevan su valor de fábrica o `None`."""
    expanded = record.expand(value)
    return {name: _filled(spec, expanded.get(name)) for name, spec in record.fields.items()}


def at_least_one_of(*names: str) -> EntityCheck:
    """Condición: alguno de estos campos (`config.minute` es un campo dentro de otro) ha de tener valor."""
    return lambda value: (
        None
        if any(lookup(value, name) for name in names)
        else f"at least one of these fields must be non-empty: {_quoted(names)}"
    )


def only_one_of(*names: str) -> EntityCheck:
    """Condición: exactamente uno de estos campos ha de tener valor."""
    return lambda value: (
        None
        if sum(bool(lookup(value, name)) for name in names) == 1
        else f"exactly one of these fields must be non-empty: {_quoted(names)}"
    )


def required_if(name: str, *, when: str, equals: Any) -> EntityCheck:
    """Condición: si `when` vale `equals`, hace falta `name`."""
    return lambda value: (
        f"failed conditional validation given value of field '{when}': {name}: required field missing"
        if lookup(value, when) == equals and lookup(value, name) in (None, "")
        else None
    )


def lookup(value: Any, path: str) -> Any:
    """El valor que hay en `path` (`a.b.c`), o `None` si falta algún tramo."""
    for name in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def _quoted(names: Sequence[Any]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _is(kind: str, value: Any) -> bool:
    match kind:
        case "string":
            return isinstance(value, str)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "array" | "set":
            return isinstance(value, list)
        case "map" | "record":
            return isinstance(value, dict)
    return True


def _conditions(spec: Field, value: Any) -> Problem | None:
    if spec.one_of and value not in spec.one_of:
        return f"expected one of: {', '.join(str(option) for option in spec.one_of)}"
    if spec.between and not spec.between[0] <= value <= spec.between[1]:
        return f"value should be between {spec.between[0]:g} and {spec.between[1]:g}"
    if spec.greater_than is not None and not value > spec.greater_than:
        return f"value must be greater than {spec.greater_than:g}"
    if spec.kind == "string" and len(value) < spec.min_length:
        return f"length must be at least {spec.min_length}"
    if spec.check and (message := spec.check(value)):
        return message
    if spec.kind in {"array", "set", "map"} and spec.elements:
        items = value.items() if spec.kind == "map" else enumerate(value, 1)
        found: dict[str | int, Problem] = {
            key: problem
            for key, item in items
            if (problem := validate(spec.elements, item) or _null(item)) is not None
        }
        return found or None
    if spec.kind == "record" and spec.record:
        record = spec.record(value) if callable(spec.record) else spec.record
        return validate_record(record, value) if isinstance(record, Record) else record
    return None


def _null(item: Any) -> str | None:
    return "required field missing" if item is None else None


def _or_default(spec: Field, value: Any) -> Any:
    return spec.default if value is None else value


def _filled(spec: Field, value: Any) -> Any:
    if value is None:
        value = spec.default
    if value is None:
        return None
    match spec.kind:
        case "record" if spec.record:
            record = spec.record(value) if callable(spec.record) else spec.record
            return complete(record, value) if isinstance(record, Record) else value
        case "array" | "set":
            items = [_filled(spec.elements, item) if spec.elements else item for item in value]
            return list(dict.fromkeys(items)) if spec.kind == "set" else items
        case "map":
            return {key: _filled(spec.elements, item) if spec.elements else item for key, item in value.items()}
    return value
