"""Ctrl-C, SIGTERM y SIGHUP: la primera vez se recoge con orden; la segunda, por la fuerza."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Mientras dura el bloque, las señales solo se cuentan: nadie salta a medio escribir un fichero.

    Quien trabaja mira `stopping` y `killing` en sus esperas. `wake` se llama en cada señal, desde el hilo
    principal y en cualquier instante, así que solo puede hacer algo reentrante (`SimpleQueue.put` lo es). Fuera
    del hilo principal Python no deja poner manejadores: entonces el bloque no cambia nada.

    Una señal que ya se ignoraba se sigue ignorando (`nohup`, o un trabajo en segundo plano).
    """

    def __init__(self) -> None:
        self.wake: Callable[[], None] = lambda: None
        self._count = 0
        self._previous: dict[signal.Signals, Any] = {}

    @property
    def stopping(self) -> bool:
        """Ha llegado al menos una señal."""
        return self._count >= 1

    @property
    def killing(self) -> bool:
        """Han llegado dos: no se espera a nadie más."""
        return self._count >= 2

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                before = signal.getsignal(number)
                if before is not signal.SIG_IGN and before is not None:
                    self._previous[number] = before
                    signal.signal(number, self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._previous.items():
            signal.signal(number, before)
        self._previous.clear()

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._count += 1
        self.wake()
