"""Después de todos los flujos no hay ningún secreto donde no debe: registros, trazas, mensajes, métricas…

Donde sí están: en Vault, en los ficheros 0600 del laboratorio y en la memoria de quien los usa.
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest
import redis
import requests
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from sqlalchemy import create_engine, inspect, text

from scenarios.engine.events import as_json
from scenarios.engine.runner import run
from scenarios.flows import FLOWS
from stack.laboratory import Laboratory

PUBLIC = ("_ACCESS_KEY",)
"""Lo generado que no es secreto: la clave de acceso de S3 es un nombre, y va en cada URL firmada."""

JWT = re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}")
HASH = re.compile(r"\$argon2(id|i|d)\$")


@pytest.fixture(scope="module")
def told(laboratory: Laboratory) -> str:
    """Lo que cuentan las ejecuciones de todos los flujos, con sus pruebas enteras."""
    lines: list[Any] = []
    for flow in FLOWS.values():
        laboratory.up(flow.services)
        result = run(flow, laboratory, on_event=lambda event: lines.append(as_json(event)))
        assert result.passed, f"{flow.id}: {[hop.reason for hop in result.hops if hop.status != 'proven']}"
        lines.extend(asdict(hop.evidence) for hop in result.hops if hop.evidence is not None)
    return json.dumps(lines, ensure_ascii=False, default=str)


def secrets(laboratory: Laboratory) -> dict[str, str]:
    return {name: value for name, value in laboratory.credentials().items() if not name.endswith(PUBLIC)}


def logs(laboratory: Laboratory) -> Iterator[tuple[str, str]]:
    for path in (laboratory.folder / "logs").iterdir():
        yield f"el registro {path.name}", path.read_text("utf-8", "replace")


def open_files(laboratory: Laboratory) -> Iterator[tuple[str, str]]:
    for path in laboratory.folder.rglob("*"):
        try:
            about = path.lstat()
        except OSError:
            continue
        if stat.S_ISREG(about.st_mode) and about.st_mode & 0o077:
            yield f"el fichero {path.relative_to(laboratory.folder)}", path.read_bytes().decode("utf-8", "replace")
    yield "el estado", (laboratory.folder / "state.json").read_text("utf-8")


def traces(laboratory: Laboratory) -> Iterator[tuple[str, str]]:
    url = laboratory.env()["JAEGER_URL"]
    names = requests.get(f"{url}/api/services", timeout=10).json()["data"]
    assert {"kong", "uploads", "auth", "finanzas"} <= set(names)
    for name in names:
        answer = requests.get(f"{url}/api/traces", params={"service": name, "limit": 200}, timeout=10)
        yield f"las trazas de {name}", answer.text


def messages(laboratory: Laboratory) -> Iterator[tuple[str, str]]:
    consumer = Consumer({"bootstrap.servers": laboratory.env()["KAFKA_BOOTSTRAP_SERVERS"], "group.id": "busca"})
    try:
        topics = {name: one for name, one in consumer.list_topics(timeout=10).topics.items() if name[0] != "_"}
        assert {"avatar_subido", "usuario_autenticado"} <= set(topics)
        for name, topic in topics.items():
            pending = {
                number: high
                for number in topic.partitions
                if (high := consumer.get_watermark_offsets(TopicPartition(name, number), timeout=10)[1])
            }
            consumer.assign([TopicPartition(name, number, OFFSET_BEGINNING) for number in pending])
            while pending:
                message = consumer.poll(10)
                assert message is not None, f"no llegan los mensajes de {name}"
                assert message.error() is None
                shown = (message.key(), message.value(), message.headers())
                yield f"un mensaje de {name}", repr(shown)
                if message.offset() + 1 >= pending[message.partition()]:
                    del pending[message.partition()]
    finally:
        consumer.close()


def memory(laboratory: Laboratory) -> Iterator[tuple[str, str]]:
    client = redis.Redis.from_url(laboratory.env()["REDIS_URL"])
    kinds = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        b"set": client.smembers,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"stream": client.xrange,
    }
    keys = list(client.scan_iter())
    assert keys
    for key in keys:
        yield f"la clave {key!r} de Redis", f"{key!r} {kinds[client.type(key)](key)!r}"


def rows(laboratory: Laboratory) -> Iterator[tuple[str, str]]:
    engine = create_engine(laboratory.env()["DATABASE_URL"])
    with engine.connect() as connection:
        names = inspect(connection).get_table_names()
        assert names
        for name in names:
            for row in connection.execute(text(f'SELECT * FROM "{name}"')).mappings():
                kept = {column: value for column, value in row.items() if "hash" not in column}
                yield f"una fila de {name}", repr(kept)
    engine.dispose()


def numbers(laboratory: Laboratory) -> Iterator[tuple[str, str]]:
    url = laboratory.env()["PROMETHEUS_URL"]
    yield "las series", requests.get(f"{url}/api/v1/series", params={"match[]": '{job!=""}'}, timeout=10).text
    targets = requests.get(f"{url}/api/v1/targets", timeout=10).json()["data"]["activeTargets"]
    assert targets
    for target in targets:
        if target["health"] == "up":
            yield f"las métricas de {target['scrapeUrl']}", requests.get(target["scrapeUrl"], timeout=10).text


def directory(laboratory: Laboratory) -> Iterator[tuple[str, str]]:
    address = f"http://{laboratory.env()['CONSUL_HTTP_ADDR']}"
    for path in ("/v1/agent/services", "/v1/agent/checks", "/v1/kv/?recurse"):
        yield f"lo que enseña Consul en {path}", requests.get(address + path, timeout=10).text


PLACES = (logs, open_files, traces, messages, memory, rows, numbers, directory)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_no_secret_is_where_it_should_not(laboratory: Laboratory, told: str, place: Any) -> None:
    hidden = secrets(laboratory)
    assert {"JWT_SECRET", "MINIO_SECRET_KEY", "VAULT_TOKEN"} <= set(hidden)
    seen = 0
    for where, content in place(laboratory):
        seen += 1
        for name, value in hidden.items():
            assert value not in content, f"{name} está en {where}"
        assert not JWT.search(content), f"en {where} hay un token entero: {JWT.search(content)}"
        assert not HASH.search(content), f"en {where} hay el resumen de una contraseña"
    assert seen, "no se ha mirado nada"


def test_no_secret_is_told_to_the_person(laboratory: Laboratory, told: str) -> None:
    for name, value in secrets(laboratory).items():
        assert value not in told, f"{name} sale en la ejecución"
    assert not JWT.search(told)
    assert not HASH.search(told)


def test_the_search_finds_what_it_looks_for(laboratory: Laboratory, told: str) -> None:
    """Una búsqueda que no encuentra nada podría ser una búsqueda rota."""
    client = redis.Redis.from_url(laboratory.env()["REDIS_URL"])
    client.set("descuido", laboratory.credentials()["JWT_SECRET"])
    try:
        with pytest.raises(AssertionError, match="JWT_SECRET está en la clave b'descuido'"):
            test_no_secret_is_where_it_should_not(laboratory, told, memory)
    finally:
        client.delete("descuido")
