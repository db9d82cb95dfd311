"""La terminal: una consola de rich que respeta NO_COLOR, el ancho y la falta de terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

MAX_WIDTH = 100


def terminal(*, stderr: bool = False) -> Console:
    """Una consola para escribir. Sin terminal el texto sale liso y no se parte a 80 columnas sin motivo."""
    from rich.console import Console

    screen = Console(stderr=stderr, highlight=False, emoji=False, markup=False, soft_wrap=False)
    if screen.width > MAX_WIDTH:
        screen.width = MAX_WIDTH
    return screen


def number(value: float, decimals: int = 0) -> str:
    """Un número como se escribe en español: `48 213` y `0,1`."""
    text = f"{value:,.{decimals}f}"
    return text.replace(",", "\u202f").replace(".", ",")


def seconds(value: float) -> str:
    """Una duración para una persona: `14 ms`, `0,3 s`, `1 min 5 s`."""
    if value < 0.1:
        return f"{number(value * 1000)} ms"
    if value < 60:
        return f"{number(value, 1)} s"
    return f"{int(value // 60)} min {int(value % 60)} s"


def write(screen: Console, text: str | Text, style: str = "", indent: int = 0) -> None:
    """Escribe un párrafo sangrado y ajustado al ancho, sin espacios sobrantes a la derecha."""
    from rich.text import Text

    body = Text(text, style) if isinstance(text, str) else text
    for line in body.wrap(screen, max(20, screen.width - indent)):
        line.rstrip()
        screen.print(Text(" " * indent) + line, soft_wrap=True)
