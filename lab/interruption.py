"""Ctrl-C a mitad de una ejecución: se para lo que esta orden arrancó, en el orden inverso, y nada más."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from stack.events import LockWaiting
from stack.files import make_private
from stack.laboratory import Laboratory
from stack.lock import Lock


@contextmanager
def one_at_a_time(lab: Laboratory, on_event: Callable[[Any], None]) -> Iterator[None]:
    """Una ejecución cada vez en el mismo laboratorio: así una prueba no cuenta lo que hizo la otra.

    Es un cerrojo aparte del de `up` y `down`: parar un servicio en mitad de una ejecución está permitido, porque
    es una de las cosas que se aprenden.
    """
    make_private(lab.folder)
    with Lock(lab.folder / "run.lock").held(
        waiting=lambda holder: on_event(LockWaiting(holder.pid, holder.command, holder.since))
    ):
        yield


@contextmanager
def stops_what_it_started(lab: Laboratory, on_event: Callable[[Any], None]) -> Iterator[list[str]]:
    """Entrega una lista donde apuntar lo arrancado; con Ctrl-C, SIGTERM o SIGHUP lo para antes de salir."""
    started: list[str] = []
    with _as_interrupt(signal.SIGTERM, signal.SIGHUP):
        try:
            yield started
        except KeyboardInterrupt:
            if started:
                lab.down(started, on_event=on_event)
            raise


@contextmanager
def _as_interrupt(*numbers: signal.Signals) -> Iterator[None]:
    """Esas señales se tratan como Ctrl-C mientras dure el bloque."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, interrupt)
        for number in numbers
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
