"""Los programas reales que vienen dentro de una rueda de pip: dónde está el binario y qué versión es.

Una rueda no tiene por qué traer un módulo que importar (la de SeaweedFS solo trae el binario), así que se lee
lo que dejó el instalador: la carpeta `<nombre>-<versión>.dist-info` y su lista `RECORD` de ficheros
(https://packaging.python.org/en/latest/specifications/recording-installed-packages/). Se hace a mano, y no con
`importlib.metadata`, porque esto se ejecuta en cada orden y aquel módulo tarda más que todo lo demás.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path


def version(distribution: str) -> str | None:
    """La versión instalada de `distribution` («9.1.2»), o `None` si no está."""
    folder = _dist_info(distribution)
    return folder.name.removesuffix(".dist-info").split("-", 1)[1] if folder else None


def short_version(distribution: str) -> str:
    """Solo los dos primeros números («9.1»), para enseñarlos; vacío si no está instalada."""
    return ".".join((version(distribution) or "").split(".")[:2])


def program(distribution: str, name: str) -> Path | None:
    """La ruta del ejecutable `name` que trae `distribution`, o `None` si no está.

    Si además del programa trae un guion que lo llama (el de OpenBao está en `bin/` con su mismo nombre), se salta.
    """
    folder = _dist_info(distribution)
    if folder is None:
        return None
    with (folder / "RECORD").open(encoding="utf-8", newline="") as record:
        for row in csv.reader(record):
            if Path(row[0]).name in (name, f"{name}.exe"):
                path = (folder.parent / row[0]).resolve()
                if path.is_file() and not _is_script(path):
                    return path
    return None


def _is_script(path: Path) -> bool:
    with path.open("rb") as content:
        return content.read(2) == b"#!"


def _dist_info(distribution: str) -> Path | None:
    # El nombre de la carpeta lleva guiones bajos donde el de la distribución lleva guiones.
    prefix = distribution.replace("-", "_").lower() + "-"
    for entry in sys.path:
        folder = Path(entry or ".")
        if folder.name not in ("site-packages", "dist-packages"):
            continue
        for candidate in folder.glob("*.dist-info"):
            if candidate.name.lower().startswith(prefix) and (candidate / "RECORD").is_file():
                return candidate
    return None
