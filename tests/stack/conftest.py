"""Un laboratorio de usar y tirar, que al acabar la prueba no deja ningún proceso."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stack import processes
from stack.folder import Folder
from stack.laboratory import Laboratory
from stack.model import Service


class Bench:
    """Laboratorios en una misma carpeta, y lo que se ve de ellos desde fuera."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = Folder.of("prueba", root)

    def lab(self, *services: Service) -> Laboratory:
        return Laboratory("prueba", self.root, services)

    def alive(self) -> dict[str, list[int]]:
        """Los procesos vivos con nuestra etiqueta: servicio → pids."""
        found: dict[str, list[int]] = {}
        for one in processes.find(self.folder.label, self.folder.logs.resolve()):
            found.setdefault(one.service, []).append(one.process.pid)
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "estado")
    yield made
    made.lab().down()
