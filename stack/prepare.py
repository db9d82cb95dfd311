"""De los datos de un servicio a algo que se puede arrancar: todo resuelto, nada por decidir."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from stack.addresses import Endpoint, Viewpoint, free_names, render, variables
from stack.config import rendered
from stack.model import ConfigFile, Service


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


@dataclass(frozen=True, slots=True)
class Recipe:
    """Lo que un runtime arranca para un servicio, todavía con plantillas.

    `config` son sus ficheros; `extra`, nombres que solo existen en este runtime (`PROGRAM`). `identity` es lo que
    no se ve en la orden ni en el entorno y, si cambia, obliga a arrancar de nuevo (qué imagen, qué versión).
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    config: Sequence[ConfigFile]
    extra: Mapping[str, str] = field(default_factory=dict)
    identity: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Dónde correrá: desde qué punto ve a los demás, en qué dirección escucha y cuáles son sus carpetas.

    `listen` dice en qué número escucha un puerto suyo (en un contenedor no es el que se publica). Con `told`, las
    variables `STACKLAB_*` de su entorno le cuentan todo eso.
    """

    viewpoint: Viewpoint
    listen_host: str
    config_dir: Path
    data_dir: Path
    listen: Mapping[str, int]
    told: bool = True


def prepare(
    service: Service,
    recipe: Recipe,
    place: Place,
    *,
    endpoints: Iterable[Endpoint],
    credentials: Mapping[str, str],
) -> Prepared:
    """Resuelve `service` para correr en `place` como dice `recipe`.

    `endpoints` son los de todo el laboratorio (un servicio nombra a otros en su configuración).
    """
    everything = tuple(endpoints)
    own = tuple(endpoint for endpoint in everything if endpoint.service == service.name)
    names = variables(everything, place.viewpoint) | dict(credentials)
    names |= {f"LISTEN_{_upper(port)}_PORT": str(number) for port, number in place.listen.items()}
    names |= {
        "LISTEN_HOST": place.listen_host,
        "CONFIG_DIR": str(place.config_dir),
        "DATA_DIR": str(place.data_dir),
        "PYTHON": interpreter(sys.executable),
    }
    names |= recipe.extra
    where = f"stack/{service.name}/service.py"
    env = {key: render(value, names, where=where) for key, value in recipe.env.items()}
    if place.told:
        env |= {f"STACKLAB_PORT_{_upper(port)}": str(number) for port, number in place.listen.items()}
        env |= {
            "STACKLAB_LISTEN_HOST": place.listen_host,
            "STACKLAB_CONFIG_DIR": str(place.config_dir),
            "STACKLAB_DATA_DIR": str(place.data_dir),
        }
    argv = tuple(render(word, names, where=where) for word in recipe.argv)
    files = {file.target: rendered(file, names) for file in recipe.config}
    ports = [(e.port, e.number) for e in own]
    identity = json.dumps([argv, env, files, ports, *recipe.identity], sort_keys=True, ensure_ascii=False)
    return Prepared(
        service=service,
        endpoints=own,
        argv=argv,
        env=env,
        files=files,
        config_dir=place.config_dir,
        data_dir=place.data_dir,
        spec_hash=hashlib.sha256(identity.encode()).hexdigest()[:16],
    )


def interpreter(path: str) -> str:
    """El intérprete de `path` con su nombre más preciso (`python3.11`), si en su carpeta lo tiene.

    `python`, `python3` y `python3.11` son el mismo: que un cuaderno y `stacklab` se arranquen con nombres
    distintos no es un cambio de configuración, y no debe reiniciar nada.
    """
    precise = Path(path).with_name(f"python{sys.version_info.major}.{sys.version_info.minor}")
    return str(precise) if precise.exists() and precise.samefile(path) else path


def free_of(prepared: Prepared) -> list[str]:
    """Los `FREE_…` que quedan por decidir en `prepared`, en orden."""
    texts = [*prepared.argv, *prepared.env.values(), *prepared.files.values()]
    return sorted(set().union(*map(free_names, texts)))


def settled(prepared: Prepared, numbers: Mapping[str, int]) -> Prepared:
    """`prepared` con cada `${FREE_…}` en su número: el mismo en la orden, en el entorno y en los ficheros."""

    def fill(text: str) -> str:
        for name, number in numbers.items():
            text = text.replace(f"${{{name}}}", str(number))
        return text

    return replace(
        prepared,
        argv=tuple(map(fill, prepared.argv)),
        env={key: fill(value) for key, value in prepared.env.items()},
        files={target: fill(text) for target, text in prepared.files.items()},
    )


def on_this_machine(service: Service, endpoints: Iterable[Endpoint], root: Path) -> Place:
    """El sitio de un proceso de esta máquina: escucha en 127.0.0.1 y sus carpetas están bajo `root/<servicio>`."""
    return Place(
        viewpoint=Viewpoint.HOST,
        listen_host="127.0.0.1",
        config_dir=root / service.name / "config",
        data_dir=root / service.name / "data",
        listen={one.port: one.number for one in endpoints if one.service == service.name},
    )


def _upper(port: str) -> str:
    return port.upper().replace("-", "_")
