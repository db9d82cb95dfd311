"""Los objetos de un bucket, carpeta a carpeta, y todo lo que se sabe de uno."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from urllib.parse import quote

from minio import Minio, S3Error
from minio.datatypes import Object
from urllib3 import BaseHTTPResponse

from stack.console.content import Shown, shown
from stack.console.minio.client import milliseconds

PAGE = 100
VERSIONS = 50
_SORTED_AT_ONCE = 5_000
DOWNLOAD_LASTS = timedelta(minutes=15)
# Más grande que esto no se baja para calcular su resumen ni para verlo.
LARGEST_DIGEST = 64_000_000
LARGEST_IMAGE = 20_000_000
_LARGEST_TEXT = 20_000

# Las imágenes que un navegador pinta sin ejecutar nada. SVG y HTML pueden llevar programas dentro: no están.
IMAGES = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif", "image/avif", "image/bmp"})


_GONE = frozenset({"NoSuchKey", "NoSuchVersion", "MethodNotAllowed"})


@dataclass(frozen=True, slots=True)
class Entry:
    """Una línea del listado: un objeto o una carpeta (`folder`). `deleted`, si lo último fue borrarlo."""

    key: str
    name: str
    folder: bool
    size: int = 0
    modified: float = 0.0
    kind: str = ""
    versions: int = 0
    deleted: bool = False

    @property
    def image(self) -> bool:
        """Si se puede enseñar en miniatura."""
        return self.kind in IMAGES and 0 < self.size <= LARGEST_IMAGE and not self.deleted


@dataclass(frozen=True, slots=True)
class Listing:
    """Una página de una carpeta. `after` es por dónde sigue, o vacío si no hay más."""

    entries: tuple[Entry, ...]
    after: str


@dataclass(frozen=True, slots=True)
class Version:
    """Una versión de un objeto, o la marca que dejó borrarlo (`marker`)."""

    id: str
    latest: bool
    marker: bool
    size: int
    modified: float


@dataclass(frozen=True, slots=True)
class Detail:
    """Todo lo que se sabe de un objeto. `sha256` es vacío si es demasiado grande para calcularlo aquí."""

    key: str
    size: int
    modified: float
    kind: str
    etag: str
    version: str
    metadata: Mapping[str, str]
    tags: Mapping[str, str]
    sha256: str
    text: Shown | None

    @property
    def image(self) -> bool:
        """Si se puede enseñar."""
        return self.kind in IMAGES and 0 < self.size <= LARGEST_IMAGE


def folder(client: Minio, bucket: str, prefix: str, after: str, *, versioned: bool) -> Listing:
    """Lo que hay bajo `prefix`, sin entrar en sus carpetas, a partir de `after`; unas `PAGE` líneas."""
    listed = client.list_objects(
        bucket, prefix=prefix or None, start_after=after or None, include_version=versioned
    )
    piles: dict[str, list[Object]] = {}
    # En cada respuesta de S3 vienen primero los objetos y detrás las carpetas: hay que leerlas enteras y ordenar.
    for item in islice(listed, _SORTED_AT_ONCE):
        key = item.object_name or ""
        if key > after and key != prefix:
            piles.setdefault(key, []).append(item)
    keys = sorted(piles)
    with ThreadPoolExecutor(8) as pool:
        entries = tuple(pool.map(lambda key: _entry(client, bucket, prefix, piles[key]), keys[:PAGE]))
    if len(keys) <= PAGE:
        return Listing(entries, "")
    # Los nombres que empiezan por una carpeta están dentro de ella: se sigue después de todos ellos.
    last = entries[-1]
    return Listing(entries, last.key + ("\U0010ffff" if last.folder else ""))


def _entry(client: Minio, bucket: str, prefix: str, pile: list[Object]) -> Entry:
    newest = next((item for item in pile if _is_true(item.is_latest)), pile[0])
    key = newest.object_name or ""
    name = key.removeprefix(prefix)
    if newest.is_dir:
        return Entry(key, name.rstrip("/"), folder=True)
    deleted = newest.is_delete_marker
    kind = "" if deleted else _kind(client, bucket, key)
    return Entry(
        key=key,
        name=name,
        folder=False,
        size=newest.size or 0,
        modified=milliseconds(newest),
        kind=kind,
        versions=sum(not item.is_delete_marker for item in pile),
        deleted=deleted,
    )


def _kind(client: Minio, bucket: str, key: str) -> str:
    """El tipo de contenido: S3 no lo dice al listar, hay que preguntar objeto a objeto."""
    try:
        return client.stat_object(bucket, key).content_type or ""
    except S3Error:
        return ""


def detail(client: Minio, bucket: str, key: str, version: str) -> Detail | None:
    """El objeto `key` (o su `version`); `None` si no está, se borró o esa versión es la marca de un borrado."""
    try:
        found = client.stat_object(bucket, key, version_id=version or None)
    except S3Error as error:
        if error.code in _GONE:
            return None
        raise
    headers = found.metadata or {}
    size, kind = found.size or 0, found.content_type or ""
    sha256, text = "", None
    if size <= LARGEST_DIGEST:
        with _opened(client, bucket, key, version) as response:
            digest = hashlib.sha256()
            head = b""
            for chunk in response.stream(262_144):
                digest.update(chunk)
                head = (head + chunk)[:_LARGEST_TEXT] if len(head) < _LARGEST_TEXT else head
        sha256 = digest.hexdigest()
        text = None if kind in IMAGES else shown(head, size=size)
    return Detail(
        key=key,
        size=size,
        modified=milliseconds(found),
        kind=kind,
        etag=(found.etag or "").strip('"'),
        version=found.version_id or "",
        metadata={
            name.lower().removeprefix("x-amz-meta-"): value
            for name, value in headers.items()
            if name.lower().startswith("x-amz-meta-")
        },
        tags=dict(client.get_object_tags(bucket, key, version_id=version or None) or {}),
        sha256=sha256,
        text=text,
    )


def versions(client: Minio, bucket: str, key: str) -> list[Version]:
    """Las versiones de `key`, de la más nueva a la más vieja, con las marcas de borrado; como mucho `VERSIONS`."""
    listed = client.list_objects(bucket, prefix=key, include_version=True)
    # En cada respuesta de S3 vienen primero las versiones y detrás las marcas: hay que leerla entera y ordenar.
    found = [
        Version(
            id=item.version_id or "",
            latest=_is_true(item.is_latest),
            marker=item.is_delete_marker,
            size=item.size or 0,
            modified=milliseconds(item),
        )
        for item in islice(listed, _SORTED_AT_ONCE)
        if item.object_name == key and not item.is_dir
    ]
    return sorted(found, key=lambda version: (version.latest, version.modified), reverse=True)[:VERSIONS]


def download_link(client: Minio, bucket: str, key: str, version: str) -> str:
    """Un enlace firmado para bajar el objeto: vale `DOWNLOAD_LASTS`, y guarda en disco en lugar de abrir."""
    name = key.rsplit("/", 1)[-1]
    disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return client.presigned_get_object(
        bucket,
        key,
        expires=DOWNLOAD_LASTS,
        version_id=version or None,
        response_headers={"response-content-disposition": disposition},
    )


def image(client: Minio, bucket: str, key: str, version: str) -> tuple[str, bytes] | None:
    """`(tipo, bytes)` de una imagen, o `None` si no es de las que se pueden enseñar sin riesgo."""
    found = client.stat_object(bucket, key, version_id=version or None)
    kind = found.content_type or ""
    if kind not in IMAGES or (found.size or 0) > LARGEST_IMAGE:
        return None
    with _opened(client, bucket, key, version) as response:
        return kind, response.read(LARGEST_IMAGE)


@contextmanager
def _opened(client: Minio, bucket: str, key: str, version: str) -> Iterator[BaseHTTPResponse]:
    response = client.get_object(bucket, key, version_id=version or None)
    try:
        yield response
    finally:
        response.close()
        response.release_conn()


def _is_true(value: object) -> bool:
    # El cliente entrega el texto de la respuesta («true») tal cual.
    return str(value).lower() == "true"
