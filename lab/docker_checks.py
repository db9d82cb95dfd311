"""Lo que `stacklab doctor` dice de Docker: el motor, las imágenes y lo que quedó de otra vez. No cambia nada."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.findings import OK, WARNING, Finding
from stack.errors import DockerError

if TYPE_CHECKING:
    from docker import APIClient

    from stack.containers.found import Engine
    from stack.containers.manifests import Manifest

PATIENCE_S = 1.0
"""Lo que se espera a que conteste el motor: quien pide un diagnóstico tiene más paciencia que quien arranca."""

_API_S = 5.0
_KINDS = {"native": "", "rootless": ", sin root", "desktop": ", Docker Desktop"}


def look(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Todo lo que hay que decir de Docker con ese entorno."""
    from stack.containers.engine import discover, warnings
    from stack.containers.failures import refusal, told
    from stack.containers.found import Engine

    found = discover(environment, PATIENCE_S)
    notes = warnings(environment)
    problem = refusal(found)
    if problem is not None or not isinstance(found, Engine):
        assert problem is not None
        yield from _without(problem, notes)
        return
    from stack.containers.engine import client

    try:
        with told(engine=found), client(found, timeout_s=_API_S) as api:
            yield _engine(found, api, notes)
            yield _images(api)
            yield from _leftovers(api)
    except DockerError as error:
        # Contestó al saludo y no a lo demás. Sin él se puede trabajar: es un aviso.
        yield Finding("Docker", WARNING, error.cause, error.command, (*error.details, *notes))


def manifests() -> list[Manifest]:
    """Lo que dicen los registros de cada imagen, preguntado por el motor.

    Raises:
        DockerError: no hay motor, o no llega a ningún registro.
    """
    from stack.containers.connection import Connection
    from stack.containers.images import load
    from stack.containers.manifests import ask

    return ask(Connection().client(), load().values())


def _without(problem: Any, notes: tuple[str, ...]) -> Iterator[Finding]:
    """Sin Docker se puede trabajar: si simplemente no está, no hay nada que arreglar."""
    from stack.errors import EngineAbsent

    plain = isinstance(problem, EngineAbsent) and not problem.cause.startswith("hay un Docker")
    chosen = "DOCKER_HOST" in problem.cause or "contexto" in problem.cause
    text = f"{problem.cause}. No hace falta: se usa lo que trae pip y lo que haya en este equipo"
    status = OK if plain and not chosen and not notes else WARNING
    yield Finding("Docker", status, text, problem.command, (*problem.details, *notes))


def _engine(engine: Engine, api: APIClient, notes: tuple[str, ...]) -> Finding:
    from stack.containers.engine import flavour

    kind = _KINDS[flavour(api)]
    version = engine.version or "de versión desconocida"
    text = f"{version}{kind} (API {engine.api_version}), {engine.origin}: {engine.url}"
    return Finding("Docker", WARNING if notes else OK, text, None, notes)


def _images(api: APIClient) -> Finding:
    from lab.render.pulls import about
    from stack.containers.images import load
    from stack.containers.pull import local

    here = {image: local(api, image) for image in load().values()}
    absent = [image for image, found in here.items() if found is None]
    other = [image.key for image, found in here.items() if found is not None and not found.pinned]
    details = []
    if other:
        details.append(
            f"no son las fijadas (se hicieron o se cargaron aquí, o son otras con su nombre): {', '.join(other)}"
        )
    if not absent:
        return Finding("Imágenes", OK, f"están las {len(here)}", None, tuple(details))
    size = about(sum(image.size_mb for image in absent))
    if len(absent) == len(here):
        return Finding(
            "Imágenes", OK, f"no está ninguna; se bajan solas cuando hacen falta (las {len(here)}, {size})"
        )
    text = f"están {len(here) - len(absent)} de {len(here)}; las otras se bajan solas cuando hacen falta ({size})"
    return Finding("Imágenes", OK, text, None, (*details, f"faltan {', '.join(image.key for image in absent)}"))


def _leftovers(api: APIClient) -> Iterator[Finding]:
    """Lo que lleva nuestra etiqueta y es de un laboratorio cuya carpeta ya no está: nadie más lo va a quitar."""
    from stack.containers import names

    label = {"label": names.PROJECT}
    lost = partial(filter, lambda one: _homeless(one.get("Labels")))
    containers = [one["Id"][:12] for one in lost(api.containers(all=True, filters=label))]
    networks = [one["Name"] for one in lost(api.networks(filters=label))]
    volumes = [one["Name"] for one in lost(api.volumes(filters=label).get("Volumes") or ())]
    if not (containers or networks or volumes):
        return
    kinds = ((containers, "contenedores"), (networks, "redes"), (volumes, "volúmenes con datos"))
    what = ", ".join(f"{name} ({len(some)})" for some, name in kinds if some)
    text = f"quedan en Docker cosas de un laboratorio cuya carpeta ya no existe: {what}"
    orders = (("docker rm -f", containers), ("docker network rm", networks), ("docker volume rm", volumes))
    yield Finding("Restos", WARNING, text, _together(orders))


def _together(orders: Iterable[tuple[str, list[str]]]) -> str:
    return " && ".join(f"{order} {' '.join(some)}" for order, some in orders if some)


def _homeless(labels: Mapping[str, str] | None) -> bool:
    from stack.containers import names

    home = (labels or {}).get(names.HOME)
    with suppress(OSError):
        return home is not None and not Path(home).is_dir()
    return False
