"""Una base de datos para todas las pruebas de esta carpeta: crearla es lo que más tarda."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from stack import processes
from stack.catalog import SERVICES
from stack.folder import Folder
from stack.laboratory import Laboratory
from tests.support.running import _alone, runtime


class Base:
    """Un laboratorio con la base de datos y lo que se ve de ella desde fuera."""

    def __init__(self, root: Path) -> None:
        self.folder = Folder.of("prueba", root)
        service = next(one for one in SERVICES if one.name == "database")
        self.lab = Laboratory("prueba", root, [_alone(service, ["database"])])

    def up(self) -> str:
        self.lab.up(runtime=runtime())
        return self.lab.env()["DATABASE_URL"].replace("+psycopg", "")

    def processes(self) -> list[psutil.Process]:
        return [one.process for one in processes.find(self.folder.label, self.folder.logs.resolve())]

    def log(self) -> str:
        return self.folder.log("database").read_text("utf-8")


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Base]:
    made = Base(tmp_path_factory.mktemp("base"))
    yield made
    made.lab.down()
