"""Bajar imágenes: cuáles faltan, de dónde, y contando cada capa según llega.

Se usa la API de bajo nivel, que va diciendo lo que hace
(https://docs.docker.com/reference/api/engine/version/v1.45/#tag/Image/operation/ImageCreate). Lo que se baja se
queda: repetir la orden sigue por donde iba. Nada se baja para otra clase de máquina.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stack.containers import failures, sentences
from stack.containers.download import LOOK_S, download, for_api
from stack.containers.engine import flavour_of
from stack.containers.images import Image
from stack.errors import (
    DiskFull,
    DockerError,
    EngineAbsent,
    EngineDenied,
    RateLimited,
    RegistryUnreachable,
    StacklabError,
)
from stack.events import Event, ImagesMissing, ImageTrying

if TYPE_CHECKING:
    from docker import APIClient

RETRY_S = 5.0
"""Lo que se espera para intentarlo otra vez cuando el registro dice que ya se ha bajado bastante."""

UNPACKED = 3
"""Cuántas veces lo que baja ocupa una imagen mientras se desempaqueta: lo bajado y lo que sale de ello."""

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "armv6l": "arm"}
_FATAL = (EngineAbsent, EngineDenied, DiskFull)


@dataclass(frozen=True, slots=True)
class Local:
    """La imagen de este motor que sirve.

    `pinned` es cierto si son exactamente los bytes que fija `images.toml` o, donde no los fija, si al menos llegó
    de su registro. Una hecha o cargada aquí con el mismo nombre se usa, pero hay que decirlo. `architecture` es
    como la llama Docker: «amd64», «arm64».
    """

    id: str
    pinned: bool
    labels: Mapping[str, str]
    architecture: str


def local(client: APIClient, image: Image) -> Local | None:
    """Qué imagen del motor sirve como `image`: la que tiene su huella o, si no, la que tiene su nombre."""
    from docker.errors import ImageNotFound

    for name in dict.fromkeys((image.by_digest, image.reference)):
        try:
            about = client.inspect_image(name)
        except ImageNotFound:
            continue
        digests = {one.partition("@")[2] for one in about.get("RepoDigests") or ()}
        pinned = image.digest in digests if image.digest else bool(digests)
        labels = (about.get("Config") or {}).get("Labels") or {}
        return Local(about["Id"], pinned, labels, str(about.get("Architecture", "")))
    return None


def missing(client: APIClient, images: Iterable[Image]) -> list[Image]:
    """Las de `images` que no están en el motor, sin repetir y en su orden."""
    return [one for one in dict.fromkeys(images) if local(client, one) is None]


def fetch(
    client: APIClient,
    images: Iterable[Image],
    *,
    on_event: Callable[[Event], None],
    cancelled: Callable[[], bool],
) -> list[Image]:
    """Baja las de `images` que falten, de una en una, y devuelve cuáles eran.

    Antes de empezar avisa de cuánto es (`ImagesMissing`) y mira si cabe. Si una falla se intenta también con las
    demás, salvo que no haya red: lo que se baje, se queda. Con `cancelled` cierto vuelve sin terminar.

    Raises:
        DockerError: la primera que no se pudo bajar, con su causa.
    """
    absent = missing(client, images)
    if not absent:
        return []
    about = client.info()
    total = sum(one.size_mb for one in absent)
    on_event(ImagesMissing(tuple(one.reference for one in absent), total))
    _check_space(about, total)
    platform = platform_of(about)
    problems: list[StacklabError] = []
    for image in absent:
        if cancelled():
            break
        try:
            pull(client, image, on_event, cancelled, platform=platform)
        except _FATAL:
            raise
        except DockerError as error:
            problems.append(error)
            if isinstance(error, RegistryUnreachable):
                # Sin red, con las demás pasaría lo mismo, y cada intento puede durar lo suyo.
                break
    if problems:
        raise problems[0]
    return absent


def pull(
    client: APIClient,
    image: Image,
    on_event: Callable[[Event], None],
    cancelled: Callable[[], bool],
    *,
    platform: str | None = None,
    retry_s: float = RETRY_S,
) -> None:
    """Baja `image` del primer sitio que la dé y le pone su nombre. Con `cancelled` cierto vuelve sin terminar.

    `platform` es la clase de máquina del motor («linux/arm64»); sin ella se le pregunta. Si el registro dice que
    ya se ha bajado bastante, se prueba en los espejos y, si ninguno la da, otra vez al cabo de `retry_s` segundos.

    Raises:
        DockerError: no la da ningún sitio. Es lo que dijo el primero; los detalles, lo que dijo cada uno.
    """
    wanted = platform or platform_of(client.info())
    refused: list[tuple[str, StacklabError]] = []
    pending, again = list(image.references()), True
    while pending and not cancelled():
        reference = pending.pop(0)
        if refused:
            on_event(ImageTrying(image.key, reference, refused[-1][1].cause))
        try:
            _check_platform(client, image, reference, wanted)
            finished = download(client, image, reference, on_event, cancelled)
        except _FATAL:
            raise
        except DockerError as error:
            refused.append((reference, error))
            limited = next((where for where, one in refused if isinstance(one, RateLimited)), None)
            if not pending and limited is not None and again:
                again, pending = False, [limited]
                _wait(retry_s, cancelled)
            continue
        if finished:
            _name(client, image, reference, wanted)
        return
    if refused and not cancelled():
        raise _joined(image, refused)


def platform_of(about: Mapping[str, Any]) -> str:
    """La clase de máquina de un motor, como la llaman los registros: «linux/amd64». `about` es su `/info`."""
    machine = str(about.get("Architecture", ""))
    return f"{about.get('OSType', 'linux')}/{_MACHINES.get(machine, machine)}"


def _check_platform(client: APIClient, image: Image, reference: str, wanted: str) -> None:
    """Que el registro tenga `reference` para esta clase de máquina; si no lo dice, se sigue.

    Solo se pregunta donde puede no haberla: preguntar cuenta como una bajada para el límite del registro, y para
    linux/amd64 las hay todas.
    """
    if wanted == "linux/amd64":
        return
    from docker.credentials.errors import StoreError
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        offered = client.inspect_distribution(for_api(reference)).get("Platforms") or []
    except (DockerException, RequestException, StoreError):
        return
    names = [f"{one.get('os')}/{one.get('architecture')}" for one in offered if one.get("os") != "unknown"]
    if names and wanted not in names:
        raise sentences.no_platform(image, wanted, dict.fromkeys(names))


def _check_space(about: Mapping[str, Any], total_mb: float) -> None:
    """Que quepan, si el disco donde se guardan es el de esta máquina (con Docker Desktop no lo es)."""
    folder = Path(str(about.get("DockerRootDir") or "/var/lib/docker"))
    if flavour_of(about) == "desktop":
        return
    try:
        free_mb = shutil.disk_usage(folder).free / 1_000_000
    except OSError:
        return
    if free_mb < total_mb * UNPACKED:
        raise sentences.disk_full(total_mb * UNPACKED, free_mb, str(folder))


def _name(client: APIClient, image: Image, reference: str, wanted: str) -> None:
    """Comprueba que lo bajado es para esta clase de máquina y le pone el nombre con que se busca."""
    try:
        about = client.inspect_image(for_api(reference))
        got = f"{about.get('Os', 'linux')}/{about.get('Architecture', '')}"
        if got != wanted:
            raise sentences.no_platform(image, wanted, [got])
        if image.reference not in (about.get("RepoTags") or ()):
            client.tag(about["Id"], image.name, image.tag)
    except StacklabError:
        raise
    except Exception as error:
        raise failures.translate(error, image=image) from error


def _wait(seconds: float, cancelled: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while not cancelled() and (left := deadline - time.monotonic()) > 0:
        threading.Event().wait(min(LOOK_S, left))


def _joined(image: Image, refused: list[tuple[str, StacklabError]]) -> StacklabError:
    """El primero, que es del sitio bueno, con lo que dijo cada uno."""
    first = refused[0][1]
    if len({where for where, _ in refused}) > 1:
        first.details = tuple(f"{where.partition('@')[0]}: {one.cause}" for where, one in dict(refused).items())
    return first
