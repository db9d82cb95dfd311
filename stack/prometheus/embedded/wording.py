"""Números, horas y series escritos para una persona."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from datetime import datetime

from stack.web.units import format_number, format_value

_NBSP = "\N{NO-BREAK SPACE}"


def amount(value: float) -> str:
    """Un valor con coma decimal y hasta seis cifras detrás: «0,25», «12 345», «∞»."""
    if math.isnan(value):
        return "sin valor (NaN)"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value and not 1e-6 <= abs(value) < 1e15:
        mantissa, _, exponent = f"{value:.3e}".partition("e")
        return f"{mantissa.replace('.', ',').replace('-', '−')}{_NBSP}×{_NBSP}10^{int(exponent)}".replace(
            "^-", "^−"
        )
    text = format_number(value, 6)
    return text.rstrip("0").rstrip(",") if "," in text else text


def duration(seconds: float) -> str:
    """«3,2 ms», «1,5 s»."""
    return format_value(seconds, "s")


def clock(seconds: float) -> str:
    """Una hora y hace cuánto: «12:03:07 (hace 2 s)»; «todavía no» si es cero."""
    if not seconds:
        return "todavía no"
    ago = max(0, round(time.time() - seconds))
    text = "ahora mismo" if ago < 1 else f"hace {ago}{_NBSP}s" if ago < 120 else f"hace {ago // 60}{_NBSP}min"
    return f"{datetime.fromtimestamp(seconds):%H:%M:%S} ({text})"


def series(labels: Mapping[str, str]) -> str:
    """`nombre{etiqueta="valor"}`, como se escribe en PromQL."""
    inside = ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()) if name != "__name__")
    name = labels.get("__name__", "")
    return f"{name}{{{inside}}}" if inside or not name else name
