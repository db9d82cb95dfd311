"""Lo que este suplente entiende de `jaeger.yaml`, el mismo fichero que lee Jaeger: cuántas trazas guarda."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from stack.jaeger.embedded.models import MAX_TRACES


class SettingsProblem(Exception):
    """El fichero no se puede leer o no dice lo que debe; el mensaje es para una persona."""


def max_traces(path: Path) -> int:
    """El tope de trazas de la memoria que usa la consulta (`extensions.jaeger_storage`); si no dice, el nuestro.

    Sigue https://www.jaegertracing.io/docs/2.13/storage/memory/.

    Raises:
        SettingsProblem: el fichero no se puede leer, no es YAML, o el tope no es un número entero mayor que cero.
    """
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsProblem(f"{path.name}: no se puede leer ({error})") from error
    used = _inside(document, "extensions", "jaeger_query", "storage", "traces")
    written = _inside(document, "extensions", "jaeger_storage", "backends", used, "memory", "max_traces")
    if written is None:
        return MAX_TRACES
    if not isinstance(written, int) or isinstance(written, bool) or written < 1:
        raise SettingsProblem(
            f"{path.name}: max_traces tiene que ser un número entero mayor que cero, y pone «{written}»"
        )
    return written


def _inside(document: Any, *names: Any) -> Any:
    for name in names:
        if not isinstance(document, dict):
            return None
        document = document.get(name)
    return document
