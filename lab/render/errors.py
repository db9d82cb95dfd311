"""Los errores: causa, qué significa y la orden siguiente, por la salida de errores."""

from __future__ import annotations

from lab.render.logs import quote
from lab.render.palette import BAD, PLACE
from lab.render.terminal import activation, order, terminal, write
from stack.errors import StacklabError


def show(error: StacklabError) -> None:
    """Escribe `error` para una persona."""
    from rich.text import Text

    screen = terminal(stderr=True)
    write(screen, Text.assemble(("✘ ", f"bold {BAD}"), (_sentence(error.cause), "bold")), hang=2)
    if error.meaning:
        for paragraph in error.meaning.splitlines():
            write(screen, paragraph, indent=2)
    quote(screen, error.details, 2)
    if error.command:
        screen.print(Text.assemble("  Prueba: ", (error.command, f"bold {PLACE}")), soft_wrap=True)
        if error.command.startswith("stacklab ") and (before := activation()):
            write(screen, f"Antes, una vez en esta terminal: {order(before)}", "dim", indent=2)


def _sentence(text: str) -> str:
    # «n8n», «flujo-b» o «--port» se escriben así también al empezar.
    if text.partition(" ")[0].isalpha():
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!", "…")) else f"{text}."
