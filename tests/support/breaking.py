"""Estropear el laboratorio a propósito: quitar servicios, matar microservicios y parar una petición a mitad."""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from scenarios.engine.desk import Desk
from scenarios.engine.flow import Hop
from scenarios.kit.wire import RUN
from stack.laboratory import Laboratory

ARRIVES_WITHIN_S = 20.0
NOBODY_WAITED_S = 1.9
"""Todos los clientes tienen plazos de dos segundos o más: que alguien espere por quien no está se nota."""


@contextmanager
def without(laboratory: Laboratory, *names: str) -> Iterator[None]:
    """`names` parados mientras dure el bloque."""
    laboratory.down(names)
    try:
        yield
    finally:
        laboratory.up(names)


@contextmanager
def killed(laboratory: Laboratory, name: str) -> Iterator[None]:
    """`name` muerto sin avisar al empezar el bloque, y otra vez en marcha al acabar."""
    pid = next(row.pid for row in laboratory.status() if row.name == name)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    try:
        yield
    finally:
        laboratory.up([name])


@contextmanager
def stopped_before(laboratory: Laboratory, hop: Hop) -> Iterator[tuple[dict[str, str], Callable[[], None]]]:
    """Las cabeceras con que una petición se para justo antes de `hop`, y cómo se espera a que llegue a él.

    Al salir del bloque, la petición sigue.
    """
    run_id = secrets.token_hex(4)
    desk = Desk(run_id, laboratory.credentials()["STEP_SECRET"], [hop])
    carried = {RUN: run_id, **desk.baggage}

    def wait() -> None:
        limit = time.monotonic() + ARRIVES_WITHIN_S
        assert desk.wait_arrival(hop, lambda: time.monotonic() > limit), f"no llegó a {hop.id}"

    try:
        yield {"baggage": ",".join(f"{name}={value}" for name, value in carried.items())}, wait
    finally:
        desk.close()


def promptly(do: Callable[[], object], *, attempts: int = 3) -> None:
    """Hace `do` sin que nadie espere por quien no está; con la máquina cargada puede costar `attempts` veces."""
    taken = []
    for _ in range(attempts):
        began = time.monotonic()
        do()
        taken.append(time.monotonic() - began)
        if taken[-1] < NOBODY_WAITED_S:
            return
    raise AssertionError(f"alguien esperó: tardó {taken} s")
