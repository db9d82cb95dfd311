"""Lo que cada tipo de panel recibe para pintarse, y los enlaces de sus datos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment

from stack.grafana.embedded.fields import Field, resolve
from stack.grafana.embedded.frames import Frame
from stack.grafana.embedded.interpolation import Values, fill
from stack.grafana.embedded.models import Panel
from stack.grafana.embedded.times import TimeRange


@dataclass(frozen=True, slots=True)
class Context:
    """El panel, sus frames y el intervalo que se mira."""

    panel: Panel
    frames: tuple[Frame, ...]
    time: TimeRange
    values: Values
    templates: Environment

    @property
    def options(self) -> Mapping[str, Any]:
        """Las opciones propias del tipo de panel."""
        return self.panel.source.get("options") or {}

    def field(self, frame: Frame) -> Field:
        """La configuración con que se enseña `frame`."""
        return resolve(self.panel, frame)

    def name(self, frame: Frame, settings: Field) -> str:
        """Cómo se llama la serie en la página."""
        if not settings.display_name:
            return frame.name
        labels = {f"__field.labels.{key}": value for key, value in frame.labels.items()}
        own = {"__field.name": frame.name, "__series.name": frame.name, **labels}
        return fill(settings.display_name, self.values.with_builtins(own))

    def calculations(self) -> Sequence[str]:
        """Los cálculos de un panel de un solo número; por omisión, el último valor."""
        return (self.options.get("reduceOptions") or {}).get("calcs") or ("lastNotNull",)

    def render(self, template: str, **values: Any) -> Mapping[str, Any]:
        """El HTML de `panels/<template>`."""
        return {"html": self.templates.get_template(f"panels/{template}").render(**values)}


def links(
    items: Sequence[Mapping[str, Any]], values: Values, time: TimeRange, extra: Mapping[str, str] | None = None
) -> list[tuple[str, str, bool]]:
    """Los enlaces `(texto, url, pestaña nueva)` con sus variables puestas. Uno que no sea http se descarta."""
    scope = values.with_builtins({**time_builtins(time), **(extra or {})})
    result = []
    for item in items:
        url = fill(str(item.get("url") or ""), scope, link=True)
        if url and urlsplit(url).scheme in ("", "http", "https"):
            new = bool(item.get("targetBlank", item.get("oneClick", False)))
            result.append((fill(str(item.get("title") or url), scope), url, new))
    return result


def time_builtins(time: TimeRange) -> dict[str, str]:
    """`${__from}`, `${__to}` y `${__url_time_range}`."""
    return {
        "__from": str(time.start),
        "__to": str(time.end),
        "__url_time_range": f"from={time.start}&to={time.end}",
    }


def data_builtins(frame: Frame, name: str, value: float | None, at_ms: int | None, text: str) -> dict[str, str]:
    """Lo que un enlace puede decir del dato: `${__value.raw}`, `${__data.fields.trace_id}`…"""
    names = {
        "__value.raw": "" if value is None else f"{value:g}",
        "__value.numeric": "" if value is None else f"{value:g}",
        "__value.text": text,
        "__value.time": "" if at_ms is None else str(at_ms),
        "__field.name": name,
        "__series.name": name,
        "__data.refId": frame.ref_id,
    }
    for key, label in frame.labels.items():
        names[f"__field.labels.{key}"] = label
        names[f"__data.fields.{key}"] = label
    return names
