"""Lo que Consul hereda de Go: cómo se escriben las duraciones, los números y los booleanos.

Sigue https://pkg.go.dev/time#ParseDuration y https://pkg.go.dev/strconv. Las duraciones son nanosegundos.
"""

from __future__ import annotations

import json
import re

SECOND_NS = 10**9
_UNITS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": SECOND_NS,
    "m": 60 * SECOND_NS,
    "h": 3600 * SECOND_NS,
}
_PIECE = re.compile(r"(\d+\.?\d*|\.\d+)([^\d.]*)")
_UINT64 = 2**64
_TRUE = {"1", "t", "T", "TRUE", "true", "True"}
_FALSE = {"0", "f", "F", "FALSE", "false", "False"}


class BadDuration(ValueError):
    """No es una duración; el mensaje es el de Go."""


class BadNumber(ValueError):
    """No es un número sin signo de 64 bits; el mensaje es el de Go."""


def decoded(data: bytes) -> str:
    """Unos bytes como texto, como los escribe la biblioteca JSON de Go: cada byte que no es UTF-8 es un «�»."""
    text = data.decode("utf-8", "surrogateescape")
    return re.sub("[\udc80-\udcff]", "\ufffd", text)


def quoted(text: str) -> str:
    """Entre comillas, como `%q` de Go."""
    return json.dumps(text, ensure_ascii=False)


def parse_duration(text: str) -> int:
    """`"1m30s"` → nanosegundos; `BadDuration` si no se entiende."""
    rest = text
    sign = -1 if rest.startswith("-") else 1
    rest = rest[1:] if rest[:1] in ("-", "+") else rest
    if rest == "0":
        return 0
    if not rest:
        raise BadDuration(f"time: invalid duration {quoted(text)}")
    total = 0.0
    while rest:
        match = _PIECE.match(rest)
        if match is None:
            raise BadDuration(f"time: invalid duration {quoted(text)}")
        number, unit = match.groups()
        if not unit:
            raise BadDuration(f"time: missing unit in duration {quoted(text)}")
        if unit not in _UNITS:
            raise BadDuration(f"time: unknown unit {quoted(unit)} in duration {quoted(text)}")
        total += float(number) * _UNITS[unit]
        rest = rest[match.end() :]
    if total >= 2**63:
        raise BadDuration(f"time: invalid duration {quoted(text)}")
    return sign * round(total)


def format_duration(ns: int) -> str:
    """Nanosegundos → `"1m30s"`, `"200ms"`, `"0s"`."""
    if ns == 0:
        return "0s"
    sign, size = ("-", -ns) if ns < 0 else ("", ns)
    if size < SECOND_NS:
        unit, divisor = next(
            (pair for pair in (("ms", 10**6), ("µs", 10**3)) if size >= pair[1]),
            ("ns", 1),
        )
        return f"{sign}{_decimal(size, divisor)}{unit}"
    minutes, seconds = divmod(size, 60 * SECOND_NS)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(seconds, SECOND_NS)}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{text}"
    return f"{sign}{minutes}m{text}" if minutes else f"{sign}{text}"


def _decimal(value: int, divisor: int) -> str:
    whole, rest = divmod(value, divisor)
    fraction = str(rest).rjust(len(str(divisor)) - 1, "0").rstrip("0") if rest else ""
    return f"{whole}.{fraction}" if fraction else str(whole)


def parse_uint(text: str) -> int:
    """Un entero sin signo de 64 bits; `BadNumber` si no lo es."""
    if not re.fullmatch(r"[0-9]+", text):
        raise BadNumber(f"strconv.ParseUint: parsing {quoted(text)}: invalid syntax")
    if (value := int(text)) >= _UINT64:
        raise BadNumber(f"strconv.ParseUint: parsing {quoted(text)}: value out of range")
    return value


def parse_bool(text: str) -> bool | None:
    """Cierto o falso como los escribe Go (`1`, `t`, `true`…); `None` si no es ninguno."""
    return True if text in _TRUE else False if text in _FALSE else None
