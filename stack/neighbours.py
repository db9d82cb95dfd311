"""Los otros laboratorios en marcha de esta persona, y los puertos que tienen por suyos aunque ahora no los usen.

Si a uno se le para su Consul, sus microservicios siguen llamando al mismo sitio. Otro laboratorio que se pusiera
ahí (está libre) recibiría sus llamadas, y los dos se mezclarían sin que nadie lo viera.
"""

from __future__ import annotations

import shlex
from pathlib import Path

import psutil

from stack import processes, state
from stack.errors import PortTaken, StateError
from stack.folder import Folder


def claimed(own: str) -> dict[int, Folder]:
    """De cada puerto que guarda otro laboratorio con procesos vivos, cuál; `own` es la etiqueta del que pregunta.

    Quien no tiene nada en marcha no guarda nada: la próxima vez buscará otro si el suyo está ocupado.
    """
    result: dict[int, Folder] = {}
    for label, pids in processes.projects().items():
        if label != own and (folder := _folder(label, pids)) is not None:
            try:
                numbers = state.read(folder.state)[0].ports.values()
            except StateError:
                continue
            result |= dict.fromkeys(numbers, folder)
    return result


def refused(name: str, number: int, folder: Folder) -> PortTaken:
    """El error de forzar, para el puerto `name`, el `number` que guarda el laboratorio de `folder`."""
    project, root = folder.path.name, folder.path.parent
    return PortTaken(
        f"el puerto {number} que pides para {name} es de otro laboratorio en marcha, «{project}» ({root})",
        "Aunque ahora no escuche nadie en él, los servicios de ese laboratorio llaman ahí, y hablarían con los "
        "tuyos. Sin forzarlo, stacklab buscará otro.",
        f"STACKLAB_HOME={shlex.quote(str(root))} stacklab down --project {project}",
    )


def _folder(label: str, pids: list[int]) -> Folder | None:
    """La carpeta de ese laboratorio: sus procesos trabajan dentro de ella, y la etiqueta sale de su ruta."""
    for pid in pids:
        try:
            inside = Path(psutil.Process(pid).cwd())
        except (psutil.Error, OSError):
            continue
        for path in (inside, *inside.parents):
            if (folder := Folder(path)).label == label:
                return folder
    return None
