"""Prepara un panel: hace sus consultas y devuelve lo que el navegador dibuja.

Una gráfica viaja como `chart` (lo que dibuja `stack.web.charts`); los demás paneles, como HTML ya escrito y
escapado. `notes` son avisos que se enseñan bajo el panel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jinja2 import Environment

from stack.grafana.embedded import queries
from stack.grafana.embedded.frames import Frame
from stack.grafana.embedded.interpolation import Values, fill
from stack.grafana.embedded.models import Library, Panel
from stack.grafana.embedded.panels import bars, chart, numbers, tables, words
from stack.grafana.embedded.panels.context import Context
from stack.grafana.embedded.prometheus import Prometheus, QueryError
from stack.grafana.embedded.queries import Asking
from stack.grafana.embedded.times import BadTime, TimeRange, parse_duration

Content = Mapping[str, Any]
_WITH_DATA: dict[str, Callable[[Context], Content]] = {
    "timeseries": chart.timeseries,
    "stat": numbers.stat,
    "gauge": numbers.gauge,
    "bargauge": bars.bargauge,
    "table": tables.table,
}
KINDS = frozenset({*_WITH_DATA, "text", "row"})
_NAMES = {"graph": "timeseries", "singlestat": "stat", "table-old": "table"}


@dataclass(frozen=True, slots=True)
class View:
    """Lo que se enseña: `kind` es `chart`, `html`, `empty` o `error`."""

    kind: str
    content: Content
    notes: tuple[str, ...] = ()

    def wire(self) -> dict[str, Any]:
        """Para el navegador."""
        return {"kind": self.kind, **self.content, "notes": list(self.notes)}


class Viewer:
    """Prepara paneles con una biblioteca, un cliente y las plantillas de la aplicación."""

    def __init__(self, library: Library, client: Prometheus, templates: Environment) -> None:
        self._library, self._client, self._templates = library, client, templates

    def view(self, panel: Panel, time: TimeRange, values: Values, *, width: int = 800) -> View:
        """El panel entre esos instantes; `width` son los píxeles que ocupa. No levanta errores: los enseña."""
        kind = _NAMES.get(panel.type, panel.type)
        if kind == "text":
            return View("html", words.text(panel, values))
        if kind not in _WITH_DATA:
            known = "series temporales, número, aguja, barras, tabla y texto"
            return self._message(
                "empty",
                f"Este suplente no dibuja paneles de tipo «{panel.type}».",
                f"Sabe dibujar {known}. En el Grafana de verdad este panel se ve.",
            )
        try:
            time = _shifted(panel, time)
            frames = self._frames(panel, time, values, width)
        except QueryError as error:
            return self._message("error", error.message, error.hint, self._expressions(panel, values))
        except BadTime as error:
            return self._message("error", str(error))
        if not frames:
            return self._nothing(panel, values)
        context = Context(panel, tuple(frames), time, values, self._templates)
        content = _WITH_DATA[kind](context)
        return View("chart" if kind == "timeseries" else "html", content, tuple(_notes(panel, kind)))

    def _frames(self, panel: Panel, time: TimeRange, values: Values, width: int) -> list[Frame]:
        interval = (
            parse_duration(fill(str(panel.source["interval"]), values)) if panel.source.get("interval") else 0
        )
        points = int(panel.source.get("maxDataPoints") or max(50, min(2000, width)))
        asking = Asking(time, points, interval, values)
        frames: list[Frame] = []
        for target in panel.targets:
            reference = target.get("datasource") or panel.source.get("datasource")
            source = self._library.datasource(_filled(reference, values))
            if source is None:
                raise QueryError(
                    f"El panel pide la fuente de datos «{_name(reference)}» y no está aprovisionada.",
                    hint="Mira el uid en provisioning/datasources.",
                )
            frames += queries.run(self._client, source, target, asking)
        return frames

    def _nothing(self, panel: Panel, values: Values) -> View:
        if not panel.targets:
            return self._message("empty", "Este panel no tiene ninguna consulta.")
        return self._message(
            "empty",
            "Sin datos todavía",
            "Prometheus contestó bien y no tiene ninguna serie que encaje: o aún no ha pasado nada que contar, "
            "o no ha leído todavía el servicio que lo cuenta.",
            self._expressions(panel, values),
        )

    def _expressions(self, panel: Panel, values: Values) -> Sequence[str]:
        return [fill(str(target.get("expr") or ""), values) for target in panel.targets if target.get("expr")]

    def _message(self, kind: str, message: str, reason: str = "", expressions: Sequence[str] = ()) -> View:
        html = self._templates.get_template("panels/message.html").render(
            kind=kind, message=message, reason=reason, expressions=expressions
        )
        return View(kind, {"html": html, "message": message})


def _notes(panel: Panel, kind: str) -> list[str]:
    unknown = sorted(
        {str(item.get("id")) for item in panel.source.get("transformations") or ()} - tables.TRANSFORMATIONS
    )
    notes = [f"Sin aplicar: la transformación «{name}» no está en este suplente." for name in unknown]
    if panel.source.get("repeat"):
        notes.append("Este suplente no repite paneles por variable: se enseña una sola vez.")
    return notes


def _shifted(panel: Panel, time: TimeRange) -> TimeRange:
    if panel.source.get("timeFrom"):
        start = time.end - parse_duration(str(panel.source["timeFrom"]).removeprefix("now-"))
        time = replace(time, start=start)
    if panel.source.get("timeShift"):
        shift = parse_duration(str(panel.source["timeShift"]))
        time = TimeRange(time.start - shift, time.end - shift)
    return time


def _filled(reference: object, values: Values) -> object:
    if isinstance(reference, Mapping):
        return {key: fill(str(item), values) for key, item in reference.items() if item is not None}
    return fill(reference, values) if isinstance(reference, str) else reference


def _name(reference: object) -> str:
    return str(reference.get("uid")) if isinstance(reference, Mapping) else str(reference)
