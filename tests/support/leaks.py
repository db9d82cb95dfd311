"""Busca los secretos del laboratorio donde no deben estar: registros, órdenes, trazas, mensajes, métricas…

Donde sí están: en Vault, en los ficheros 0600 del laboratorio y en la memoria de quien los usa. Vale para
cualquier runtime; en Docker se miran además los registros de los contenedores.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import psutil
import redis
import requests
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from sqlalchemy import create_engine, inspect, text

from stack.containers.connection import Connection
from stack.laboratory import Laboratory

PUBLIC = ("_ACCESS_KEY",)
"""Lo generado que no es secreto: la clave de acceso de S3 es un nombre, y va en cada URL firmada."""

JWT = re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}")
HASH = re.compile(r"\$argon2(id|i|d)\$")

Place = Callable[[Laboratory], Iterator[tuple[str, str]]]


def secrets(laboratory: Laboratory) -> dict[str, str]:
    return {name: value for name, value in laboratory.credentials().items() if not name.endswith(PUBLIC)}


def logs(laboratory: Laboratory) -> Iterator[tuple[str, str]]:
    for path in (laboratory.folder / "logs").iterdir():
        yield f"el registro {path.name}", path.read_text("utf-8", "replace")
    for name, container in containers(laboratory).items():
        text = Connection().client().logs(container).decode("utf-8", "replace")
        yield f"el registro del contenedor de {name}", text


def containers(laboratory: Laboratory) -> dict[str, str]:
    """Los contenedores en marcha: servicio → identificador. Sin Docker, ninguno."""
    return {one.name: one.container for one in laboratory.status() if one.container}


def orders(laboratory: Laboratory) -> Iterator[tuple[str, str]]:
    """Las órdenes con que se arrancó cada programa, que en muchas máquinas puede ver cualquiera (`ps`)."""
    for one in laboratory.status():
        if one.pid:
            yield f"la orden de {one.name}", "\0".join(psutil.Process(one.pid).cmdline())
    for name, container in containers(laboratory).items():
        about = Connection().client().inspect_container(container)
        yield f"la orden del contenedor de {name}", repr((about["Path"], about["Args"], about["Config"]["Labels"]))


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
    # Las direcciones son las que ve Prometheus, que puede estar en un contenedor.
    here = {
        f"{one.network_host}:{one.network_number}": f"{one.host}:{one.number}" for one in laboratory.endpoints()
    }
    for target in targets:
        if target["health"] == "up":
            address = urlsplit(target["scrapeUrl"])
            page = address._replace(netloc=here.get(address.netloc, address.netloc)).geturl()
            yield f"las métricas de {target['scrapeUrl']}", requests.get(page, timeout=10).text


def directory(laboratory: Laboratory) -> Iterator[tuple[str, str]]:
    address = f"http://{laboratory.env()['CONSUL_HTTP_ADDR']}"
    for path in ("/v1/agent/services", "/v1/agent/checks", "/v1/kv/?recurse"):
        yield f"lo que enseña Consul en {path}", requests.get(address + path, timeout=10).text


PLACES: tuple[Place, ...] = (logs, orders, open_files, traces, messages, memory, rows, numbers, directory)


def search(laboratory: Laboratory, place: Place) -> list[str]:
    """Mira todo lo que hay en `place`, uno de `PLACES`, y devuelve qué ha mirado.

    Raises:
        AssertionError: hay un secreto, un token entero o el resumen de una contraseña; o no hay nada que mirar.
    """
    hidden = secrets(laboratory)
    assert {"JWT_SECRET", "MINIO_SECRET_KEY", "VAULT_TOKEN"} <= set(hidden)
    seen = []
    for where, content in place(laboratory):
        seen.append(where)
        _clean(hidden, where, content)
    assert seen, "no se ha mirado nada"
    return seen


def search_told(laboratory: Laboratory, told: str) -> None:
    """Lo mismo, en lo que una ejecución cuenta a la persona."""
    assert told
    _clean(secrets(laboratory), "lo que se cuenta", told)


def _clean(hidden: dict[str, str], where: str, content: str) -> None:
    for name, value in hidden.items():
        assert value not in content, f"{name} está en {where}"
    assert not JWT.search(content), f"en {where} hay un token entero: {JWT.search(content)}"
    assert not HASH.search(content), f"en {where} hay el resumen de una contraseña"
