"""Las pruebas de contrato solo conocen direcciones: el mismo fichero vale para cualquier runtime."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.answered import note, seen
from tests.support.kafka import Kafka
from tests.support.running import running, runtime


@pytest.fixture(scope="session", autouse=True)
def _answered(record_testsuite_property: Callable[[str, object], None]) -> Iterator[None]:
    """Deja en el fichero de resultados, si se pide (`--junitxml`), quién contestó por cada servicio."""
    yield
    for service, product in seen().items():
        record_testsuite_property(f"answered.{service}", product)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., dict[str, str]]]:
    """`started("jaeger", …)` arranca esos servicios para todo el módulo y devuelve sus variables.

    De aquí sale quién dice `docs/verificado.md` que contestó: no de otros servicios que arranque una prueba.
    """
    root: Path = tmp_path_factory.mktemp("servicios")
    with ExitStack() as stack:
        yield lambda *names, **options: stack.enter_context(running(*names, root=root, note=note, **options))


@pytest.fixture(scope="module")
def kafka(started: Callable[..., dict[str, str]]) -> Iterator[Kafka]:
    """El Kafka de todo el módulo."""
    client = Kafka(started("kafka")["KAFKA_BOOTSTRAP_SERVERS"], real=runtime() != "embedded")
    yield client
    client.close()
