"""Cómo se escribe un número en Prometheus: de una manera dentro de PromQL y de otra en su API."""

from __future__ import annotations

import math


def number(value: float) -> str:
    """`1`, `0.25`, `1e+21`, `+Inf`, `NaN`: lo que daría Go con `strconv.FormatFloat(v, 'f', -1, 64)`."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    text = repr(value)
    if "e" in text:
        from decimal import Decimal

        text = format(Decimal(text), "f")
    return text[:-2] if text.endswith(".0") else text


def json_number(value: float) -> str:
    """Lo mismo en la API: lo muy grande y lo muy pequeño, con exponente (`1e-07`, `1.5e+22`)."""
    if value and math.isfinite(value) and not 1e-6 <= abs(value) < 1e21:
        text = repr(value)
        return text.replace(".0e", "e")
    return number(value)
