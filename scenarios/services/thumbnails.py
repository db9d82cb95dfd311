"""Microservicio de miniaturas: lee `avatar_subido`, hace tres tamaños de cada foto y los guarda.

Nadie espera por él: quien subió la foto ya tiene su respuesta. Si se cae, los mensajes se quedan en Kafka y los
atiende cuando vuelve. Atender dos veces el mismo mensaje deja lo mismo que una: las claves salen de la foto, así
que la segunda vez se escribe lo mismo en el mismo sitio.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI
from PIL import Image, ImageOps
from prometheus_client import Counter

from scenarios.kit.app import create_app, serve
from scenarios.kit.cache import Cache
from scenarios.kit.logs import setup_logs
from scenarios.kit.messaging import Event, NotUnderstood, Subscription
from scenarios.kit.settings import required
from scenarios.kit.storage import Storage
from scenarios.kit.telemetry import setup_telemetry

TOPIC = "avatar_subido"
GROUP = "thumbnails"
BUCKET = "avatares"
SIZES = (64, 128, 256)
URL_TTL_S = 3600
QUALITY = 82

_log = logging.getLogger(__name__)
_made = Counter("thumbnails_total", "Miniaturas hechas y guardadas.", ["size"])
_failed = Counter("thumbnails_failed_total", "Mensajes de los que no se pudieron hacer miniaturas.")
for _size in SIZES:
    _made.labels(str(_size))  # para que la serie exista, a cero, desde el principio


class Thumbnailer:
    """Lo que hace el microservicio, con los clientes que necesita."""

    def __init__(self, storage: Storage, cache: Cache, public_url: str) -> None:
        self._storage, self._cache, self._public_url = storage, cache, public_url

    def handle(self, event: Event) -> None:
        """Atiende un `avatar_subido`: descarga la foto, guarda sus miniaturas y deja sus URL en la caché.

        Raises:
            NotUnderstood: al suceso le faltan datos o la foto no se puede abrir. Repetirlo no serviría.
            Unavailable, Missing: el almacén no dio la foto o no guardó una miniatura. Se puede repetir.
        """
        try:
            user, key = str(event["user"]), str(event["key"])
        except KeyError as error:
            raise NotUnderstood(f"al suceso le falta {error}") from error
        original = self._storage.get(BUCKET, key).content
        urls = {}
        for size, content in make_thumbnails(original).items():
            target = thumbnail_key(key, size)
            self._storage.put(BUCKET, target, content, "image/webp")
            _made.labels(str(size)).inc()
            urls[f"avatar:{user}:{size}"] = f"{self._public_url}/api/avatars/{target}"
        self._cache.remember(urls, URL_TTL_S)
        _log.info("miniaturas hechas", extra={"object": key, "sizes": list(SIZES)})


def thumbnail_key(key: str, size: int) -> str:
    """De `ana/7f3c.png` a `ana/7f3c-64.webp`."""
    return f"{key.rpartition('.')[0]}-{size}.webp"


def make_thumbnails(content: bytes) -> dict[int, bytes]:
    """Las miniaturas WebP de una foto, por tamaño.

    Son cuadradas, recortadas por el centro: un avatar se enseña en un cuadrado o en un círculo, y con bandas o
    aplastado quedaría mal. Se respeta el giro que apuntó la cámara (EXIF) y no se copian los demás metadatos,
    que pueden llevar dónde se hizo la foto. Una foto menor que la miniatura no se agranda: se queda con su lado
    corto, porque estirarla solo la haría borrosa y más pesada.

    Raises:
        NotUnderstood: no es una foto que se pueda abrir.
    """
    try:
        with Image.open(io.BytesIO(content), formats=["PNG", "JPEG", "WEBP"]) as opened:
            opened.draft("RGB", (2 * max(SIZES), 2 * max(SIZES)))
            upright = ImageOps.exif_transpose(opened)
            picture = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    except Exception as error:
        raise NotUnderstood("la foto no se puede abrir") from error
    return {size: _thumbnail(picture, min(size, *picture.size)) for size in SIZES}


def _thumbnail(picture: Image.Image, side: int) -> bytes:
    output = io.BytesIO()
    square = ImageOps.fit(picture, (side, side), method=Image.Resampling.LANCZOS)
    square.save(output, "WEBP", quality=QUALITY, method=4)
    return output.getvalue()


def build() -> FastAPI:
    """La aplicación (salud y métricas) y, a su lado, el hilo que atiende los mensajes."""
    storage = Storage.from_env()
    thumbnailer = Thumbnailer(storage, Cache.from_env(), required("PUBLIC_URL"))
    subscription = Subscription(TOPIC, GROUP, thumbnailer.handle, on_failure=_failed.inc)

    @contextmanager
    def running() -> Iterator[None]:
        storage.ensure_bucket(BUCKET)
        with subscription.running():
            yield

    return create_app("thumbnails", running=running, healthy=lambda: subscription.alive)


if __name__ == "__main__":
    setup_logs("thumbnails")
    setup_telemetry("thumbnails")
    serve(build())
