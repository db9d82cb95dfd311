"""Leer un objeto JSON como lo lee Consul: los nombres, en mayúsculas o minúsculas; los que no conoce, un error.

Un cuerpo que no vale es un 400 con el mensaje de la biblioteca JSON de Go (https://pkg.go.dev/encoding/json).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from stack.consul.embedded.errors import Refused
from stack.consul.embedded.golang import BadDuration, parse_duration, quoted

Reader = Callable[[Any, str], Any]
"""Convierte un valor JSON; recibe también cómo se llama su campo, para el mensaje."""

_KINDS = {bool: "bool", int: "number", float: "number", str: "string", list: "array", dict: "object"}


def bad(problem: str) -> Refused:
    """El cuerpo de la petición no se entiende."""
    return Refused(400, f"Request decode failed: {problem}")


def parse(body: bytes) -> Any:
    """El JSON de un cuerpo; `Refused` si no lo es."""
    if not body.strip():
        raise bad("EOF")
    try:
        return json.loads(body, parse_constant=_no_constant)
    except RecursionError as error:
        raise bad("exceeded max depth") from error
    except json.JSONDecodeError as error:
        rest = error.doc[error.pos :].lstrip()
        if not rest:
            raise bad("unexpected EOF") from error
        if wrong := _wrong_literal(rest):
            raise bad(wrong) from error
        looking = "object key string" if "property name" in error.msg else "value"
        raise bad(f"invalid character '{rest[0]}' looking for beginning of {looking}") from error
    except UnicodeDecodeError as error:
        raise bad(str(error)) from error


def _no_constant(name: str) -> None:
    """`NaN` e `Infinity` los lee la biblioteca de Python y no son JSON."""
    raise bad(f"invalid character '{name.lstrip('-')[0]}' looking for beginning of value")


def _wrong_literal(rest: str) -> str:
    """Qué le pasa a un `null`, `true` o `false` mal escrito; nada si no es eso."""
    word = next((one for one in ("null", "true", "false") if one[0] == rest[0]), "")
    place = next((place for place, letter in enumerate(word) if rest[place : place + 1] != letter), None)
    if place is None:
        return ""
    if place >= len(rest):
        return "unexpected EOF"
    return f"invalid character '{rest[place]}' in literal {word} (expecting '{word[place]}')"


def fields(data: Any, known: Mapping[str, Reader], *, strict: bool = True, of: str = "") -> dict[str, Any]:
    """Los campos de `data` que se conocen, con su nombre de verdad. `null`, fuera o dentro, es no decir nada.

    Raises:
        Refused: no es un objeto, tiene un campo que no se conoce (si `strict`) o uno de otro tipo.
    """
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise bad(f"json: cannot unmarshal {_kind(data)} into Go value of type {of or 'object'}")
    names = {name.lower(): name for name in known}
    found: dict[str, Any] = {}
    for key, value in data.items():
        name = names.get(key.lower())
        if name is None:
            if strict:
                raise bad(f"json: unknown field {quoted(key)}")
        elif value is not None:
            found[name] = known[name](value, name)
    return found


def _mismatch(value: Any, name: str, wanted: str) -> Refused:
    return bad(f"json: cannot unmarshal {_kind(value)} into Go struct field .Alias.{name} of type {wanted}")


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), "null")


def text(value: Any, name: str) -> str:
    """Un texto."""
    if not isinstance(value, str):
        raise _mismatch(value, name, "string")
    return value


def whole(value: Any, name: str) -> int:
    """Un entero."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise _mismatch(value, name, "int")
    return value


def flag(value: Any, name: str) -> bool:
    """Cierto o falso."""
    if not isinstance(value, bool):
        raise _mismatch(value, name, "bool")
    return value


def duration(value: Any, name: str) -> int:
    """`"10s"`, o un número de nanosegundos."""
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except BadDuration as error:
            raise bad(str(error)) from error
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if numeric and abs(value) < 2**63 else 0


def texts(value: Any, name: str) -> tuple[str, ...]:
    """Una lista de textos."""
    if not isinstance(value, list):
        raise _mismatch(value, name, "[]string")
    return tuple(text(one, name) for one in value)


def mapping(value: Any, name: str) -> dict[str, str]:
    """Un diccionario de textos, por orden de clave."""
    if not isinstance(value, dict):
        raise _mismatch(value, name, "map[string]string")
    return {key: text(value[key], name) for key in sorted(value)}


def headers(value: Any, name: str) -> dict[str, tuple[str, ...]]:
    """Cabeceras HTTP: cada nombre con sus valores."""
    if not isinstance(value, dict):
        raise _mismatch(value, name, "map[string][]string")
    return {key: texts(one, name) for key, one in value.items()}


def anything(value: Any, name: str) -> Any:
    """Lo que sea."""
    return value
