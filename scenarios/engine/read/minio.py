"""Lo que hay guardado en MinIO."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from scenarios.engine.context import Run
from scenarios.engine.facts import NotProven


@dataclass(frozen=True, slots=True)
class ObjectFact:
    """Un objeto leído entero: sus bytes, su resumen, su tipo, su ETag y su versión (si el bucket las guarda)."""

    bucket: str
    key: str
    content: bytes
    content_type: str
    etag: str
    version: str

    @property
    def sha256(self) -> str:
        """El resumen de los bytes leídos, en hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


def stored_object(run: Run, bucket: str, key: str) -> ObjectFact:
    """El objeto `bucket/key`, leído de MinIO."""
    from minio.error import S3Error

    try:
        status = run.clients.minio.stat_object(bucket_name=bucket, object_name=key)
        response = run.clients.minio.get_object(bucket_name=bucket, object_name=key)
    except S3Error as error:
        if error.code in ("NoSuchKey", "NoSuchBucket", "NoSuchObject"):
            raise NotProven(f"En MinIO no está el objeto {bucket}/{key}.") from error
        raise
    try:
        content = response.read()
    finally:
        response.close()
        response.release_conn()
    return ObjectFact(
        bucket, key, content, status.content_type or "", (status.etag or "").strip('"'), status.version_id or ""
    )
