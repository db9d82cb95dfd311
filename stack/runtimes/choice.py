"""Qué runtime corre cada servicio. Añadir uno es su fichero y una línea en `available`."""

from __future__ import annotations

from collections.abc import Mapping

from stack.errors import StartError, UsageError
from stack.folder import Folder
from stack.model import Kind, Service
from stack.runtimes.base import Runtime
from stack.suggest import nearest

AUTO = "auto"

PENDING: Mapping[str, str] = {
    "docker": "Correr las imágenes oficiales en Docker",
    "binary": "Buscar en el equipo los programas reales",
}
"""Los que existen en el diseño y todavía no en esta versión: nombre → lo que harían."""


def available(folder: Folder) -> dict[str, Runtime]:
    """Los runtimes de esta versión, del que se prefiere al que siempre vale."""
    from stack.runtimes.embedded import EmbeddedRuntime

    return {"embedded": EmbeddedRuntime(folder)}


def choose(service: Service, wanted: str, current: str | None, runtimes: Mapping[str, Runtime]) -> Runtime:
    """El runtime para `service`: el que se pide o, con `auto`, el que ya tiene (`current`) o el mejor que haya.

    Los microservicios y nuestras páginas son procesos de esta máquina en cualquier caso: así se puede matar uno
    y mirar qué pasa.

    Raises:
        UsageError: no hay un runtime que se llame así.
        StartError: lo hay, pero aquí no se puede usar, o no sabe arrancar este servicio.
    """
    require_known(wanted, runtimes)
    if service.kind is not Kind.SERVICE:
        return runtimes["embedded"]
    if wanted != AUTO:
        runtime = runtimes[wanted]
        reason = runtime.unavailable()
        if reason is None and runtime.offer(service) is None:
            reason = f"no sabe arrancar {service.title}"
        if reason is not None:
            raise StartError(
                f"no se puede usar el runtime {wanted}: {reason}",
                "Sin --runtime, stacklab elige solo el mejor de los que hay.",
                "stacklab doctor",
            )
        return runtime
    if current is not None and current in runtimes:
        return runtimes[current]
    return next(one for one in runtimes.values() if one.unavailable() is None and one.offer(service) is not None)


def require_known(wanted: str, runtimes: Mapping[str, Runtime]) -> None:
    """Comprueba que `wanted` es `auto` o un runtime de esta versión.

    Raises:
        UsageError: no hay un runtime que se llame así.
        StartError: está en el diseño, pero no en esta versión.
    """
    if wanted == AUTO or wanted in runtimes:
        return
    if wanted in PENDING:
        raise StartError(
            f"el runtime {wanted} no está en esta versión de stacklab",
            f"{PENDING[wanted]} llegará más adelante. Mientras tanto, todo funciona con lo que trae pip: "
            "los servicios son programas locales y suplentes, y la etiqueta de cada uno lo dice.",
            "stacklab up --runtime embedded",
        )
    known = [AUTO, *runtimes, *PENDING]
    near = nearest(wanted, known)
    meaning = f"¿Querías decir {near[0]}?" if near else f"Los que hay: {', '.join([AUTO, *runtimes])}."
    raise UsageError(f"no hay ningún runtime que se llame «{wanted}»", meaning, "stacklab up --help")
