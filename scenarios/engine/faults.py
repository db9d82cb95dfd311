"""Aplica los sabotajes que declaran los flujos, y los deshace pase lo que pase."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from scenarios.engine.context import Run
from scenarios.engine.desk import Intervention
from scenarios.engine.sabotage import BadClient, DropCall, Misconfigure, Sabotage, StallCall, Tamper, Undo
from stack.model import Service
from stack.status import Condition


class Fault:
    """Un sabotaje en marcha.

    Se crea antes que la ejecución a la que afecta; `bind` se la da.
    """

    def __init__(self, sabotage: Sabotage | None) -> None:
        self._sabotage = sabotage
        self._run: Run | None = None
        self._lock = threading.Lock()
        self._undo: Undo | None = None
        self._in_place = threading.Event()
        if not isinstance(sabotage, Tamper):
            self._in_place.set()

    @property
    def client(self) -> str:
        """Lo que debe hacer mal el cliente, o vacío."""
        return self._sabotage.fault if isinstance(self._sabotage, BadClient) else ""

    @property
    def desk(self) -> Intervention | None:
        """Dónde y cómo interviene la ventanilla, o `None`."""
        match self._sabotage:
            case DropCall(at=at, crash=crash):
                return Intervention(at, lambda: "crash" if crash else "drop")
            case StallCall(at=at):
                return Intervention(at, lambda: "wait")
            case Tamper(at=at):
                return Intervention(at, self._tamper, first=True)
            case _:
                return None

    @property
    def in_place(self) -> threading.Event:
        """Marcado cuando lo que había que estropear ya está estropeado: antes, una prueba podría adelantarse."""
        return self._in_place

    @contextmanager
    def applied(self, run: Run) -> Iterator[None]:
        """Mientras dure el bloque, `run` está saboteada. Al salir, todo vuelve a estar como estaba."""
        self._run = run
        try:
            if isinstance(self._sabotage, Misconfigure):
                with _misconfigured(run, self._sabotage):
                    yield
            else:
                yield
        finally:
            with self._lock:
                undo, self._undo = self._undo, None
            if undo is not None:
                undo()

    def _tamper(self) -> str:
        """Cambia lo guardado una sola vez y deja seguir."""
        with self._lock:
            if not self._in_place.is_set() and self._run is not None and isinstance(self._sabotage, Tamper):
                self._undo = self._sabotage.change(self._run)
                self._in_place.set()
        return "go"


@contextmanager
def _misconfigured(run: Run, sabotage: Misconfigure) -> Iterator[None]:
    """Arranca el servicio con la descripción estropeada y, al salir, con la buena."""
    laboratory = run.laboratory
    runtimes = {row.name: row.runtime for row in laboratory.status() if row.state is Condition.RUNNING}
    bad = [
        sabotage.change(run, service) if service.name == sabotage.service else service
        for service in laboratory.services
    ]
    try:
        laboratory.with_services(bad).up([sabotage.service], per_service=runtimes)
        yield
    finally:
        laboratory.up([sabotage.service], per_service=runtimes)


def with_env(service: Service, changes: Mapping[str, str]) -> Service:
    """`service` con esas variables de entorno cambiadas."""
    assert service.embedded is not None, "un microservicio es siempre un proceso de esta máquina"
    return replace(service, embedded=replace(service.embedded, env={**service.embedded.env, **changes}))


def with_config(run: Run, service: Service, target: str, edit: Callable[[str], str]) -> Service:
    """`service` con su fichero `target` pasado por `edit` (que ve la plantilla, con sus `${NOMBRE}` sin rellenar).

    Raises:
        ValueError: `edit` no cambió nada; un sabotaje que no estropea nada es un error nuestro.
    """
    folder = run.laboratory.folder / "sabotaje"
    folder.mkdir(mode=0o700, exist_ok=True)
    files = []
    changed = False
    for file in service.config:
        sources = []
        for number, source in enumerate(file.sources):
            text = source.read_text("utf-8")
            edited = edit(text) if file.target == target else text
            changed = changed or edited != text
            sources.append(
                _write(folder / f"{service.name}-{number}-{source.name}", edited, source, edited != text)
            )
        files.append(replace(file, sources=tuple(sources)))
    if not changed:
        raise ValueError(f"el sabotaje de {service.name} no cambia nada en {target}")
    return replace(service, config=tuple(files))


def _write(path: Path, text: str, original: Path, changed: bool) -> Path:
    if not changed:
        return original
    path.write_text(text, "utf-8")
    return path
