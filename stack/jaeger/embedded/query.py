"""Los parámetros de `/api/traces` y compañía: textos de un URL convertidos en una búsqueda.

Siguen a `query_parser.go` de Jaeger: tiempos en microsegundos, duraciones como las escribe Go (`1.5s`, `200ms`).
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from starlette.datastructures import QueryParams

from stack.jaeger.embedded import attributes, otlp
from stack.jaeger.embedded.models import MAX_TRACES, Kind, Query, Span, Status

DEFAULT_LIMIT = 100
MAX_LIMIT = MAX_TRACES
DEFAULT_LOOKBACK_NS = 48 * 3600 * 10**9
DEPENDENCY_LOOKBACK_NS = 24 * 3600 * 10**9

_UNITS_NS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9}
_UNITS_NS["h"] = 3600 * 10**9
_PIECE = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII)
_BOOLEANS = {"", "1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"}
_HEX = re.compile(r"[0-9a-fA-F]{1,32}")

KIND_NAMES: Mapping[int, str] = {
    Kind.INTERNAL: "internal",
    Kind.SERVER: "server",
    Kind.CLIENT: "client",
    Kind.PRODUCER: "producer",
    Kind.CONSUMER: "consumer",
}
STATUS_NAMES: Mapping[int, str] = {Status.OK: "OK", Status.ERROR: "ERROR"}


class BadQuery(ValueError):
    """Un parámetro no se entiende; el texto dice cuál y cómo se escribe. `status` es el código HTTP."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def duration_ns(text: str, name: str = "duration") -> int:
    """Una duración (`1h30m`, `250ms`, `1.5s`) en nanosegundos.

    Raises:
        BadQuery: no lo es.
    """
    if not _PIECE.sub("", text) and text:
        return round(sum(float(amount) * _UNITS_NS[unit] for amount, unit in _PIECE.findall(text)))
    raise BadQuery(f"«{name}» no es una duración: {text!r}. Se escribe con su unidad: 250ms, 1.5s, 2m")


def trace_id(text: str) -> str:
    """El identificador con sus 32 cifras, aunque llegue corto o sin los ceros de delante.

    Raises:
        BadQuery: no es hexadecimal o es demasiado largo.
    """
    if not _HEX.fullmatch(text):
        raise BadQuery(f"«{text[:64]}» no es un identificador de traza: son hasta 32 cifras hexadecimales")
    return text.lower().zfill(32)


def tags(simple: list[str], documents: list[str]) -> dict[str, str]:
    """Los atributos pedidos: `tag=clave:valor` y `tags={"clave": "valor"}`.

    Raises:
        BadQuery: alguno está mal escrito.
    """
    wanted: dict[str, str] = {}
    for pair in simple:
        key, colon, value = pair.partition(":")
        if not colon:
            raise BadQuery(f"«tag» se escribe clave:valor y ha llegado {pair!r}")
        wanted[key] = value
    for document in documents:
        try:
            parsed: Any = json.loads(document)
        except ValueError as error:
            raise BadQuery(f"«tags» ha de ser un objeto JSON y ha llegado {document!r}") from error
        if not isinstance(parsed, dict) or not all(isinstance(value, str) for value in parsed.values()):
            raise BadQuery(f"«tags» ha de ser un objeto JSON con textos por valores y ha llegado {document!r}")
        wanted |= parsed
    return wanted


def search(params: QueryParams) -> Query:
    """La búsqueda que piden los parámetros de `/api/traces`.

    Raises:
        BadQuery: falta `service`, o un parámetro no se entiende.
    """
    now = time.time_ns()
    minimum = duration_ns(params["minDuration"], "minDuration") if params.get("minDuration") else 0
    maximum = duration_ns(params["maxDuration"], "maxDuration") if params.get("maxDuration") else 0
    if minimum and maximum and maximum < minimum:
        raise BadQuery("«maxDuration» ha de ser mayor que «minDuration»")
    found = Query(
        service=params.get("service", ""),
        operation=params.get("operation", ""),
        start_ns=instant_ns(params, "start", 1000, now - DEFAULT_LOOKBACK_NS),
        end_ns=instant_ns(params, "end", 1000, now),
        min_duration_ns=minimum,
        max_duration_ns=maximum,
        limit=_integer(params.get("limit") or str(DEFAULT_LIMIT), "limit"),
        accepts=having(tags(params.getlist("tag"), params.getlist("tags"))),
    )
    if not found.service:
        raise BadQuery("parameter 'service' is required")
    return _limited(found)


def search_v3(params: QueryParams) -> Query:
    """La búsqueda que piden los parámetros de `/api/v3/traces`. Como en Jaeger, ahí no se filtra por atributos.

    Raises:
        BadQuery: falta un extremo del intervalo, o un parámetro no se entiende.
    """
    start, end = params.get("query.start_time_min", ""), params.get("query.start_time_max", "")
    if not start or not end:
        raise BadQuery("query.start_time_min and query.start_time_max are required")
    numbers = {}
    for name in ("query.duration_min", "query.duration_max"):
        with naming(name):
            numbers[name] = duration_ns(params[name], name) if params.get(name) else 0
    with naming("query.num_traces"):
        limit = _integer(params.get("query.num_traces") or "0", "query.num_traces")
    if params.get("query.raw_traces", "") not in _BOOLEANS:
        raise BadQuery("malformed parameter query.raw_traces: ha de ser true o false")
    return _limited(
        Query(
            service=params.get("query.service_name", ""),
            operation=params.get("query.operation_name", ""),
            start_ns=moment_ns(start, "query.start_time_min"),
            end_ns=moment_ns(end, "query.start_time_max"),
            min_duration_ns=numbers["query.duration_min"],
            max_duration_ns=numbers["query.duration_max"],
            limit=limit,
        )
    )


def _limited(found: Query) -> Query:
    if not 0 < found.limit <= MAX_LIMIT:
        # Un 500, como Jaeger: se queja su almacén, no quien lee los parámetros.
        raise BadQuery("search depth must be greater than 0 and less than max traces", status=500)
    return found


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Los errores de dentro dicen de qué parámetro son, como en `/api/v3`."""
    try:
        yield
    except BadQuery as error:
        raise BadQuery(f"malformed parameter {name}: {error}", error.status) from error


def moment_ns(text: str, name: str) -> int:
    """Una fecha RFC 3339 (`2026-11-24T10:00:00.5Z`) en nanosegundos desde 1970; `BadQuery` si no lo es."""
    match = _RFC3339.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        whole = datetime.fromisoformat(match[1] + match[3].replace("Z", "+00:00"))
    except ValueError:
        raise BadQuery(f"malformed parameter {name}: «{text}» no es una fecha RFC 3339") from None
    return int(whole.timestamp()) * 10**9 + int((match[2] or "0").ljust(9, "0"))


def dependency_window(params: QueryParams) -> tuple[int, int]:
    """El intervalo de `/api/dependencies`: `endTs` y `lookback`, en milisegundos; sin ellos, el último día."""
    end_ns = instant_ns(params, "endTs", 10**6, time.time_ns())
    lookback = params.get("lookback")
    back_ns = _integer(lookback, "lookback") * 10**6 if lookback else DEPENDENCY_LOOKBACK_NS
    return end_ns - back_ns, end_ns


def having(wanted: Mapping[str, str]) -> Callable[[Span], bool] | None:
    """La condición «tiene estos atributos», o `None` si no se pide ninguno.

    Se miran los del span, los de su ámbito, los de su proceso y los de sus sucesos. `error` mira cómo acabó.
    """
    if not wanted:
        return None
    others = {key: value for key, value in wanted.items() if key != "error"}
    error = wanted.get("error")

    def accepts(span: Span) -> bool:
        if error is not None and span.failed != (error == "true"):
            return False
        return all(_has(span, key, value) for key, value in others.items())

    return accepts


def _has(span: Span, key: str, value: str) -> bool:
    if key == "span.kind":
        return KIND_NAMES.get(span.kind, "") == value
    if key == "otel.status_code":
        return STATUS_NAMES.get(span.status, "") == value
    # Los textos van tal cual dentro del mensaje: si el nombre no aparece, no hace falta abrirlo.
    encoded = key.encode()
    if not any(encoded in raw for raw in (span.message, span.resource, span.scope)):
        return False
    message = otlp.message_of(span)
    places = [message.attributes, otlp.scope_of(span).attributes, otlp.resource_of(span).attributes]
    for place in (*places, *(event.attributes for event in message.events)):
        found = attributes.find(place, key)
        if found is not None and attributes.text(found) == value:
            return True
    return False


def instant_ns(params: QueryParams, name: str, unit_ns: int, default: int) -> int:
    """El instante del parámetro `name`, dado en unidades de `unit_ns`; sin él, `default`."""
    text = params.get(name)
    return _integer(text, name) * unit_ns if text else default


def _integer(text: str, name: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise BadQuery(f"«{name}» ha de ser un número entero y ha llegado {text!r}") from error
