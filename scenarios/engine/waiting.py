"""Esperas acotadas: hasta que se cumpla, hasta que no pueda cumplirse o hasta el plazo. Nunca una siesta fija."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from scenarios.engine.facts import Interrupted, NotProven

T = TypeVar("T")

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.01, 0.06
OUR_MISTAKES = (TypeError, AttributeError, NameError, AssertionError)
"""Errores que solo pueden ser nuestros: no se confunden con que un servicio no conteste."""


class Deadline:
    """Un plazo de reloj monótono que se puede adelantar, nunca atrasar. Sin armar, no vence.

    Se comparte entre hilos: quien espera se entera enseguida de que el plazo se adelantó o de que hay que parar.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._at: float | None = None
        self._cancelled = False

    def within(self, seconds: float) -> None:
        """El plazo vence, como muy tarde, dentro de `seconds`."""
        with self._changed:
            at = time.monotonic() + seconds
            self._at = at if self._at is None else min(self._at, at)
            self._changed.notify_all()

    def cancel(self) -> None:
        """Quien espere deja de esperar ahora mismo."""
        with self._changed:
            self._cancelled = True
            self._changed.notify_all()

    @property
    def cancelled(self) -> bool:
        """Si hay que dejarlo."""
        return self._cancelled

    @property
    def expired(self) -> bool:
        """Si ya venció."""
        return self._cancelled or (self._at is not None and time.monotonic() >= self._at)

    def pause(self, seconds: float) -> None:
        """Espera `seconds`, o menos si antes vence el plazo o hay que parar."""
        with self._changed:
            if self._cancelled:
                return
            left = seconds if self._at is None else min(seconds, self._at - time.monotonic())
            if left > 0:
                self._changed.wait(left)


class Stillness:
    """Si algo lleva ya `seconds` sin cambiar: una traza que no crece, y a la que ya no le va a llegar nada."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._value: object = None
        self._since = time.monotonic()

    def lasts(self, value: object) -> bool:
        """Si `value` es el mismo desde hace ese rato."""
        if value != self._value:
            self._value, self._since = value, time.monotonic()
        return time.monotonic() - self._since > self._seconds


def until(read: Callable[[], T], deadline: Deadline, source: str = "El servicio") -> T:
    """Lo que devuelva `read` la primera vez que no lance `NotProven`, si ocurre antes de `deadline`.

    Un error de red al leer cuenta como «todavía no». Se intenta al menos una vez, aunque el plazo haya vencido.

    Raises:
        NotProven: la última que lanzó `read`, al vencer el plazo o enseguida si era definitiva.
    """
    pause = _FIRST_PAUSE_S
    while True:
        if deadline.cancelled:
            raise Interrupted
        try:
            return read()
        except NotProven as error:
            problem = error
        except OUR_MISTAKES:
            raise
        except Exception as error:
            problem = NotProven(f"{source} no contesta como se esperaba: {_one_line(error)}.")
        if problem.final or deadline.expired:
            raise problem
        deadline.pause(pause)
        pause = min(_LONGEST_PAUSE_S, pause * 1.5)


# Así lo cuentan urllib3 y requests, con más palabras y en inglés.
_REFUSED = re.compile(r"host='(?P<host>[^']+)', port=(?P<port>\d+)\).*Connection refused")


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    if refused := _REFUSED.search(text):
        return f"en {refused['host']}:{refused['port']} no escucha nadie"
    return text if len(text) < 160 else f"{text[:157]}…"
