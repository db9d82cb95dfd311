"""Ejecuta un flujo de verdad y prueba cada uno de sus pasos."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from scenarios.engine.events import HopDone, RunEvent, RunFinished
from scenarios.engine.flow import Flow
from scenarios.engine.stepping import Stepper
from stack.laboratory import Laboratory

OnRunEvent = Callable[[RunEvent], None]


@dataclass(frozen=True, slots=True)
class RunResult:
    """Lo que queda de una ejecución: los pasos en el orden del diagrama y el cierre."""

    hops: tuple[HopDone, ...]
    finished: RunFinished

    @property
    def passed(self) -> bool:
        """Si se probaron todos los pasos."""
        return self.finished.status == "passed"


def run(
    flow: Flow,
    laboratory: Laboratory,
    *,
    inputs: Mapping[str, Path | str] | None = None,
    stepper: Stepper | None = None,
    sabotage: str | None = None,
    on_event: OnRunEvent = lambda event: None,
    patience_s: float = 8.0,
) -> RunResult:
    """Ejecuta `flow` en `laboratory`, que ya tiene en marcha `flow.services`, y prueba sus pasos.

    Args:
        inputs: las entradas de `flow.inputs` que da la persona (`{"file": Path("foto.jpg")}`).
        stepper: quien decide antes de cada paso; sin él no hay paradas.
        sabotage: el paso que se estropea a propósito (`"A4"`). Lo estropeado se deshace siempre al final.
        on_event: recibe los sucesos de `scenarios.engine.events`.
        patience_s: lo que se espera, como mucho, a que una prueba se cumpla, en segundos.

    Raises:
        UsageError: entrada o paso desconocido.
        StacklabError: una entrada no se puede leer.
        KeyboardInterrupt: se pasa tal cual, después de soltar lo que estuviera parado y deshacer el sabotaje.
    """
    raise NotImplementedError
