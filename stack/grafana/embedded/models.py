"""Lo que Grafana sabe: fuentes de datos, tableros y paneles. Sin HTTP."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Datasource:
    """Una fuente de datos aprovisionada. `json_data` son sus opciones (`timeInterval`, `httpMethod`…)."""

    id: int
    uid: str
    name: str
    type: str
    url: str
    access: str = "proxy"
    default: bool = False
    read_only: bool = True
    json_data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Panel:
    """Un panel: su JSON y los datos que hacen falta para colocarlo."""

    id: int
    type: str
    title: str
    source: Mapping[str, Any]

    @property
    def grid(self) -> tuple[int, int, int, int]:
        """`(x, y, ancho, alto)` en la rejilla de 24 columnas."""
        pos = self.source.get("gridPos") or {}
        x, y, w, h = (int(pos.get(key, default)) for key, default in (("x", 0), ("y", 0), ("w", 12), ("h", 8)))
        return max(0, min(23, x)), max(0, y), max(1, min(24 - min(23, max(0, x)), w)), max(1, h)

    @property
    def targets(self) -> Sequence[Mapping[str, Any]]:
        """Las consultas que se ven (sin las escondidas)."""
        return [target for target in self.source.get("targets") or () if not target.get("hide")]


@dataclass(frozen=True, slots=True)
class Section:
    """Los paneles bajo una fila. La primera puede no tener fila (`row` es `None`)."""

    row: Panel | None
    collapsed: bool
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Un tablero y el fichero del que se leyó."""

    id: int
    uid: str
    title: str
    source: Mapping[str, Any]
    file: str
    folder: str = ""

    @property
    def slug(self) -> str:
        """El título como se escribe en un URL."""
        return slugify(self.title)

    @property
    def url(self) -> str:
        """La ruta de su página."""
        return f"/d/{self.uid}/{self.slug}"

    @property
    def tags(self) -> Sequence[str]:
        """Sus etiquetas."""
        return [str(tag) for tag in self.source.get("tags") or ()]

    def panels(self) -> Iterator[Panel]:
        """Todos los paneles que no son filas, también los de las filas plegadas."""
        for section in self.sections():
            yield from section.panels

    def panel(self, panel_id: int) -> Panel | None:
        """El panel con ese id, o `None`."""
        return next((panel for panel in self.panels() if panel.id == panel_id), None)

    def sections(self) -> Sequence[Section]:
        """Los paneles repartidos por filas, en el orden de la rejilla."""
        ordered = sorted(_panels(self.source.get("panels") or ()), key=lambda p: (p.grid[1], p.grid[0]))
        sections: list[Section] = []
        row: Panel | None = None
        own: list[Panel] = []
        for panel in ordered:
            if panel.type == "row":
                if row or own:
                    sections.append(_section(row, own))
                row, own = panel, []
            else:
                own.append(panel)
        if row or own:
            sections.append(_section(row, own))
        return sections


def _section(row: Panel | None, own: list[Panel]) -> Section:
    collapsed = bool(row and row.source.get("collapsed"))
    nested = _panels(row.source.get("panels") or ()) if row else ()
    return Section(row, collapsed, (*own, *nested))


def _panels(items: Iterable[Mapping[str, Any]]) -> Iterator[Panel]:
    for item in items:
        yield Panel(int(item.get("id") or 0), str(item.get("type", "")), str(item.get("title", "")), item)


def slugify(text: str) -> str:
    """«Subida de avatár» → `subida-de-avatar`."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "tablero"


@dataclass(frozen=True, slots=True)
class Library:
    """Todo lo aprovisionado. No cambia mientras el proceso corre."""

    datasources: tuple[Datasource, ...] = ()
    dashboards: tuple[Dashboard, ...] = ()

    def dashboard(self, uid: str) -> Dashboard | None:
        """El tablero con ese uid, o `None`."""
        return next((item for item in self.dashboards if item.uid == uid), None)

    def datasource(self, reference: object) -> Datasource | None:
        """La fuente a que se refiere un panel: `{type, uid}`, un uid, un nombre o nada (la de por omisión)."""
        uid = reference.get("uid") if isinstance(reference, Mapping) else reference
        if uid in (None, "", "default", "-- Mixed --"):
            kind = reference.get("type") if isinstance(reference, Mapping) else None
            chosen = [item for item in self.datasources if item.default] or list(self.datasources)
            return next((item for item in chosen if kind in (None, "", "datasource", item.type)), None)
        return next((item for item in self.datasources if uid in (item.uid, item.name)), None)
