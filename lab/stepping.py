"""Las teclas del modo paso a paso. La terminal vuelve siempre a como estaba."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scenarios.engine.events import HopWaiting
from scenarios.engine.stepping import Step

if TYPE_CHECKING:
    from rich.console import Console

    from lab.render.run import RunView

_HELPS = (
    "Enter sigue · c hasta el final · ? más · e la prueba anterior · q salir",
    "Enter sigue · c al final · ? más · e prueba · q salir",
    "Enter · c · ? · e · q",
)
"""De la más clara a la más corta: ha de caber en una línea, porque se borra al pulsar."""

_INDENT = 4


class KeyStepper:
    """Pregunta a la persona antes de cada paso. `q` o el fin de la entrada lo dejan ahí."""

    def __init__(self, screen: Console, view: RunView, read_key: Callable[[], str] | None = None) -> None:
        self._screen, self._view = screen, view
        self._read_key = read_key or read_one_key

    def __call__(self, waiting: HopWaiting) -> Step:
        """Espera una tecla que decida; `?` y `e` enseñan algo y vuelven a preguntar."""
        erasable = self._screen.is_terminal and not self._screen.is_dumb_terminal
        while True:
            keys = " " * _INDENT + help_for(self._screen.width - _INDENT)
            self._screen.print(keys, style="dim", end="\r" if erasable else "\n")
            key = self._read_key()
            if erasable:
                self._screen.file.write("\r\x1b[2K")
                self._screen.file.flush()
            if key in ("\r", "\n", " "):
                return Step.NEXT
            if key in ("c", "C"):
                return Step.TO_END
            if key in ("q", "Q", "", "\x04"):
                return Step.STOP
            if key == "?":
                self._view.more(waiting.hop)
            elif key in ("e", "E"):
                self._view.evidence()


def help_for(room: int) -> str:
    """Qué hace cada tecla, en menos de `room` columnas si se puede."""
    return next((text for text in _HELPS if len(text) < room), _HELPS[-1])


def read_one_key() -> str:
    """Una tecla, sin esperar a Enter; cadena vacía si la entrada se acabó. Ctrl-C sigue interrumpiendo."""
    with _single_keys():
        return os.read(sys.stdin.fileno(), 1).decode("latin-1")


@contextmanager
def _single_keys() -> Iterator[None]:
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        # Sin vaciar lo ya tecleado: quien va deprisa no pierde teclas.
        tty.setcbreak(descriptor, termios.TCSANOW)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
