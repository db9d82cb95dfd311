"""Órdenes en otro proceso, para matarlas o interrumpirlas en un punto exacto y mirar qué queda."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from stack.laboratory import Laboratory
from stack.model import Service


class Driver:
    """Órdenes sobre el laboratorio de `bench`, siempre con los mismos dos servicios.

    `module` es quien las da (`python -m module carpeta orden puertos…`) y `services`, quien hace los servicios con
    esos mismos puertos.
    """

    def __init__(
        self, bench: Any, module: str, services: Callable[..., Sequence[Service]], ports: Sequence[int]
    ) -> None:
        self.bench, self.ports = bench, tuple(ports)
        self._module, self._services = module, services

    @property
    def lab(self) -> Laboratory:
        return self.bench.lab(*self._services(*self.ports))

    @contextmanager
    def run(self, verb: str, *options: str) -> Iterator[subprocess.Popen[str]]:
        self.bench.folder.create()
        command = [sys.executable, "-m", self._module, str(self.bench.root), verb]
        process = subprocess.Popen(
            [*command, *map(str, self.ports), *options], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def reach(process: subprocess.Popen[str], point: str) -> None:
    """Vuelve cuando la orden pasa por `point`; si acaba antes, la prueba falla."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == point:
            return
    pytest.fail(f"no pasó por «{point}»")
