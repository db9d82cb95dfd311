"""Los textos de los flujos llevan dos marcas de Markdown, porque también se leen en el sitio: aquí se pintan."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lab.render.palette import PLACE

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_MARKED = re.compile(r"`(?P<code>[^`]+)`|(?<![\w*])\*(?P<term>[^*\s](?:[^*]*[^*\s])?)\*(?![\w*])")


def marked(text: str, screen: Console) -> Text:
    """`text` con lo que va entre acentos graves de color y lo que va entre asteriscos en cursiva.

    Donde no hay estilos (una tubería, un fichero) se queda tal cual: las marcas dicen lo mismo.
    """
    from rich.text import Text

    if screen.color_system is None:
        return Text(text)
    result, position = Text(), 0
    for found in _MARKED.finditer(text):
        result.append(text[position : found.start()])
        code = found["code"]
        result.append(code or found["term"], PLACE if code else "italic")
        position = found.end()
    return result.append(text[position:])
