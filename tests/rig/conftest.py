"""Pruebas con un motor de Docker de verdad (el de DOCKER_HOST). Sin motor fallan: no se saltan."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stack.containers import names
from stack.containers.connection import Connection
from stack.folder import Folder
from stack.laboratory import Laboratory
from stack.model import Service


class Engine:
    """El motor, mirado desde fuera de stacklab."""

    def __init__(self) -> None:
        self.client = Connection().client()

    def containers(self, folder: Folder) -> dict[str, dict[str, Any]]:
        """Los contenedores de un laboratorio: servicio → lo que dice `docker inspect`."""
        found = self.client.containers(all=True, filters={"label": f"{names.PROJECT}={folder.label}"})
        return {one["Labels"][names.SERVICE]: self.client.inspect_container(one["Id"]) for one in found}

    def networks(self, folder: Folder) -> list[dict[str, Any]]:
        """Sus redes."""
        return list(self.client.networks(filters={"label": f"{names.PROJECT}={folder.label}"}))


class Bench:
    """Laboratorios en una misma carpeta, y lo que se ve de ellos en el motor."""

    def __init__(self, root: Path, engine: Engine, project: str) -> None:
        self.root, self.engine, self.project = root, engine, project
        self.folder = Folder.of(project, root)

    def lab(self, *services: Service) -> Laboratory:
        return Laboratory(self.project, self.root, services)

    def alive(self) -> dict[str, str]:
        """Los contenedores en marcha: servicio → identificador."""
        found = self.engine.containers(self.folder)
        return {name: one["Id"] for name, one in found.items() if one["State"]["Running"]}


@pytest.fixture(scope="session")
def engine() -> Engine:
    return Engine()


@pytest.fixture
def bench(tmp_path: Path, engine: Engine) -> Iterator[Bench]:
    made = Bench(tmp_path / "estado", engine, "matriz")
    yield made
    made.lab().down(data=True)
    assert engine.containers(made.folder) == {}
    assert engine.networks(made.folder) == []
