"""Un laboratorio entero, en marcha una sola vez para todas las pruebas de este piso que lo pidan."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from scenarios.catalog import SERVICES
from scenarios.flows import FLOWS
from stack import laboratory as ground
from tests.support.avatars import Person


@pytest.fixture(scope="session")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ground.Laboratory]:
    """Todo lo que necesita el flujo A, arrancado como lo arranca `stacklab up`."""
    laboratory = ground.Laboratory("pruebas", tmp_path_factory.mktemp("laboratorio"), SERVICES)
    try:
        laboratory.up(FLOWS["flujo-a"].services)
        yield laboratory
    finally:
        laboratory.down()


@pytest.fixture(scope="session")
def login_laboratory(laboratory: ground.Laboratory) -> ground.Laboratory:
    """El mismo, con lo que además necesita el flujo B."""
    laboratory.up(FLOWS["flujo-b"].services)
    return laboratory


@pytest.fixture(scope="session")
def cashier_laboratory(laboratory: ground.Laboratory) -> ground.Laboratory:
    """El mismo, con lo que además necesita el flujo C."""
    laboratory.up(FLOWS["flujo-c"].services)
    return laboratory


@pytest.fixture
def person(laboratory: ground.Laboratory) -> Iterator[Person]:
    """Alguien con nombre propio, que puede subir fotos y mirar qué ha quedado de él en cada servicio."""
    somebody = Person(laboratory.env(), laboratory.credentials())
    yield somebody
    somebody.close()
