"""Alguien con cuenta en la escuela, y los clientes reales para mirar después qué quedó en cada sitio."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

import jwt
import urllib3
from confluent_kafka import Consumer, Producer, TopicPartition
from redis import Redis

from scenarios.flujo_b.people import enrol

TOPIC = "usuario_autenticado"


class School:
    """La escuela vista desde fuera: por Kong, y por detrás para mirar."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self.http = urllib3.PoolManager(retries=False, maxsize=60, timeout=urllib3.Timeout(connect=2, read=20))
        self.redis = Redis.from_url(env["REDIS_URL"], decode_responses=True)

    def close(self) -> None:
        """Cierra las conexiones."""
        self.http.clear()
        self.redis.close()

    def student(self) -> Student:
        """Una estudiante recién matriculada, con contraseña propia."""
        return Student(self)

    def login(self, body: Mapping[str, str], headers: Mapping[str, str] | None = None) -> urllib3.BaseHTTPResponse:
        """Intenta entrar con `body`."""
        url = f"{self.env['KONG_PROXY_URL']}/api/auth/login"
        kind = {"Content-Type": "application/json"}
        return self.http.request("POST", url, body=json.dumps(body).encode(), headers={**kind, **(headers or {})})

    def ask(self, token: str, path: str = "me", method: str = "GET") -> int:
        """El estado con que se contesta a quien llama a `/api/auth/<path>` con ese token."""
        headers = {"Authorization": f"Bearer {token}"}
        return self.http.request(
            method, f"{self.env['KONG_PROXY_URL']}/api/auth/{path}", headers=headers, redirect=False
        ).status

    def metric(self, series: str, service: str = "AUTH") -> float:
        """El valor de una serie (`nombre{etiqueta="x"}`) en el `/metrics` de `service`; 0 si no está."""
        lines = self.http.request("GET", f"{self.env[f'{service}_URL']}/metrics").data.decode().splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == series), 0.0)

    def publish(self, value: bytes, key: str) -> None:
        """Publica `value` tal cual en el topic."""
        producer = Producer(
            {"bootstrap.servers": self.env["KAFKA_BOOTSTRAP_SERVERS"], "error_cb": lambda error: None}
        )
        producer.produce(TOPIC, value, key)
        assert producer.flush(5) == 0

    def messages(self, topic: str = TOPIC) -> list[tuple[str, bytes, dict[str, bytes]]]:
        """Todos los mensajes de `topic`: clave, valor y cabeceras."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.env["KAFKA_BOOTSTRAP_SERVERS"],
                "group.id": "pruebas-mirador",
                "enable.auto.commit": False,
                "error_cb": lambda error: None,
            }
        )
        try:
            pending = {}
            for number in consumer.list_topics(topic, timeout=5).topics[topic].partitions:
                low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=5)
                if high > low:
                    pending[number] = (low, high)
            consumer.assign([TopicPartition(topic, number, low) for number, (low, _) in pending.items()])
            found = []
            while pending:
                message = consumer.poll(5)
                assert message is not None
                assert message.error() is None
                found.append(
                    ((message.key() or b"").decode(), message.value() or b"", dict(message.headers() or []))
                )
                if message.offset() + 1 >= pending[message.partition()][1]:
                    del pending[message.partition()]
            return found
        finally:
            consumer.close()


class Student:
    """Una estudiante: lo que hay bajo su nombre es suyo y de nadie más."""

    def __init__(self, school: School) -> None:
        self._school = school
        self.email = f"eva-{secrets.token_hex(4)}@escuela.example"
        self.password = secrets.token_urlsafe(18)
        self.user = f"user-{enrol(school.env['DATABASE_URL'], 'Eva de la prueba', self.email, self.password)}"

    def login(
        self, password: str | None = None, headers: Mapping[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        """Intenta entrar, con su contraseña o con otra."""
        return self._school.login({"email": self.email, "password": password or self.password}, headers)

    def token(self) -> str:
        """Entra y devuelve su token."""
        answer = self.login()
        assert answer.status == 200, answer.data
        return str(answer.json()["token"])

    def sessions(self) -> list[str]:
        """Las claves de sus sesiones abiertas."""
        return sorted(map(str, self._school.redis.scan_iter(match=f"session:{self.user}:*", count=1000)))

    def events(self) -> list[dict[str, Any]]:
        """Los sucesos que hablan de ella."""
        return [json.loads(value) for key, value, _ in self._school.messages() if key == self.user]


def claims(token: str) -> dict[str, Any]:
    """Lo que dice un token, sin comprobarlo."""
    return dict(jwt.decode(token, options={"verify_signature": False}))
