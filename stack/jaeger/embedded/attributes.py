"""Los valores de OpenTelemetry (`AnyValue`), vistos como los enseña Jaeger: con tipo, o como texto para comparar.

Sigue lo que hacen el traductor de OTLP a Jaeger y `Value.AsString` del Collector
(https://pkg.go.dev/go.opentelemetry.io/collector/pdata/pcommon#Value.AsString).
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

# JavaScript no distingue enteros más grandes: Jaeger los manda como texto para que nadie los redondee.
_MAX_SAFE_INTEGER = 2**53 - 1


def tag(key: str, value: AnyValue) -> dict[str, Any]:
    """Un *tag* de Jaeger: `{"key", "type", "value"}`, con el tipo `string`, `bool`, `int64`, `float64` o `binary`.

    Jaeger no tiene listas ni diccionarios: llegan como un texto en JSON.
    """
    match value.WhichOneof("value"):
        case "bool_value":
            return {"key": key, "type": "bool", "value": value.bool_value}
        case "int_value":
            number = value.int_value
            return {
                "key": key,
                "type": "int64",
                "value": number if abs(number) <= _MAX_SAFE_INTEGER else str(number),
            }
        case "double_value":
            real = value.double_value
            return {"key": key, "type": "float64", "value": real if math.isfinite(real) else str(real)}
        case "bytes_value":
            return {"key": key, "type": "binary", "value": base64.b64encode(value.bytes_value).decode()}
        case _:
            return {"key": key, "type": "string", "value": text(value)}


def text(value: AnyValue) -> str:
    """El valor como texto: así se compara con lo que se escribe al buscar (`http.response.status_code=200`)."""
    plain = _plain(value)
    if plain is None:
        return ""
    if isinstance(plain, str):
        return plain
    document = json.dumps(plain, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    # Go protege estos tres signos al escribir JSON, y así llegan a quien pregunta.
    return document.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def find(attributes: Iterable[KeyValue], key: str) -> AnyValue | None:
    """El valor de `key`, o `None` si no está."""
    return next((item.value for item in attributes if item.key == key), None)


def _plain(value: AnyValue) -> Any:
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "int_value":
            return value.int_value
        case "double_value":
            return _number(value.double_value)
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode()
        case "array_value":
            return [_plain(item) for item in value.array_value.values]
        case "kvlist_value":
            return {item.key: _plain(item.value) for item in value.kvlist_value.values}
        case _:
            return None


def _number(real: float) -> int | float | str:
    """Go escribe 1.0 como `1`."""
    if not math.isfinite(real):
        return str(real)
    return int(real) if real.is_integer() and abs(real) < 1e21 else real
