"""Lo que las páginas preguntan al almacén S3, con el cliente de siempre, plazos cortos y sin cambiar nada."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import islice

import urllib3
from minio import Minio, S3Error
from minio.datatypes import Object
from minio.error import MinioException

# Contar un bucket entero puede ser eterno: se cuenta hasta aquí y se dice que hay más.
COUNT_LIMIT = 2_000
_BUSY_S = 1.5

_MISSING = {"NoSuchBucket", "NoSuchKey", "NoSuchVersion", "NoSuchUpload", "MethodNotAllowed", "InvalidBucketName"}
_REFUSED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"}


class StorageDown(Exception):
    """El almacén no contesta. El texto es la dirección en que se le buscó."""


class StorageRefused(Exception):
    """El almacén no admite nuestras credenciales."""


class NotThere(Exception):
    """No hay un bucket, un objeto o una versión con ese nombre."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """Un bucket. Si `more`, tiene más objetos que los contados. `created` son milisegundos desde 1970."""

    name: str
    created: float | None
    objects: int
    size: int
    more: bool
    versioned: bool


def address() -> str:
    """Dónde está el almacén (`MINIO_ENDPOINT`)."""
    return os.environ["MINIO_ENDPOINT"]


@contextmanager
def connected() -> Iterator[Minio]:
    """El cliente. Sus errores se convierten en `StorageDown`, `StorageRefused` o `NotThere`."""
    try:
        yield _client(address(), os.environ["MINIO_ACCESS_KEY"], os.environ["MINIO_SECRET_KEY"])
    except S3Error as error:
        if error.code in _MISSING:
            raise NotThere(error.object_name or error.bucket_name or "") from error
        if error.code in _REFUSED:
            raise StorageRefused(error.code) from error
        raise StorageDown(address()) from error
    except ValueError as error:
        # El cliente ni pregunta por un nombre de bucket imposible.
        raise NotThere("") from error
    except (urllib3.exceptions.HTTPError, MinioException, OSError) as error:
        raise StorageDown(address()) from error


@cache
def _client(endpoint: str, access_key: str, secret_key: str) -> Minio:
    return Minio(
        endpoint,
        access_key=access_key,
        secret_key=secret_key,
        secure=False,
        # Sabida la región, el cliente se ahorra preguntarla antes de cada bucket.
        region="us-east-1",
        http_client=urllib3.PoolManager(maxsize=10, retries=False, timeout=urllib3.Timeout(connect=0.5, read=5)),
    )


def buckets(client: Minio) -> list[Bucket]:
    """Todos los buckets, por nombre, con cuántos objetos tienen (hasta `COUNT_LIMIT`, y sin pasarse de tiempo)."""
    deadline = time.monotonic() + _BUSY_S
    found = []
    for bucket in sorted(client.list_buckets(), key=lambda item: item.name):
        objects, size, more = _count(client, bucket.name, deadline)
        created = bucket.creation_date.timestamp() * 1000 if bucket.creation_date else None
        found.append(Bucket(bucket.name, created, objects, size, more, versioned(client, bucket.name)))
    return found


def versioned(client: Minio, bucket: str) -> bool:
    """Si el bucket guarda las versiones anteriores de sus objetos."""
    return client.get_bucket_versioning(bucket).status == "Enabled"


def _count(client: Minio, bucket: str, deadline: float) -> tuple[int, int, bool]:
    objects = size = 0
    listing = client.list_objects(bucket, recursive=True)
    for item in islice(listing, COUNT_LIMIT):
        objects += 1
        size += item.size or 0
        if time.monotonic() > deadline:
            break
    return objects, size, next(listing, None) is not None


def milliseconds(item: Object) -> float:
    """Cuándo se escribió el objeto, en milisegundos desde 1970."""
    return item.last_modified.timestamp() * 1000 if item.last_modified else 0.0
