"""Lee lo que Grafana lee al arrancar: `provisioning/datasources`, `provisioning/dashboards` y los tableros.

https://grafana.com/docs/grafana/latest/administration/provisioning/
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from stack.grafana.embedded.models import Dashboard, Datasource, Library

_VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)\}|(\w+))")


class ProvisioningError(ValueError):
    """Un fichero de aprovisionamiento que no se puede usar; el mensaje dice cuál y por qué."""


def load(folder: Path, environment: Mapping[str, str] | None = None) -> Library:
    """Todo lo que hay en `folder/provisioning`; `ProvisioningError` si algo está mal.

    `environment` son las variables con que se rellenan `$NOMBRE` y `${NOMBRE}`; `$$` es un dólar.
    """
    names = os.environ if environment is None else environment
    return Library(
        datasources=tuple(_datasources(folder / "provisioning" / "datasources", names)),
        dashboards=tuple(_dashboards(folder / "provisioning" / "dashboards", names)),
    )


def expand(value: Any, names: Mapping[str, str]) -> Any:
    """Rellena las variables de entorno de un documento entero, como hace Grafana al leerlo."""
    if isinstance(value, str):
        return _VARIABLE.sub(lambda m: "$" if m[1] else names.get(m[2] or m[3], ""), value)
    if isinstance(value, dict):
        return {key: expand(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [expand(item, names) for item in value]
    return value


def _documents(folder: Path, names: Mapping[str, str]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        try:
            document = expand(yaml.safe_load(path.read_text("utf-8")), names)
        except yaml.YAMLError as error:
            raise ProvisioningError(f"{path.name} no es YAML válido: {error}") from error
        if not isinstance(document, dict):
            raise ProvisioningError(f"{path.name} está vacío o no es un objeto")
        yield path, document


def _datasources(folder: Path, names: Mapping[str, str]) -> Iterator[Datasource]:
    seen: set[str] = set()
    number = 0
    for path, document in _documents(folder, names):
        for item in document.get("datasources") or ():
            number += 1
            missing = [key for key in ("name", "type") if not item.get(key)]
            if missing:
                raise ProvisioningError(f"{path.name}: la fuente de datos {number} no tiene «{missing[0]}»")
            uid = str(item.get("uid") or item["name"])
            if uid in seen:
                raise ProvisioningError(f"{path.name}: hay dos fuentes de datos con el uid «{uid}»")
            seen.add(uid)
            yield Datasource(
                id=number,
                uid=uid,
                name=str(item["name"]),
                type=str(item["type"]),
                url=str(item.get("url") or "").rstrip("/"),
                access=str(item.get("access") or "proxy"),
                default=bool(item.get("isDefault")),
                read_only=not item.get("editable", False),
                json_data=item.get("jsonData") or {},
            )


def _dashboards(folder: Path, names: Mapping[str, str]) -> Iterator[Dashboard]:
    seen: dict[str, str] = {}
    number = 0
    for path, document in _documents(folder, names):
        for provider in document.get("providers") or ():
            root = Path(str((provider.get("options") or {}).get("path") or ""))
            if provider.get("type", "file") != "file" or not root.is_dir():
                raise ProvisioningError(f"{path.name}: la carpeta de tableros «{root}» no existe")
            for file in sorted(root.rglob("*.json")):
                number += 1
                dashboard = _dashboard(number, file, root, str(provider.get("folder") or ""))
                if dashboard.uid in seen:
                    raise ProvisioningError(
                        f"{file.name} y {seen[dashboard.uid]} tienen el mismo uid «{dashboard.uid}»"
                    )
                seen[dashboard.uid] = file.name
                yield dashboard


def _dashboard(number: int, file: Path, root: Path, folder: str) -> Dashboard:
    try:
        source = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise ProvisioningError(f"{file.name} no es JSON válido: {error}") from error
    if not isinstance(source, dict) or not source.get("title") or not source.get("uid"):
        raise ProvisioningError(f"{file.name} no es un tablero: le falta «title» o «uid»")
    if not isinstance(source.get("panels", []), list):
        raise ProvisioningError(f"{file.name}: «panels» no es una lista (se lee el esquema clásico, no el v2)")
    board = Dashboard(
        number, str(source["uid"]), str(source["title"]), source, str(file.relative_to(root)), folder
    )
    try:
        _ = [panel.grid for panel in board.panels()]
    except (TypeError, ValueError, AttributeError) as error:
        raise ProvisioningError(f"{file.name} tiene un panel que no se entiende: {error}") from error
    return board
