"""Los ficheros que leen los programas: se funden, se rellenan y se escriben tal como cada programa los espera."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from stack.addresses import render
from stack.errors import ConfigError
from stack.model import ConfigFile

# Los de C hacen lo mismo cinco veces más deprisa; no los trae cualquier PyYAML.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def rendered(file: ConfigFile, names: Mapping[str, str]) -> str:
    """El contenido final de `file`: sus trozos fundidos y con cada `${NOMBRE}` sustituido.

    Con un solo trozo el texto queda igual, comentarios incluidos: lo que se lee es lo que corre.
    """
    texts = [render(source.read_text("utf-8"), names, where=str(source)) for source in file.sources]
    if len(texts) == 1:
        return texts[0]
    merged: Any = None
    for text in texts:
        merged = merge(merged, yaml.load(text, _LOADER), where=file.target)
    return str(yaml.dump(merged, Dumper=_DUMPER, allow_unicode=True, sort_keys=False))


def merge(left: Any, right: Any, *, where: str) -> Any:
    """Funde dos documentos YAML: los diccionarios se mezclan, las listas se suman, lo demás debe coincidir."""
    if left is None or right is None:
        return right if left is None else left
    if isinstance(left, dict) and isinstance(right, dict):
        result = dict(left)
        for key, value in right.items():
            result[key] = merge(result.get(key), value, where=f"{where}.{key}")
        return result
    if isinstance(left, list) and isinstance(right, list):
        return left + right
    if left == right:
        return left
    raise ConfigError(
        cause=f"dos trozos de configuración se contradicen en {where}: {left!r} y {right!r}",
        meaning="Dos carpetas aportan el mismo dato con valores distintos; solo puede quedar uno.",
        command="stacklab doctor",
    )
