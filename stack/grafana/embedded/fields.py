"""La configuración de un campo: unidad, umbrales, textos y enlaces, con sus excepciones por nombre.

https://grafana.com/docs/grafana/latest/panels-visualizations/configure-standard-options/
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stack.grafana.embedded.frames import Frame
from stack.grafana.embedded.models import Panel
from stack.web.units import format_value

_COLORS = {
    "green": "ok",
    "yellow": "warn",
    "orange": "3",
    "red": "bad",
    "blue": "1",
    "purple": "4",
    "text": "ink-soft",
}
_PREFIXES = ("super-light-", "light-", "semi-dark-", "dark-")


def color_of(name: str) -> str:
    """El color de Grafana (`green`, `dark-red`, `#ff0000`) como lo entienden nuestras páginas."""
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    if name in _COLORS:
        return _COLORS[name]
    return name if re.fullmatch(r"#[0-9a-fA-F]{3,8}", name) else "ink-soft"


def css_color(name: str) -> str:
    """Ese color como valor de CSS: una variable de la hoja de estilo o el color tal cual."""
    if name.startswith("#"):
        return name
    return f"var(--s{name})" if name.isdigit() else f"var(--{name})"


@dataclass(frozen=True, slots=True)
class Field:
    """Cómo se enseña una serie de un panel."""

    unit: str = "short"
    decimals: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    display_name: str = ""
    no_value: str = ""
    color_mode: str = "palette-classic"
    fixed_color: str = ""
    thresholds_mode: str = "absolute"
    steps: Sequence[tuple[float, str]] = ((float("-inf"), "ok"),)
    mappings: Sequence[Mapping[str, Any]] = ()
    links: Sequence[Mapping[str, Any]] = ()
    custom: Mapping[str, Any] = field(default_factory=dict)

    def text(self, value: float | None) -> str:
        """El valor escrito: su texto propio si lo tiene, o el número con la unidad."""
        mapped = self._mapping(value)
        if mapped and mapped.get("text"):
            return str(mapped["text"])
        if value is None and self.no_value:
            return self.no_value
        return format_value(value, self.unit, self.decimals)

    def color(self, value: float | None) -> str:
        """El color que toca por su valor: `ok`, `warn`, `bad`, `1`…`8` o `#rrggbb`."""
        mapped = self._mapping(value)
        if mapped and mapped.get("color"):
            return color_of(str(mapped["color"]))
        if self.color_mode == "fixed" and self.fixed_color:
            return color_of(self.fixed_color)
        if value is None:
            return "ink-soft"
        reached = self.fraction(value) * 100 if self.thresholds_mode == "percentage" else value
        return next((color for limit, color in reversed(self.steps) if reached >= limit), "ink-soft")

    def fraction(self, value: float | None) -> float:
        """Dónde cae el valor entre el mínimo y el máximo, de 0 a 1."""
        low = self.minimum or 0.0
        high = self.maximum if self.maximum is not None else 100.0
        if value is None or high <= low:
            return 0.0
        return min(1.0, max(0.0, (value - low) / (high - low)))

    def _mapping(self, value: float | None) -> Mapping[str, Any] | None:
        for mapping in self.mappings:
            options = mapping.get("options") or {}
            kind = mapping.get("type")
            if kind == "value" and value is not None:
                for key, result in options.items():
                    if _number(key) == value:
                        return dict(result)
            elif kind == "range" and value is not None:
                low, high = _number(options.get("from")), _number(options.get("to"))
                if (low is None or value >= low) and (high is None or value <= high):
                    return dict(options.get("result") or {})
            elif (
                kind == "special"
                and value is None
                and options.get("match") in ("null", "nan", "null+nan", "empty")
            ):
                return dict(options.get("result") or {})
        return None


def resolve(panel: Panel, frame: Frame) -> Field:
    """La configuración que le toca a `frame`: la general del panel y, encima, cada excepción que le encaje."""
    config = panel.source.get("fieldConfig") or {}
    options = dict(config.get("defaults") or {})
    custom = dict(options.get("custom") or {})
    for override in config.get("overrides") or ():
        if _matches(override.get("matcher") or {}, frame):
            for item in override.get("properties") or ():
                name, value = str(item.get("id", "")), item.get("value")
                if name.startswith("custom."):
                    custom[name.removeprefix("custom.")] = value
                else:
                    options[name] = value
    return _field(options, custom)


def _field(options: Mapping[str, Any], custom: Mapping[str, Any]) -> Field:
    thresholds = options.get("thresholds") or {}
    steps = [
        (_number(step.get("value")), color_of(str(step.get("color"))))
        for step in thresholds.get("steps") or ({"value": None, "color": "green"},)
    ]
    color = options.get("color") or {}
    decimals = options.get("decimals")
    return Field(
        unit=str(options.get("unit") or "short"),
        decimals=None if decimals is None else int(decimals),
        minimum=_number(options.get("min")),
        maximum=_number(options.get("max")),
        display_name=str(options.get("displayName") or ""),
        no_value=str(options.get("noValue") or ""),
        color_mode=str(color.get("mode") or "palette-classic"),
        fixed_color=str(color.get("fixedColor") or ""),
        thresholds_mode=str(thresholds.get("mode") or "absolute"),
        steps=sorted((float("-inf") if limit is None else limit, color) for limit, color in steps),
        mappings=options.get("mappings") or (),
        links=options.get("links") or (),
        custom=custom,
    )


def _matches(matcher: Mapping[str, Any], frame: Frame) -> bool:
    wanted = matcher.get("options")
    match matcher.get("id"):
        case "byName":
            return wanted == frame.name
        case "byRegexp":
            text = str(wanted or "")
            if text.startswith("/"):
                text = text[1:].rpartition("/")[0] or text[1:]
            try:
                return re.search(text, frame.name) is not None
            except re.error:
                return False
        case "byFrameRefID":
            return wanted == frame.ref_id
        case "byType":
            return wanted == "number"
    return False


def _number(value: object) -> float | None:
    try:
        return None if value is None else float(str(value))
    except ValueError:
        return None
