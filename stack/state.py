"""El estado: qué puertos tiene cada servicio y qué se arrancó. Es una caché; la verdad son los procesos vivos.

Sirve para dos cosas que los procesos no cuentan: que los puertos (y con ellos los enlaces) sean los mismos la
próxima vez, y saber que un servicio que ya no está se murió, en lugar de que alguien lo parase.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from stack.files import state_error, write_whole

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Record:
    """Un servicio que se arrancó y contestó.

    `identity` distingue a su proceso (o contenedor) de los demás; está vacía si no llegó a contestar.
    """

    runtime: str
    spec_hash: str
    identity: str
    since: float


@dataclass(slots=True)
class State:
    """`ports` va de «servicio.puerto» a número; `services`, de nombre a lo que se arrancó."""

    ports: dict[str, int] = field(default_factory=dict)
    services: dict[str, Record] = field(default_factory=dict)


class Journal:
    """El estado mientras una orden lo cambia: cada cambio se guarda en `path` en cuanto se sabe."""

    def __init__(self, path: Path, state: State) -> None:
        self._path = path
        self.state = state

    def remember(self, name: str, record: Record | None) -> None:
        """Apunta cómo está el servicio `name` (`None`: parado)."""
        if self.state.services.get(name) == record:
            return
        if record is None:
            del self.state.services[name]
        else:
            self.state.services[name] = record
        save(self._path, self.state)

    def assign(self, ports: Mapping[str, int]) -> None:
        """Apunta los puertos de cada servicio."""
        if self.state.ports | dict(ports) != self.state.ports:
            self.state.ports |= ports
            save(self._path, self.state)


def save(path: Path, state: State) -> None:
    """Guarda `state` en `path`, con el anterior en `<path>.bak`; `StateError` si no se puede."""
    document = {
        "schema": SCHEMA,
        "ports": dict(sorted(state.ports.items())),
        "services": {name: asdict(record) for name, record in sorted(state.services.items())},
    }
    text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    write_whole(path, text, backup=_backup(path))


def read(path: Path) -> tuple[State, str | None]:
    """El estado de `path` y, si no se entiende, por qué (entonces el estado es el de la copia, o vacío)."""
    try:
        return _parse(path.read_bytes()), None
    except FileNotFoundError:
        problem = None
    except OSError as error:
        raise state_error(path, error, "leer") from error
    except _UnreadableError as error:
        problem = str(error)
    try:
        state = _parse(_backup(path).read_bytes())
    except (OSError, _UnreadableError):
        return State(), problem
    # De la copia valen los puertos; lo que dijera de los procesos pudo cambiar después.
    return State(ports=state.ports), problem


def repair(path: Path) -> tuple[State, str | None]:
    """Como `read`, pero aparta el fichero que no se entiende; la segunda parte es el aviso para la persona."""
    state, problem = read(path)
    if problem is None:
        return state, None
    aside = path.with_name(f"{path.name}.roto-{time.strftime('%Y%m%d-%H%M%S')}")
    try:
        path.replace(aside)
    except OSError as error:
        raise state_error(path, error, "apartar") from error
    return state, (
        f"El fichero de estado no se entiende ({problem}). Lo he apartado en {aside} y lo rehago "
        "mirando qué procesos hay en marcha."
    )


class _UnreadableError(Exception):
    """El contenido no es un estado que esta versión entienda."""


def _parse(content: bytes) -> State:
    if not content.strip(b"\0 \n"):
        raise _UnreadableError("está vacío")
    try:
        document: Any = json.loads(content)
        schema = document["schema"]
        if schema != SCHEMA:
            raise _UnreadableError(f"es de otra versión de stacklab: esquema {schema} en lugar de {SCHEMA}")
        return State(
            ports={str(name): int(number) for name, number in document["ports"].items()},
            services={str(name): _record(data) for name, data in document["services"].items()},
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _UnreadableError("está cortado o estropeado") from error


def _record(data: dict[str, Any]) -> Record:
    return Record(str(data["runtime"]), str(data["spec_hash"]), str(data["identity"]), float(data["since"]))


def _backup(path: Path) -> Path:
    return path.with_name(f"{path.name}.bak")
