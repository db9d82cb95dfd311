"""El panel de barras (`bargauge`): una barra por serie, del mínimo al máximo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stack.grafana.embedded.fields import css_color
from stack.grafana.embedded.panels.context import Context
from stack.grafana.embedded.panels.numbers import readings


def bargauge(context: Context) -> Mapping[str, Any]:
    """Sin un máximo puesto, la barra más larga es la del mayor valor."""
    items = list(readings(context))
    top = max((item.value for item in items if item.value is not None), default=0.0)
    rows = []
    for item in items:
        field = item.field if item.field.maximum is not None else replace(item.field, maximum=top or 1.0)
        rows.append((item, field.fraction(item.value) * 100, css_color(field.color(item.value))))
    return context.render("bargauge.html", rows=rows, vertical=context.options.get("orientation") == "vertical")
