"""Alguien que sube fotos, con los clientes reales para mirar después qué quedó en cada sitio."""

from __future__ import annotations

import io
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import jwt
import urllib3
from confluent_kafka import Consumer, Producer, TopicPartition
from minio import Minio
from PIL import Image
from redis import Redis

T = TypeVar("T")

BUCKET, TOPIC, DEAD_LETTERS = "avatares", "avatar_subido", "avatar_subido.dlq"
SIZES = (64, 128, 256)


def picture(form: str = "PNG", size: tuple[int, int] = (300, 200), mode: str = "RGB", **options: Any) -> bytes:
    """Una foto lisa del formato, tamaño y modo que se pidan."""
    output = io.BytesIO()
    Image.new(mode, size, 90).save(output, form, **options)
    return output.getvalue()


def eventually(check: Callable[[], T], *, within_s: float = 10.0) -> T:
    """Lo primero que `check` devuelva que no sea falso; falla si no llega dentro de `within_s` segundos."""
    deadline = time.monotonic() + within_s
    while not (result := check()):
        assert time.monotonic() < deadline, f"no ocurrió en {within_s} s; lo último fue {result!r}"
        time.sleep(0.02)
    return result


class Person:
    """Una persona con nombre único: lo que hay bajo su nombre es suyo y de nadie más."""

    def __init__(self, env: Mapping[str, str], credentials: Mapping[str, str]) -> None:
        self.name = f"eva-{secrets.token_hex(4)}"
        self.env, self._credentials = env, credentials
        self.http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=2, read=20))
        self.minio = Minio(
            endpoint=env["MINIO_ENDPOINT"],
            access_key=env["MINIO_ACCESS_KEY"],
            secret_key=env["MINIO_SECRET_KEY"],
            secure=False,
            region="us-east-1",
            http_client=self.http,
        )
        self.redis = Redis.from_url(env["REDIS_URL"], decode_responses=True)

    def close(self) -> None:
        """Cierra las conexiones."""
        self.http.clear()
        with suppress(Exception):
            self.redis.close()

    def token(self, **changes: Any) -> str:
        """Su token; con `changes` se estropea (`exp=…`, `secret=…`)."""
        secret = changes.pop("secret", self._credentials["JWT_SECRET"])
        claims = {"iss": "app-web", "sub": self.name, "exp": int(time.time()) + 300} | changes
        return jwt.encode(claims, secret, algorithm="HS256")

    def upload(
        self,
        content: bytes,
        *,
        base: str = "KONG_PROXY_URL",
        token: str | None = None,
        field: str = "file",
        headers: Mapping[str, str] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """Sube `content` por Kong, o directamente al microservicio con `base="UPLOADS_URL"`."""
        return self.http.request(
            "POST",
            self.env[base] + "/api/upload/avatar",
            fields={field: ("foto", content)},
            headers={"Authorization": f"Bearer {self.token() if token is None else token}", **(headers or {})},
        )

    def get(self, url: str) -> urllib3.BaseHTTPResponse:
        """Descarga `url` (entera, o una variable de `stacklab env` seguida de la ruta)."""
        return self.http.request("GET", self.url(url))

    def url(self, url: str) -> str:
        """`KONG_PROXY_URL/ruta` con la variable ya sustituida; una dirección entera queda igual."""
        name, slash, path = url.partition("/")
        return self.env[name] + slash + path if name in self.env else url

    def objects(self) -> dict[str, str]:
        """Sus objetos: de clave a ETag."""
        found = self.minio.list_objects(bucket_name=BUCKET, prefix=f"{self.name}/", recursive=True)
        return {str(item.object_name): str(item.etag) for item in found}

    def thumbnails(self) -> dict[str, str]:
        """Sus miniaturas: de clave a ETag, cuando están las tres y sus direcciones; antes, vacío."""
        ready = all(self.redis.exists(f"avatar:{self.name}:{size}") for size in SIZES)
        made = {key: etag for key, etag in self.objects().items() if key.endswith(".webp") and "-" in key[-9:]}
        return made if ready and len(made) == len(SIZES) else {}

    def messages(self, topic: str = TOPIC) -> list[tuple[bytes, dict[str, bytes]]]:
        """Los mensajes de `topic` que llevan su nombre como clave: valor y cabeceras."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.env["KAFKA_BOOTSTRAP_SERVERS"],
                "group.id": "pruebas-mirador",
                "enable.auto.commit": False,
                "error_cb": lambda error: None,
            }
        )
        try:
            partitions = consumer.list_topics(topic, timeout=5).topics[topic].partitions
            pending = {}
            for number in partitions:
                low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=5)
                if high > low:
                    pending[number] = (low, high)
            consumer.assign([TopicPartition(topic, number, low) for number, (low, _) in pending.items()])
            found = []
            while pending:
                message = consumer.poll(5)
                assert message is not None
                assert message.error() is None
                if message.key() == self.name.encode():
                    found.append((message.value() or b"", dict(message.headers() or [])))
                if message.offset() + 1 >= pending[message.partition()][1]:
                    del pending[message.partition()]
            return found
        finally:
            consumer.close()

    def publish(self, value: bytes) -> None:
        """Publica `value` tal cual en el topic de avatares, con su nombre como clave."""
        producer = Producer(
            {"bootstrap.servers": self.env["KAFKA_BOOTSTRAP_SERVERS"], "error_cb": lambda error: None}
        )
        producer.produce(TOPIC, value, self.name.encode())
        assert producer.flush(5) == 0

    def metric(self, base: str, name: str) -> float:
        """La suma de las series de `name` que enseña el microservicio en `base`."""
        lines = self.get(f"{base}/metrics").data.decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.split("{")[0].split(" ")[0] == name)
