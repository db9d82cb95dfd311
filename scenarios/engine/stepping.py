"""Ir paso a paso: quién decide cuándo se sigue y qué puede decidir."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from scenarios.engine.events import HopWaiting


class Step(StrEnum):
    """Lo que decide la persona: dejar pasar este paso, ir hasta el final sin más paradas, o dejarlo aquí."""

    NEXT = "next"
    TO_END = "to-end"
    STOP = "stop"


class Stepper(Protocol):
    """Quien pregunta a la persona. Se le llama desde el hilo de `run`, justo después del suceso `HopWaiting`."""

    def __call__(self, waiting: HopWaiting, /) -> Step:
        """Espera lo que haga falta y devuelve la decisión. Mientras tanto el sistema está parado."""
        ...
