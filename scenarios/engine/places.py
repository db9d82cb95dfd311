"""Dónde está cada cosa de un paso: el fichero y la función de quien lo da y de lo que lo prueba."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scenarios.engine.flow import Hop

_ROOT = Path(__file__).parents[2]


def prover(hop: Hop) -> str:
    """El fichero y la función de su prueba: «scenarios/flujo_b/proofs/session.py · b9».

    Los de quien da el paso los dice el flujo: `Hop.made_by`.
    """
    return _where(hop.prove)


def _where(function: Callable[..., Any]) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    path = Path(inspect.getsourcefile(function) or "").resolve()
    return f"{path.relative_to(_ROOT).as_posix()} · {function.__name__}"
