"""`file_sd_configs` y `http_sd_configs`: listas de objetivos que otro escribe en un fichero o publica en una URL.

Siguen https://prometheus.io/docs/prometheus/latest/configuration/configuration/#file_sd_config y …/http_sd/.
Prometheus se entera de que un fichero cambia por el sistema operativo; aquí se mira cada segundo.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from stack.prometheus.embedded import fields
from stack.prometheus.embedded.fetching import ScrapeFailed, fetch
from stack.prometheus.embedded.fields import ConfigProblem, duration_s

_SUFFIXES = (".json", ".yml", ".yaml")

Found = list[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class FileDiscovery:
    """Los ficheros que casan con `patterns`, buscados desde `folder`."""

    folder: Path
    patterns: tuple[str, ...]
    refresh_s: float
    _known: dict[Path, tuple[float, Found]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def name(self) -> str:
        """Cómo se llama en un mensaje."""
        return f"la lista de objetivos {', '.join(self.patterns)}"

    async def find(self) -> Found:
        """Los objetivos de todos los ficheros.

        Raises:
            OSError, ValueError: uno no se puede leer o no tiene la forma debida.
        """
        found: Found = []
        paths = {path for pattern in self.patterns for path in self.folder.glob(pattern)}
        for path in sorted(paths):
            changed = path.stat().st_mtime
            known = self._known.get(path)
            if known is None or known[0] != changed:
                text = path.read_text("utf-8")
                document = json.loads(text) if path.suffix == ".json" else _yaml(text, path.name)
                known = self._known[path] = changed, read_groups(document, {"__meta_filepath": str(path)})
            found += known[1]
        return found


@dataclass(frozen=True, slots=True)
class HttpDiscovery:
    """Una URL que contesta la lista en JSON."""

    url: str
    refresh_s: float

    @property
    def name(self) -> str:
        """Cómo se llama en un mensaje."""
        return f"la lista de objetivos {self.url}"

    async def find(self) -> Found:
        """Los objetivos que dice ahora.

        Raises:
            OSError, ValueError, ScrapeFailed: no contesta, o no una lista en JSON.
        """
        kind, body = await fetch(self.url)
        if (kind or "").partition(";")[0].strip().lower() != "application/json":
            raise ScrapeFailed(
                f"contestó con Content-Type «{kind or 'ninguno'}», y tiene que ser application/json"
            )
        return read_groups(json.loads(body), {"__meta_url": self.url})


def read_groups(document: Any, meta: Mapping[str, str]) -> Found:
    """Los objetivos de una lista de `{"targets": […], "labels": {…}}`; `ValueError` si no lo es."""
    found: Found = []
    for group in document if isinstance(document, list) else [None]:
        targets = group.get("targets") if isinstance(group, dict) else None
        labels = (group.get("labels") or {}) if isinstance(group, dict) else None
        if not isinstance(targets, list) or not isinstance(labels, dict):
            raise ValueError('se esperaba una lista de {"targets": […], "labels": {…}}')
        found += [{"__address__": str(one), **meta, **{k: str(v) for k, v in labels.items()}} for one in targets]
    return found


def read_file(item: Any, where: str, folder: Path) -> FileDiscovery:
    """Un elemento de `file_sd_configs`; `ConfigProblem` con la ruta de lo que no vale."""
    item = fields.block(item, {"files", "refresh_interval"}, where)
    patterns = []
    for path, pattern in fields.many(item, "files", where):
        if not isinstance(pattern, str) or not pattern.endswith(_SUFFIXES) or Path(pattern).is_absolute():
            raise ConfigProblem(f"{path}: «{pattern}» no es un .json o .yml al lado de prometheus.yml")
        patterns.append(pattern)
    if not patterns:
        raise ConfigProblem(f"{where}.files: falta decir qué ficheros")
    return FileDiscovery(folder, tuple(patterns), min(1.0, _refresh(item, "5m", where)))


def read_http(item: Any, where: str) -> HttpDiscovery:
    """Un elemento de `http_sd_configs`; `ConfigProblem` con la ruta de lo que no vale."""
    item = fields.block(item, {"url", "refresh_interval"}, where)
    url = fields.text(item, "url", "", where)
    if not url.startswith("http://"):
        raise ConfigProblem(f"{where}.url: este Prometheus didáctico solo pregunta por http://, y pone «{url}»")
    return HttpDiscovery(url, _refresh(item, "60s", where))


def _refresh(item: Mapping[str, Any], default: str, where: str) -> float:
    seconds = duration_s(item.get("refresh_interval", default), f"{where}.refresh_interval")
    if seconds <= 0:
        raise ConfigProblem(f"{where}.refresh_interval: tiene que ser mayor que cero")
    return seconds


def _yaml(text: str, name: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{name} no es YAML válido") from error
