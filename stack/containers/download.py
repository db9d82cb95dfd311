"""Una bajada: leer lo que el motor va diciendo de cada capa, sin quedarse esperando si se calla.

https://docs.docker.com/reference/api/engine/version/v1.45/#tag/Image/operation/ImageCreate
"""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from stack.containers import failures
from stack.containers.images import Image
from stack.events import Event, ImagePulled, ImagePulling, Layer

if TYPE_CHECKING:
    from docker import APIClient

LOOK_S = 0.1
"""Cada cuánto se mira si hay que dejarlo, aunque el motor esté callado."""

TELL_S = 0.1
"""Cada cuánto se cuenta, como mucho, cómo va una bajada."""


def download(
    client: APIClient,
    image: Image,
    reference: str,
    on_event: Callable[[Event], None],
    cancelled: Callable[[], bool],
) -> bool:
    """Baja de `reference`; falso si se dejó a medias porque `cancelled`."""
    progress, told, began = _Progress(), 0.0, time.monotonic()
    on_event(progress.event(image, reference))
    try:
        for line in _lines(client, reference, cancelled):
            if line is None:
                return False
            if "error" in line:
                detail = line.get("errorDetail") or {}
                raise failures.RefusedError(str(detail.get("message") or line["error"]))
            progress.note(line)
            if progress.news and time.monotonic() - told >= TELL_S:
                told = time.monotonic()
                on_event(progress.event(image, reference))
    except Exception as error:
        raise failures.translate(error, image=image) from error
    on_event(progress.event(image, reference))
    on_event(ImagePulled(image.key, reference, progress.total, time.monotonic() - began))
    return True


def _lines(client: APIClient, reference: str, cancelled: Callable[[], bool]) -> Iterator[dict[str, Any] | None]:
    """Lo que va diciendo el motor; acaba con `None` si `cancelled`.

    El motor puede callar mucho rato (una red que no responde): se lee en otro hilo para poder dejarlo. Ese hilo
    cierra la conexión en cuanto llega algo, y entonces el motor abandona la bajada; si no llega nada, muere con la
    orden.
    """
    lines: SimpleQueue[dict[str, Any] | BaseException | None] = SimpleQueue()
    left = threading.Event()

    def read() -> None:
        try:
            with closing(_stream(client, reference)) as stream:
                for line in stream:
                    lines.put(line)
                    if left.is_set():
                        return
            lines.put(None)
        except BaseException as error:
            lines.put(error)

    threading.Thread(target=read, daemon=True, name="bajada").start()
    try:
        while not cancelled():
            try:
                line = lines.get(timeout=LOOK_S)
            except Empty:
                # Nada nuevo: ocasión de contar lo último, que pudo quedarse sin decir.
                line = {}
            if isinstance(line, BaseException):
                raise line
            if line is None:
                return
            yield line
        yield None
    finally:
        left.set()


def _stream(client: APIClient, reference: str) -> Any:
    from docker.credentials.errors import StoreError
    from docker.errors import DockerException

    # De eso avisa por su cuenta, en inglés y en medio de la pantalla.
    warnings.filterwarnings("ignore", "docker-credential-", UserWarning)
    try:
        return client.pull(for_api(reference), stream=True, decode=True)
    except (StoreError, DockerException) as error:
        # Un ayudante de credenciales que ya no está no es motivo para no bajar lo que es de todos.
        if isinstance(error, DockerException) and "Credentials store error" not in str(error):
            raise
        return client.pull(for_api(reference), stream=True, decode=True, auth_config={})


def for_api(reference: str) -> str:
    """`nombre:etiqueta@huella` → `nombre@huella`: la API no quiere las dos cosas."""
    name, at, digest = reference.partition("@")
    if not at:
        return reference
    head, _, last = name.rpartition("/")
    return f"{head}/{last.partition(':')[0]}@{digest}".lstrip("/")


@dataclass(slots=True)
class _Progress:
    """Lo que se sabe de cada capa."""

    layers: dict[str, Layer] = field(default_factory=dict)
    news: bool = False

    @property
    def total(self) -> int:
        return sum(one.total for one in self.layers.values())

    def note(self, line: Mapping[str, Any]) -> None:
        """Apunta lo que dice `line`, si es de una capa; entonces hay novedades (`news`)."""
        name, status = line.get("id"), str(line.get("status", ""))
        if not name or status.startswith("Pulling from"):
            return
        before = self.layers.get(name, Layer(0, 0, ""))
        detail = line.get("progressDetail") or {}
        current, total = int(detail.get("current") or 0), int(detail.get("total") or 0)
        if status == "Downloading":
            now = Layer(current, total or before.total, status)
        elif status in (
            "Extracting",
            "Verifying Checksum",
            "Download complete",
            "Pull complete",
            "Already exists",
        ):
            # Al desempaquetar, la cuenta es otra y empieza de cero: lo bajado ya está entero.
            now = Layer(before.total, before.total, status)
        else:
            now = Layer(before.current, before.total, status)
        self.layers[name], self.news = now, True

    def event(self, image: Image, reference: str) -> ImagePulling:
        """Cómo va, para contarlo; deja de haber novedades."""
        self.news = False
        current = sum(one.current for one in self.layers.values())
        return ImagePulling(image.key, reference, dict(self.layers), current, self.total)
