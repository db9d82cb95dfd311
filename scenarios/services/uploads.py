"""Microservicio de subidas: recibe un avatar, lo guarda y avisa. No hace miniaturas: contesta enseguida.

POST /api/upload/avatar           sube la foto (multipart, campo `file`) de quien diga el token
GET  /api/avatars/{user}/{file}   devuelve una foto o una miniatura; es público
"""

from __future__ import annotations

import hashlib
import io
import logging
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Response, UploadFile
from PIL import Image
from prometheus_client import Counter, Histogram

from scenarios.kit.app import create_app, serve
from scenarios.kit.body import BodyLimit
from scenarios.kit.cache import Cache
from scenarios.kit.errors import Missing, Unavailable
from scenarios.kit.identity import user_from_token
from scenarios.kit.logs import setup_logs
from scenarios.kit.messaging import Publisher, ensure_topics
from scenarios.kit.settings import optional, required
from scenarios.kit.storage import Storage
from scenarios.kit.telemetry import setup_telemetry

BUCKET = "avatares"
EVENT = "avatar_subido"
URL_TTL_S = 3600
MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 40_000_000
MULTIPART_OVERHEAD = 16 * 1024

FORMATS = {
    "PNG": (re.compile(rb"\x89PNG\r\n\x1a\n"), "png", "image/png"),
    "JPEG": (re.compile(rb"\xff\xd8\xff"), "jpg", "image/jpeg"),
    "WEBP": (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "webp", "image/webp"),
}
"""Cómo empieza un fichero de cada formato, con qué extensión se guarda y con qué tipo se sirve."""

Image.MAX_IMAGE_PIXELS = None  # el límite es el nuestro, `MAX_PIXELS`, y se mira antes de descomprimir

_log = logging.getLogger(__name__)
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}/[0-9a-f]{32}(-\d{2,3})?\.(png|jpg|webp)")
_uploads = Counter("avatar_uploads_total", "Avatares recibidos, según cómo acabó la subida.", ["result"])
_bytes = Counter("avatar_upload_bytes_total", "Bytes de los avatares guardados.")
_seconds = Histogram("avatar_upload_duration_seconds", "Lo que tarda una subida en contestarse.")
for _result in ("ok", "rejected", "error"):
    _uploads.labels(_result)  # para que la serie exista, a cero, desde el principio


class Uploads:
    """Lo que hace el microservicio, con los clientes que necesita."""

    def __init__(self, storage: Storage, publisher: Publisher, cache: Cache, public_url: str, topic: str) -> None:
        self._storage, self._publisher, self._cache = storage, publisher, cache
        self._public_url, self._topic = public_url, topic

    def prepare(self) -> None:
        """Deja listos el bucket, el topic y la conexión con Kafka. Lo que ya exista no cambia."""
        self._storage.ensure_bucket(BUCKET)
        ensure_topics(self._topic)
        self._publisher.connect()

    def accept(self, user: str, content: bytes) -> str:
        """Guarda la foto de `user`, publica el suceso, deja su URL en la caché y la devuelve.

        Raises:
            HTTPException: 413, 415 o 422 si lo recibido no es una foto que se acepte. No se guarda nada.
            Unavailable: el almacén o Kafka no contestan. Tampoco queda nada a medias.
        """
        extension, content_type = check_image(content)
        key = f"{user}/{uuid.uuid4().hex}.{extension}"
        url = f"{self._public_url}/api/avatars/{key}"
        self._storage.put(BUCKET, key, content, content_type)
        try:
            self._publisher.publish(
                self._topic,
                user,
                {
                    "event": EVENT,
                    "user": user,
                    "bucket": BUCKET,
                    "key": key,
                    "content_type": content_type,
                    "bytes": len(content),
                    "sha256": hashlib.sha256(content).hexdigest(),
                    "url": url,
                    "occurred_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                },
            )
        except Unavailable:
            # Sin el suceso nadie haría las miniaturas: mejor no dejar la foto y que se vuelva a intentar.
            self._storage.remove(BUCKET, key)
            raise
        self._cache.remember({f"avatar:{user}": url}, URL_TTL_S)
        _bytes.inc(len(content))
        _log.info("avatar guardado", extra={"object": key, "bytes": len(content)})
        return url

    def fetch(self, key: str) -> Response:
        """La foto o miniatura `key` (`usuario/fichero`), tal cual se guardó.

        Raises:
            Missing: no existe, o ese nombre no lo puede tener ninguna foto.
        """
        if not _KEY.fullmatch(key):
            raise Missing(key)
        stored = self._storage.get(BUCKET, key)
        return Response(
            stored.content,
            media_type=stored.content_type,
            headers={
                "ETag": f'"{stored.etag}"',
                "Cache-Control": "public, max-age=86400, immutable",
                "X-Content-Type-Options": "nosniff",
            },
        )


def check_image(content: bytes) -> tuple[str, str]:
    """La extensión y el tipo de la foto, después de comprobar que lo es de verdad (el nombre no cuenta).

    Raises:
        HTTPException: 422 si está vacía, cortada, dañada o al abrirla ocuparía demasiado; 413 si pesa más de
            10 MB; 415 si no es PNG, JPEG ni WebP.
    """
    if not content:
        raise HTTPException(422, "El fichero está vacío.")
    if len(content) > MAX_BYTES:
        raise HTTPException(413, "La foto pasa de 10 MB, el máximo.")
    if not any(start.match(content) for start, _, _ in FORMATS.values()):
        raise HTTPException(415, "Solo se aceptan fotos PNG, JPEG o WebP.")
    try:
        with Image.open(io.BytesIO(content), formats=list(FORMATS)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise HTTPException(422, f"La foto tiene {image.width}×{image.height} puntos; son demasiados.")
            _, extension, content_type = FORMATS[str(image.format)]
            # Descomprimirla entera es la única manera de saber que no está cortada. Un JPEG se puede leer a
            # menor tamaño sin dejar de recorrer todo el fichero.
            image.draft("RGB", (image.width // 8, image.height // 8))
            image.load()
    except HTTPException:
        raise
    except Exception as error:
        raise HTTPException(422, "La foto está cortada o dañada: no se puede abrir.") from error
    return extension, content_type


def build() -> FastAPI:
    """La aplicación, con sus clientes creados a partir del entorno."""
    uploads = Uploads(
        Storage.from_env(),
        Publisher(),
        Cache.from_env(),
        required("PUBLIC_URL"),
        optional("AVATAR_TOPIC", EVENT),
    )

    @contextmanager
    def running() -> Iterator[None]:
        uploads.prepare()
        yield

    app = create_app("uploads", running=running)
    app.add_middleware(BodyLimit, limit=MAX_BYTES + MULTIPART_OVERHEAD)

    # Con `def` y no `async def`: FastAPI lo atiende en un hilo, y así estos clientes, que esperan sin más,
    # no paran a los demás.
    @app.post("/api/upload/avatar")
    def upload_avatar(file: UploadFile, user: Annotated[str, Depends(user_from_token)]) -> dict[str, str]:
        """Sube el avatar de quien diga el token y devuelve su URL."""
        began = time.perf_counter()
        result = "error"
        try:
            url = uploads.accept(user, file.file.read())
            result = "ok"
            return {"url": url}
        except HTTPException:
            result = "rejected"
            raise
        finally:
            _uploads.labels(result).inc()
            _seconds.observe(time.perf_counter() - began)

    @app.get("/api/avatars/{user}/{file}")
    def avatar(user: str, file: str) -> Response:
        """Devuelve una foto o una de sus miniaturas."""
        return uploads.fetch(f"{user}/{file}")

    return app


if __name__ == "__main__":
    setup_logs("uploads")
    setup_telemetry("uploads")
    serve(build())
