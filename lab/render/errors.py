"""Los errores: causa, qué significa y la orden siguiente, por la salida de errores."""

from __future__ import annotations

from lab.render.terminal import terminal
from stack.errors import StacklabError


def show(error: StacklabError) -> None:
    """Escribe `error` para una persona."""
    from rich.padding import Padding
    from rich.text import Text

    screen = terminal(stderr=True)
    screen.print(Text.assemble(("✘ ", "bold red"), (_sentence(error.cause), "bold")))
    if error.meaning:
        screen.print(Padding(Text(error.meaning), (0, 0, 0, 2)))
    if error.command:
        screen.print(Padding(Text.assemble("Prueba: ", (error.command, "bold cyan")), (0, 0, 0, 2)))


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!", "…")) else f"{text}."
