"""Dónde está cada cosa de un paso: el fichero de quien lo da y el de lo que lo prueba."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from scenarios.engine.flow import Flow, Hop
from stack.model import Kind, Service

_ROOT = Path(__file__).parents[2]


def maker(flow: Flow, hop: Hop, services: Iterable[Service]) -> str:
    """El fichero del programa que da el paso, o el de su configuración si es un servicio («scenarios/…/auth.py»).

    Quien da el paso es quien llama; en una respuesta, quien la recibe, que es nuestro.
    """
    catalog = {service.name: service for service in services}
    ends = (hop.arrow.receiver, hop.arrow.sender) if hop.arrow.reply else (hop.arrow.sender, hop.arrow.receiver)
    names = [flow.participants.get(end.alias) for end in ends]
    for name in names:
        service = catalog.get(name or "")
        if service is not None and service.kind is Kind.MICROSERVICE and service.embedded is not None:
            module = service.embedded.argv[service.embedded.argv.index("-m") + 1]
            return f"{module.replace('.', '/')}.py"
    folder = f"scenarios/{flow.id.replace('-', '_')}"
    if names[0] == "kong" or (names[0] is None and names[1] == "kong"):
        return f"{folder}/kong.yaml"
    return f"{folder}/client.py" if names[0] is None else f"stack/{names[0]}/service.py"


def prover(hop: Hop) -> str:
    """El fichero y la función de su prueba: «scenarios/flujo_b/proofs/session.py · b9»."""
    return _where(hop.prove)


def _where(function: Callable[..., Any]) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    path = Path(inspect.getsourcefile(function) or "").resolve()
    return f"{path.relative_to(_ROOT).as_posix()} · {function.__name__}"
