"""El panel de tabla: una fila por serie con sus etiquetas, y las transformaciones `merge` y `organize`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from stack.grafana.embedded.fields import css_color
from stack.grafana.embedded.frames import Frame
from stack.grafana.embedded.panels.context import Context, data_builtins, links

TRANSFORMATIONS = frozenset({"merge", "organize"})
_MOST_ROWS = 500
_MONTHS = ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic")


@dataclass(frozen=True, slots=True)
class Cell:
    """Una celda ya escrita."""

    text: str
    number: bool = False
    color: str = ""
    bar: float | None = None
    link: tuple[str, str, bool] | None = None
    order: float | str = ""


Row = dict[str, Cell]


def table(context: Context) -> Mapping[str, Any]:
    """Las columnas son la hora, cada etiqueta y el valor de cada consulta."""
    several = len({frame.ref_id for frame in context.frames}) > 1
    wanted = [item for item in context.panel.source.get("transformations") or () if not item.get("disabled")]
    merging = any(item.get("id") == "merge" for item in wanted)
    rows: list[Row] = []
    for frame in context.frames:
        rows += _rows(context, frame, f"Value #{frame.ref_id}" if several else "Value")
    if merging:
        rows = _merged(rows)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    for item in wanted:
        if item.get("id") == "organize":
            columns, rows = _organized(columns, rows, item.get("options") or {})
    for sort in reversed(context.options.get("sortBy") or ()):
        rows = _sorted(rows, str(sort.get("displayName", "")), descending=bool(sort.get("desc")))
    return context.render(
        "table.html",
        columns=[(_column(name), any(row[name].number for row in rows if name in row)) for name in columns],
        rows=[[row.get(name) for name in columns] for row in rows[:_MOST_ROWS]],
        more=max(0, len(rows) - _MOST_ROWS),
    )


def _rows(context: Context, frame: Frame, value_name: str) -> list[Row]:
    field = context.field(replace(frame, name=value_name))
    kind = (field.custom.get("cellOptions") or {}).get("type", "auto")
    # De una serie con muchos puntos la tabla enseña todos si se pidió como serie; instantánea trae uno solo.
    result = []
    for at, value in zip(frame.times, frame.values, strict=True):
        text = field.text(value)
        color = css_color(field.color(value)) if kind in ("color-text", "color-background", "gauge") else ""
        extra = data_builtins(frame, frame.name, value, at, text)
        row: Row = {"Time": Cell(_clock(at), order=at)}
        row |= {key: Cell(label, order=label) for key, label in frame.labels.items()}
        found = links(field.links, context.values, context.time, extra)
        row[value_name] = Cell(
            text,
            number=True,
            color=color,
            bar=field.fraction(value) * 100 if kind == "gauge" else None,
            link=found[0] if found else None,
            order=float("-inf") if value is None else value,
        )
        for key, cell in row.items():
            own = context.field(replace(frame, name=key)) if not cell.number else field
            if not cell.number and own.links != field.links:
                found = links(own.links, context.values, context.time, {**extra, "__value.raw": cell.text})
                row[key] = replace(cell, link=found[0] if found else None)
        result.append(row)
    return result


def _merged(rows: Sequence[Row]) -> list[Row]:
    """Junta las filas que coinciden en todo menos en sus números, como la transformación *merge*."""
    merged: dict[tuple[tuple[str, str], ...], Row] = {}
    for row in rows:
        key = tuple(sorted((name, cell.text) for name, cell in row.items() if not cell.number))
        merged.setdefault(key, {}).update(row)
    return list(merged.values())


def _organized(
    columns: Sequence[str], rows: Sequence[Row], options: Mapping[str, Any]
) -> tuple[list[str], list[Row]]:
    excluded = {name for name, hidden in (options.get("excludeByName") or {}).items() if hidden}
    order = {name: int(index) for name, index in (options.get("indexByName") or {}).items()}
    renamed = {name: str(new) for name, new in (options.get("renameByName") or {}).items() if new}
    kept = sorted((name for name in columns if name not in excluded), key=lambda name: order.get(name, len(order)))
    return [renamed.get(name, name) for name in kept], [
        {renamed.get(name, name): row[name] for name in kept if name in row} for row in rows
    ]


def _sorted(rows: Sequence[Row], name: str, *, descending: bool) -> list[Row]:
    return sorted(rows, key=lambda row: _order(row.get(name)), reverse=descending)


def _order(cell: Cell | None) -> tuple[int, float, str]:
    if cell is None:
        return (0, 0.0, "")
    return (1, float(cell.order), "") if isinstance(cell.order, int | float) else (2, 0.0, cell.order)


def _column(name: str) -> str:
    return {"Time": "Hora", "Value": "Valor"}.get(name, name.replace("Value #", "Valor "))


def _clock(at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms / 1000)
    return f"{at.day} {_MONTHS[at.month - 1]}, {at:%H:%M:%S}"
