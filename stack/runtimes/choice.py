"""Qué runtime corre cada servicio. Añadir uno es su fichero y una línea en `available`."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

from stack.errors import StartError, UsageError
from stack.folder import Folder
from stack.model import Kind, Service
from stack.runtimes.base import Runtime
from stack.suggest import nearest

AUTO = "auto"
EMBEDDED = "embedded"
BINARY = "binary"

PREFERRED = "STACKLAB_DEFAULT_RUNTIME"
"""La variable que dice qué runtime prefiere la persona cuando no pide ninguno."""


def available(folder: Folder) -> dict[str, Runtime]:
    """Los runtimes de esta versión, del que se prefiere al que siempre vale."""
    from stack.runtimes.binary import BinaryRuntime
    from stack.runtimes.docker import DockerRuntime
    from stack.runtimes.embedded import EmbeddedRuntime

    return {"docker": DockerRuntime(folder), "binary": BinaryRuntime(folder), EMBEDDED: EmbeddedRuntime(folder)}


def choose(
    service: Service,
    wanted: str,
    current: str | None,
    runtimes: Mapping[str, Runtime],
    *,
    strict: bool = True,
    without: Collection[str] = (),
) -> Runtime:
    """El runtime para `service`: el que se pide o, con `auto`, el que ya tiene (`current`) o el mejor que haya.

    Los microservicios y nuestras páginas son procesos de esta máquina en cualquier caso: así se puede matar uno
    y mirar qué pasa. Sin `strict` (se pidió para todos, no para este), lo que `binary` no encuentra lo pone pip:
    la etiqueta de cada uno dice la verdad. `without` son los runtimes que ya han fallado con él.

    Raises:
        UsageError: no hay un runtime que se llame así.
        StartError: lo hay, pero aquí no se puede usar, o no sabe arrancar este servicio.
    """
    require_known(wanted, runtimes)
    if service.kind is not Kind.SERVICE:
        return runtimes[EMBEDDED]
    if wanted != AUTO:
        return _asked(service, wanted, runtimes, strict)
    if current is not None and current in runtimes and current not in without:
        return runtimes[current]
    liked = os.environ.get(PREFERRED, "")
    for name, runtime in sorted(runtimes.items(), key=lambda item: item[0] != liked):
        if name not in without and runtime.unavailable() is None and runtime.offer(service) is not None:
            return runtime
    reasons = "; ".join(f"{name}: {_reason(one, service)}" for name, one in runtimes.items())
    raise StartError(
        f"no hay con qué arrancar {service.title} en esta máquina",
        f"Se ha mirado en todas partes ({reasons}).",
        "stacklab doctor",
    )


def _asked(service: Service, wanted: str, runtimes: Mapping[str, Runtime], strict: bool) -> Runtime:
    runtime = runtimes[wanted]
    if (refusal := runtime.unavailable()) is not None:
        raise refusal
    if runtime.offer(service) is not None:
        return runtime
    if wanted == BINARY and not strict and runtimes[EMBEDDED].offer(service) is not None:
        return runtimes[EMBEDDED]
    raise StartError(
        f"no se puede usar el runtime {wanted} para {service.title}: {runtime.why_not(service)}",
        "Sin --runtime ni --set, stacklab elige solo el mejor de los que hay.",
        "stacklab doctor",
    )


def _reason(runtime: Runtime, service: Service) -> str:
    refusal = runtime.unavailable()
    return refusal.cause if refusal is not None else runtime.why_not(service)


def require_known(wanted: str, runtimes: Mapping[str, Runtime]) -> None:
    """Comprueba que `wanted` es `auto` o un runtime de esta versión; `UsageError` si no lo es."""
    if wanted == AUTO or wanted in runtimes:
        return
    known = [AUTO, *runtimes]
    near = nearest(wanted, known)
    meaning = f"¿Querías decir {near[0]}?" if near else f"Los que hay: {', '.join(known)}."
    raise UsageError(f"no hay ningún runtime que se llame «{wanted}»", meaning, "stacklab up --help")
