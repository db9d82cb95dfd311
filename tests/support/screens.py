"""Una pantalla de mentira: lo que se escribe en ella se lee como texto, al ancho que se quiera."""

from __future__ import annotations

import io
import re

from rich.console import Console


def screen(width: int = 80, *, terminal: bool = False) -> Console:
    """Una consola que guarda lo que se le escribe; con `terminal`, con colores, como en una de verdad."""
    return Console(
        file=io.StringIO(),
        width=width,
        force_terminal=terminal,
        color_system="256" if terminal else None,
        highlight=False,
        markup=False,
    )


def written(console: Console) -> str:
    """Lo escrito, con sus secuencias de color."""
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def lines(console: Console) -> list[str]:
    """Las líneas escritas, sin colores."""
    return re.sub(r"\x1b\[[0-9;]*m", "", written(console)).splitlines()
