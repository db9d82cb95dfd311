"""Las averías que una lección provoca a propósito: se apunta cómo deshacerlas antes de hacerlas.

Cada avería es un fichero con datos (`kind` y `details`), no código: así puede deshacerla otra orden, mañana, si
la que la hizo murió. Se deshacen al acabar el bloque, si algo falla, con Ctrl-C y, si nada de eso llegó a
ocurrir, al empezar la orden siguiente.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stack.files import sync_folder, write_whole

Details = Mapping[str, Any]
Undo = Callable[[Details], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """Una avería apuntada. `owner` es el proceso que la hizo (su número y su nacimiento)."""

    path: Path
    kind: str
    details: Details
    owner: tuple[int, str]


class Faults:
    """El registro de averías de `folder`.

    `undos` dice cómo se deshace cada clase, además de las que ya se saben: `pause` (un proceso parado) y `file`
    (un fichero cambiado). Deshacer dos veces no debe hacer daño: puede que la avería ni llegara a ocurrir.
    """

    def __init__(self, folder: Path, undos: Mapping[str, Undo] | None = None) -> None:
        self._folder = folder
        self._undos: dict[str, Undo] = {"pause": _resume, "file": _restore, **(undos or {})}

    @contextmanager
    def applied(self, kind: str, details: Details, apply: Callable[[], None]) -> Iterator[None]:
        """La avería dura lo que el bloque: se apunta, se hace con `apply` y, pase lo que pase, se deshace."""
        fault = self._register(kind, details)
        try:
            apply()
            yield
        finally:
            self._undo(fault)

    @contextmanager
    def paused(self, pid: int) -> Iterator[None]:
        """El proceso `pid` se queda quieto (SIGSTOP) mientras dure el bloque: vive, pero no contesta."""
        details = {"pid": pid, "born": _born(pid)}
        with self.applied("pause", details, lambda: os.kill(pid, signal.SIGSTOP)):
            yield

    @contextmanager
    def replaced(self, path: Path, text: str) -> Iterator[None]:
        """El fichero `path` contiene `text` mientras dure el bloque."""
        before = path.read_text("utf-8") if path.exists() else None
        details = {"path": str(path), "before": before}
        with self.applied("file", details, lambda: write_whole(path, text)):
            yield

    def pending(self) -> list[Fault]:
        """Las que hay apuntadas, de la más reciente a la más antigua."""
        found = []
        for path in sorted(self._folder.glob("*.json"), reverse=True):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                data = json.loads(path.read_text("utf-8"))
                found.append(Fault(path, data["kind"], data["details"], (data["owner"][0], data["owner"][1])))
        return found

    def recover(self) -> list[str]:
        """Deshace las que dejó una orden que ya no existe. Devuelve lo que la persona debe saber de ello."""
        notices = []
        for fault in self.pending():
            if _born(fault.owner[0]) == fault.owner[1]:
                continue  # quien la hizo sigue ahí: es una lección en marcha
            try:
                self._undo(fault)
                notices.append(f"Quedaba sin deshacer una avería hecha a propósito ({fault.kind}); ya no.")
            except Exception as error:
                notices.append(f"No se pudo deshacer una avería hecha a propósito ({fault.path}): {error}")
        return notices

    def _register(self, kind: str, details: Details) -> Fault:
        self._undo_of(kind)
        numbers = [int(path.name.partition("-")[0]) for path in self._folder.glob("[0-9]*.json")]
        name = f"{max(numbers, default=0) + 1:06d}-{secrets.token_hex(4)}.json"
        owner = (os.getpid(), _born(os.getpid()))
        fault = Fault(self._folder / name, kind, details, owner)
        write_whole(fault.path, json.dumps({"kind": kind, "details": dict(details), "owner": owner}))
        return fault

    def _undo(self, fault: Fault) -> None:
        self._undo_of(fault.kind)(fault.details)
        fault.path.unlink(missing_ok=True)
        sync_folder(self._folder)

    def _undo_of(self, kind: str) -> Undo:
        if kind not in self._undos:
            raise LookupError(f"esta orden no sabe deshacer una avería de la clase «{kind}»")
        return self._undos[kind]


def _born(pid: int) -> str:
    import psutil

    from stack.processes import birth

    try:
        return birth(psutil.Process(pid))
    except psutil.Error:
        return ""


def _resume(details: Details) -> None:
    if _born(details["pid"]) == details["born"]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(details["pid"], signal.SIGCONT)


def _restore(details: Details) -> None:
    path = Path(details["path"])
    if details["before"] is None:
        path.unlink(missing_ok=True)
    elif path.parent.is_dir():
        write_whole(path, details["before"])
