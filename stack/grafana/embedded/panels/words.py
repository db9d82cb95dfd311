"""El panel de texto: Markdown sin HTML. Lo que no es Markdown se enseña escapado, nunca se ejecuta."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from html import escape
from typing import Any

from markdown_it import MarkdownIt

from stack.grafana.embedded.interpolation import Values, fill
from stack.grafana.embedded.models import Panel


@cache
def _markdown() -> MarkdownIt:
    # Con `html: False` las etiquetas salen escapadas; los enlaces `javascript:` los descarta la biblioteca.
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


def text(panel: Panel, values: Values) -> Mapping[str, Any]:
    """El HTML del panel. `mode: code` se enseña tal cual; `mode: html`, también, escapado."""
    options = panel.source.get("options") or {}
    content = fill(str(options.get("content") or ""), values)
    if options.get("mode", "markdown") == "markdown":
        return {"html": f'<div class="prose">{_markdown().render(content)}</div>'}
    return {"html": f"<pre><code>{escape(content)}</code></pre>"}
