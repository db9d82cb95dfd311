"""Números, tamaños y plazos escritos como se leen en español.

Los miles se separan con un espacio estrecho que no se parte, y solo desde cinco cifras; los decimales, con coma.
"""

from __future__ import annotations

THIN_SPACE = "\u202f"


def number(value: float, decimals: int = 0) -> str:
    """`4821`, `48 213`, y con `decimals=1`, `0,1`."""
    grouping = "," if abs(value) >= 10_000 else ""
    text = f"{value:{grouping}}" if isinstance(value, int) and not decimals else f"{value:{grouping}.{decimals}f}"
    return text.replace(",", THIN_SPACE).replace(".", ",")


def seconds(value: float) -> str:
    """Una duración para una persona: `14 ms`, `0,3 s`, `1 min 5 s`."""
    if value < 0.1:
        return f"{number(value * 1000)} ms"
    if value < 60:
        return f"{number(value, 1)} s"
    return f"{int(value // 60)} min {int(value % 60)} s"


def in_bytes(content: bytes) -> str:
    """Lo que ocupa `content`: `48 213 bytes`."""
    return f"{number(len(content))} bytes"
