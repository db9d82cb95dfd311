"""Ayudas para hablar con el almacén S3 en las pruebas, siempre con el cliente de verdad."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import pytest
import urllib3
from minio import Minio, S3Error
from minio.commonconfig import ENABLED
from minio.versioningconfig import VersioningConfig

from tests.support.answered import seen

MIB = 1024**2


@dataclass(frozen=True)
class Server:
    """Dónde está y con qué claves se entra."""

    endpoint: str
    access_key: str
    secret_key: str

    @classmethod
    def of(cls, env: Mapping[str, str]) -> Server:
        """El que dicen las variables de `stacklab env`."""
        return cls(env["MINIO_ENDPOINT"], env["MINIO_ACCESS_KEY"], env["MINIO_SECRET_KEY"])

    def client(self, **changes: str) -> Minio:
        keys = {"access_key": self.access_key, "secret_key": self.secret_key} | changes
        pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(10))
        return Minio(self.endpoint, secure=False, http_client=pool, **keys)

    @contextmanager
    def connected(self) -> Iterator[Minio]:
        """Un cliente que al acabar suelta sus conexiones: el servidor no tiene que esperarlas para parar."""
        client = self.client()
        yield client
        client._http.clear()

    def url(self, path: str) -> str:
        return f"http://{self.endpoint}/{path}"

    @property
    def is_seaweedfs(self) -> bool:
        """Si contesta SeaweedFS, que hace de MinIO con lo que da pip y en las imágenes de prueba."""
        return "SeaweedFS" in seen().get("minio", "")


def new_bucket(s3: Minio, *, versioned: bool = False) -> str:
    """Un bucket recién hecho."""
    name = f"prueba-{uuid4().hex[:16]}"
    s3.make_bucket(name)
    if versioned:
        s3.set_bucket_versioning(name, VersioningConfig(ENABLED))
    return name


def put(s3: Minio, bucket: str, key: str, data: bytes = b"hola", **options: object) -> str:
    """Sube `data` y devuelve su versión (vacía si el bucket no las guarda)."""
    return s3.put_object(bucket, key, io.BytesIO(data), len(data), **options).version_id or ""  # type: ignore[arg-type]


def get(s3: Minio, bucket: str, key: str, **options: object) -> bytes:
    """Los bytes de un objeto."""
    response = s3.get_object(bucket, key, **options)  # type: ignore[arg-type]
    try:
        return response.read()
    finally:
        response.close()
        response.release_conn()


def refusal(action: Callable[[], object]) -> tuple[str, int]:
    """El código y el estado HTTP con que S3 se niega."""
    with pytest.raises(S3Error) as caught:
        action()
    return caught.value.code, caught.value.response.status
