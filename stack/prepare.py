"""De los datos de un servicio a algo que se puede arrancar: todo resuelto, nada por decidir."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from stack.addresses import Endpoint, Viewpoint, render, variables
from stack.config import rendered
from stack.model import Service


@dataclass(frozen=True, slots=True)
class Prepared:
    """Un servicio con sus puertos, sus ficheros y su orden ya resueltos.

    `files` va de ruta relativa a contenido. `spec_hash` cambia si cambia cualquier cosa que obligue a
    arrancar de nuevo: la orden, el entorno, los ficheros o los puertos.
    """

    service: Service
    endpoints: tuple[Endpoint, ...]
    argv: tuple[str, ...]
    env: Mapping[str, str]
    files: Mapping[str, str]
    config_dir: Path
    data_dir: Path
    spec_hash: str


def prepare(
    service: Service,
    *,
    endpoints: Iterable[Endpoint],
    credentials: Mapping[str, str],
    root: Path,
    listen_host: str = "127.0.0.1",
) -> Prepared:
    """Resuelve `service` para correr como proceso de esta máquina, con sus carpetas bajo `root/<servicio>`.

    `endpoints` son los de todo el laboratorio (un servicio nombra a otros en su configuración). Las
    variables `STACKLAB_*` de su entorno le dicen dónde escuchar y dónde están sus carpetas.
    """
    everything = tuple(endpoints)
    own = tuple(endpoint for endpoint in everything if endpoint.service == service.name)
    config_dir, data_dir = root / service.name / "config", root / service.name / "data"
    names = variables(everything, Viewpoint.HOST) | dict(credentials)
    names |= {f"LISTEN_{e.port}_PORT".upper().replace("-", "_"): str(e.number) for e in own}
    names |= {
        "LISTEN_HOST": listen_host,
        "CONFIG_DIR": str(config_dir),
        "DATA_DIR": str(data_dir),
        "PYTHON": sys.executable,
    }
    where = f"stack/{service.name}/service.py"
    env = {key: render(value, names, where=where) for key, value in service.embedded.env.items()}
    env |= {f"STACKLAB_PORT_{e.port}".upper().replace("-", "_"): str(e.number) for e in own}
    env |= {
        "STACKLAB_LISTEN_HOST": listen_host,
        "STACKLAB_CONFIG_DIR": str(config_dir),
        "STACKLAB_DATA_DIR": str(data_dir),
    }
    argv = tuple(render(word, names, where=where) for word in service.embedded.argv)
    files = {file.target: rendered(file, names) for file in service.config}
    ports = [(e.port, e.number) for e in own]
    identity = json.dumps([argv, env, files, ports], sort_keys=True, ensure_ascii=False)
    return Prepared(
        service=service,
        endpoints=own,
        argv=argv,
        env=env,
        files=files,
        config_dir=config_dir,
        data_dir=data_dir,
        spec_hash=hashlib.sha256(identity.encode()).hexdigest()[:16],
    )
