"""Preguntar a los registros por las imágenes fijadas sin bajarlas: si están, si son esas y para qué máquinas.

Lo pregunta el motor, que es quien las bajaría
(https://docs.docker.com/reference/api/engine/version/v1.45/#tag/Distribution/operation/DistributionInspect).
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from stack.containers.images import Image
from stack.errors import ImageGone, RegistryUnreachable, StacklabError

if TYPE_CHECKING:
    from docker import APIClient

AT_ONCE = 6


class Verdict(StrEnum):
    """Cómo está una imagen en su registro."""

    SAME = "same"  # la etiqueta apunta a la huella fijada
    MOVED = "moved"  # apunta a otra, pero la fijada sigue ahí
    UNPINNED = "unpinned"  # está, y `images.toml` no fija su huella
    MIRROR = "mirror"  # en su sitio no está, en un espejo sí
    GONE = "gone"  # no está en ningún sitio
    UNKNOWN = "unknown"  # no se ha podido preguntar


@dataclass(frozen=True, slots=True)
class Manifest:
    """Lo que se ha sabido de una imagen. `digest` es la huella que da hoy su etiqueta; `where`, el espejo que la
    tiene, si no la tiene su sitio."""

    image: Image
    verdict: Verdict
    platforms: tuple[str, ...] = ()
    digest: str = ""
    where: str = ""
    error: StacklabError | None = None

    @property
    def usable(self) -> bool:
        """Si `stacklab up` podría bajarla."""
        return self.verdict not in (Verdict.GONE, Verdict.UNKNOWN)


def ask(client: APIClient, images: Iterable[Image]) -> list[Manifest]:
    """Lo que dicen los registros de cada una de `images`, en su orden.

    Raises:
        RegistryUnreachable: no se llega a ninguno.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda image: _of(client, image), images))
    lost = [one.error for one in found if isinstance(one.error, RegistryUnreachable)]
    if found and len(lost) == len(found):
        raise lost[0]
    return found


def _of(client: APIClient, image: Image) -> Manifest:
    answer = _inspect(client, image.reference, image)
    if not isinstance(answer, StacklabError):
        digest, platforms = _digest(answer), _platforms(answer)
        if not image.digest:
            return Manifest(image, Verdict.UNPINNED, platforms, digest)
        if digest == image.digest:
            return Manifest(image, Verdict.SAME, platforms, digest)
        pinned = _inspect(client, image.by_digest, image)
        if not isinstance(pinned, StacklabError):
            return Manifest(image, Verdict.MOVED, _platforms(pinned), digest)
    for mirror in image.mirrors:
        other = _inspect(client, mirror, image)
        if not isinstance(other, StacklabError) and image.digest in ("", _digest(other)):
            return Manifest(image, Verdict.MIRROR, _platforms(other), _digest(other), mirror)
    if not isinstance(answer, StacklabError):
        return Manifest(image, Verdict.GONE, digest=_digest(answer))
    verdict = Verdict.GONE if isinstance(answer, ImageGone) else Verdict.UNKNOWN
    return Manifest(image, verdict, error=answer)


def _inspect(client: APIClient, reference: str, image: Image) -> dict[str, Any] | StacklabError:
    from stack.containers.failures import told

    try:
        with told(image=image):
            return dict(client.inspect_distribution(reference))
    except StacklabError as error:
        return error


def _digest(answer: dict[str, Any]) -> str:
    return str((answer.get("Descriptor") or {}).get("digest", ""))


def _platforms(answer: dict[str, Any]) -> tuple[str, ...]:
    """Sin los manifiestos que no son de ninguna máquina (los de las firmas dicen «unknown»)."""
    named = (f"{one.get('os')}/{one.get('architecture')}" for one in answer.get("Platforms") or ())
    return tuple(sorted({one for one in named if "unknown" not in one}))
