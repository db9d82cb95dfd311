"""El almacén de objetos (MinIO, protocolo S3) visto por un microservicio."""

from __future__ import annotations

import io
from dataclasses import dataclass

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error
from urllib3.exceptions import HTTPError

from scenarios.kit.errors import Missing, Unavailable
from scenarios.kit.settings import required
from scenarios.kit.telemetry import instrument_http

_FAILURES = (MinioException, HTTPError, OSError)
_ONE_PART = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class StoredObject:
    """Un objeto leído: sus bytes, su tipo y su ETag."""

    content: bytes
    content_type: str
    etag: str


class Storage:
    """Guarda y lee objetos enteros. Cualquier fallo sale como `Unavailable`; lo que no existe, como `Missing`."""

    def __init__(self, endpoint: str, access_key: str, secret_key: str) -> None:
        instrument_http()
        # Con la región dicha, el cliente no tiene que preguntarla antes de la primera llamada.
        self._client = Minio(
            endpoint=endpoint,
            access_key=access_key,
            secret_key=secret_key,
            secure=False,
            region="us-east-1",
            http_client=urllib3.PoolManager(
                maxsize=16,
                timeout=urllib3.Timeout(connect=2, read=10),
                retries=urllib3.Retry(total=2, backoff_factor=0.1, status_forcelist=[500, 502, 503, 504]),
            ),
        )

    @classmethod
    def from_env(cls) -> Storage:
        """Con `MINIO_ENDPOINT`, `MINIO_ACCESS_KEY` y `MINIO_SECRET_KEY`."""
        return cls(required("MINIO_ENDPOINT"), required("MINIO_ACCESS_KEY"), required("MINIO_SECRET_KEY"))

    def ensure_bucket(self, bucket: str) -> None:
        """Crea `bucket` si no existe. Si otro lo crea a la vez, tanto mejor."""
        try:
            if not self._client.bucket_exists(bucket_name=bucket):
                self._client.make_bucket(bucket_name=bucket)
        except S3Error as error:
            if error.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                raise Unavailable("El almacén", error) from error
        except _FAILURES as error:
            raise Unavailable("El almacén", error) from error

    def put(self, bucket: str, key: str, content: bytes, content_type: str) -> str:
        """Guarda `content` en `bucket/key`, de una vez, y devuelve su ETag. Repetirlo deja lo mismo."""
        try:
            result = self._client.put_object(
                bucket_name=bucket,
                object_name=key,
                data=io.BytesIO(content),
                length=len(content),
                content_type=content_type,
                part_size=_ONE_PART,
            )
        except _FAILURES as error:
            raise Unavailable("El almacén", error) from error
        return str(result.etag)

    def get(self, bucket: str, key: str) -> StoredObject:
        """El objeto `bucket/key` entero."""
        try:
            response = self._client.get_object(bucket_name=bucket, object_name=key)
        except S3Error as error:
            if error.code in ("NoSuchKey", "NoSuchBucket"):
                raise Missing(f"{bucket}/{key}") from error
            raise Unavailable("El almacén", error) from error
        except _FAILURES as error:
            raise Unavailable("El almacén", error) from error
        try:
            kind = response.headers.get("Content-Type", "application/octet-stream")
            return StoredObject(response.read(), kind, response.headers.get("ETag", "").strip('"'))
        except _FAILURES as error:
            raise Unavailable("El almacén", error) from error
        finally:
            response.close()
            response.release_conn()

    def remove(self, bucket: str, key: str) -> None:
        """Borra `bucket/key`; si no estaba, no pasa nada."""
        try:
            self._client.remove_object(bucket_name=bucket, object_name=key)
        except _FAILURES as error:
            raise Unavailable("El almacén", error) from error
