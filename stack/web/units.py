"""Números con su unidad, escritos como se leen en español: «1,25 s», «48,2 kB», «12 300».

Una unidad es una escalera de peldaños; se usa el más alto al que el valor llega. Los nombres son los de
Grafana (`s`, `bytes`, `percentunit`…). La misma tabla viaja al navegador (`stack.web.charts`), donde
`charts.js` formatea los ejes y los rótulos con la misma regla.
https://grafana.com/docs/grafana/latest/panels-visualizations/configure-standard-options/#unit
"""

from __future__ import annotations

import math
from typing import NamedTuple

from stack.spanish import THIN_SPACE


class Step(NamedTuple):
    """Un peldaño: desde `limit` (en valor absoluto) se divide por `divisor` y se añade `suffix`."""

    limit: float
    divisor: float
    suffix: str


_DURATION = (
    Step(0, 1e-9, "ns"),
    Step(1e-6, 1e-6, "µs"),
    Step(1e-3, 1e-3, "ms"),
    Step(1, 1, "s"),
    Step(60, 60, "min"),
    Step(3600, 3600, "h"),
    Step(86400, 86400, "d"),
)


def _powers(base: float, *suffixes: str) -> tuple[Step, ...]:
    return tuple(Step(base**i if i else 0, base**i, suffix) for i, suffix in enumerate(suffixes))


def _shifted(steps: tuple[Step, ...], factor: float) -> tuple[Step, ...]:
    return tuple(Step(limit * factor, divisor * factor, suffix) for limit, divisor, suffix in steps)


def _rate(suffix: str) -> tuple[Step, ...]:
    return (Step(0, 1, suffix), Step(1e4, 1e3, f"mil {suffix}"), Step(1e6, 1e6, f"M {suffix}"))


UNITS: dict[str, tuple[Step, ...]] = {
    "none": (Step(0, 1, ""),),
    "short": (Step(0, 1, ""), Step(1e5, 1e3, "mil"), Step(1e6, 1e6, "M"), Step(1e9, 1e9, "mil M")),
    "percent": (Step(0, 1, "%"),),
    "percentunit": (Step(0, 0.01, "%"),),
    "s": _DURATION,
    "ms": _shifted(_DURATION, 1e3),
    "µs": _shifted(_DURATION, 1e6),
    "ns": _shifted(_DURATION, 1e9),
    "bytes": _powers(1024, "B", "KiB", "MiB", "GiB", "TiB"),
    "decbytes": _powers(1000, "B", "kB", "MB", "GB", "TB"),
    "binBps": _powers(1024, "B/s", "KiB/s", "MiB/s", "GiB/s"),
    "Bps": _powers(1000, "B/s", "kB/s", "MB/s", "GB/s"),
    "reqps": _rate("pet./s"),
    "ops": _rate("op./s"),
    "rps": _rate("lect./s"),
    "wps": _rate("escr./s"),
    "cps": _rate("/s"),
    "mps": _rate("mens./s"),
}


def steps_of(unit: str) -> tuple[Step, ...]:
    """La escalera de `unit`. `suffix:texto` es una unidad libre; una que no se conoce se queda sin sufijo."""
    if unit.startswith("suffix:"):
        return (Step(0, 1, unit.removeprefix("suffix:")),)
    return UNITS.get(unit, UNITS["short"])


def format_value(value: float | None, unit: str = "short", decimals: int | None = None) -> str:
    """`value` escrito para una persona.

    Sin `decimals` se dejan unas tres cifras significativas y se quitan los ceros del final. `None` y NaN
    son una raya.
    """
    if value is None or math.isnan(value):
        return "—"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    steps = steps_of(unit)
    step = next((step for step in reversed(steps) if abs(value) >= step.limit), steps[0])
    if value == 0:  # «0 s», no «0 ns»
        step = min(steps, key=lambda candidate: abs(math.log10(candidate.divisor)))
    number = format_number(value / step.divisor, decimals)
    gap = THIN_SPACE if step.suffix == "%" else "\u00a0"
    return f"{number}{gap}{step.suffix}" if step.suffix else number


def format_number(value: float, decimals: int | None = None) -> str:
    """`12345.678` → «12 346»; coma decimal y espacio fino de millares a partir de cinco cifras."""
    if decimals is None:
        size = abs(value)
        wanted = 0 if size >= 100 or size == 0 else 1 if size >= 10 else 2
        if 0 < size < 1:
            wanted = min(12, 2 - math.floor(math.log10(size)))
        text = f"{value:.{wanted}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    else:
        text = f"{value:.{max(0, decimals)}f}"
    whole, dot, fraction = text.lstrip("-").partition(".")
    if len(whole) > 4:
        whole = f"{int(whole):,}".replace(",", THIN_SPACE)
    sign = "−" if text.startswith("-") and (whole.strip("0") or fraction.strip("0")) else ""
    return f"{sign}{whole}{',' if dot else ''}{fraction}"
