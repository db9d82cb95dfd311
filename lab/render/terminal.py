"""La terminal: una consola de rich que respeta NO_COLOR y el ancho, y cómo se parte un párrafo para que quepa."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from stack.spanish import number

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

MAX_WIDTH = 100
MIN_WIDTH = 20
ROOMY = 80
"""Desde cuántas columnas caben las tablas enteras."""

_GLUE = "\u00a0"
_GLUED = re.compile(r"(?<=\d) (?=(?:bytes|GB|MB|kB|min|ms|s|h|€)(?!\w))| (?=· )|(?<=\d) (?=\()")


def terminal(*, stderr: bool = False) -> Console:
    """Una consola para escribir. Sin terminal el texto sale liso, a 80 columnas o a las que diga `COLUMNS`."""
    from rich.console import Console

    screen = Console(stderr=stderr, highlight=False, emoji=False, markup=False, soft_wrap=False)
    if screen.width > MAX_WIDTH:
        screen.width = MAX_WIDTH
    return screen


def megabytes(value: float) -> str:
    """Memoria o disco: `353 MB`, `1,2 GB`."""
    return f"{number(value)} MB" if value < 1000 else f"{number(value / 1000, 1)} GB"


def activation() -> str | None:
    """Lo que hay que escribir antes en esta terminal para que exista la orden `stacklab`; `None` si ya existe."""
    import shutil
    import sys
    from pathlib import Path

    script = Path(sys.prefix, "bin", "activate")
    if shutil.which("stacklab") or not script.is_file():
        return None
    return f"source {script.relative_to(Path.cwd()) if script.is_relative_to(Path.cwd()) else script}"


def order(command: str) -> str:
    """Una orden dentro de una frase: no se parte al final de una línea, para que se pueda copiar."""
    return command.replace(" ", _GLUE)


def write(screen: Console, text: str | Text, style: str = "", indent: int = 0, hang: int = 0) -> None:
    """Escribe un párrafo sangrado y ajustado al ancho; desde la segunda línea, `hang` columnas más adentro.

    Si la terminal es tan estrecha que con esa sangría no queda sitio para leer, se sangra lo justo.
    """
    from rich.text import Text

    body = Text(text, style) if isinstance(text, str) else text
    width = max(MIN_WIDTH, screen.width - indent)
    if width - hang < MIN_WIDTH:
        hang = min(hang, 2)
    for position, line in enumerate(wrap(body, width, hang)):
        # La que no cabe entera (una dirección) se acerca al margen cuanto pueda.
        margin = min(indent + (hang if position else 0), max(0, screen.width - line.cell_len))
        screen.print(Text(" " * margin) + line, soft_wrap=True)


def wrap(text: Text, width: int, hang: int = 0) -> list[Text]:
    """`text` en líneas de hasta `width` columnas (`hang` menos desde la segunda).

    Solo se parte por espacios corrientes. El `Text.wrap` de rich parte por cualquier espacio, también el que
    separa los millares y el que hay entre un número y su unidad; y una dirección larga la corta, con lo que deja
    de poderse abrir. Aquí una dirección que no cabe se deja salir: la terminal la dobla y sigue siendo una.
    """
    lines = [line for paragraph in text.split("\n", allow_blank=True) for line in _fill(paragraph, width, hang)]
    for line in lines:
        line.plain = line.plain.replace(_GLUE, " ")
    return lines


def _fill(text: Text, width: int, hang: int) -> Iterator[Text]:
    from rich.cells import cell_len

    begin = end = 0
    room = width
    for start, stop in _pieces(_GLUED.sub(_GLUE, text.plain), width - hang):
        if cell_len(text.plain[begin:stop]) > room:
            if end:
                yield text[begin:end]
                room = width - hang
            begin = start
        end = stop
    yield text[begin:end]


def _pieces(plain: str, longest: int) -> Iterator[tuple[int, int]]:
    """Dónde empieza y acaba cada palabra; las de más de `longest` columnas, a trozos, menos las direcciones."""
    from rich.cells import cell_len

    for word in re.finditer("[^ ]+", plain):
        start, stop = word.span()
        if "://" not in word[0]:
            while cell_len(plain[start:stop]) > longest:
                cut = start + longest
                while cell_len(plain[start:cut]) > longest:
                    cut -= 1
                yield start, cut
                start = cut
        yield start, stop
