"""La portada: cómo está cada servicio, sus cifras y cómo hablarle desde una terminal."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response

from stack.console import spanish
from stack.console.database import client as postgres
from stack.console.fidelity import Badge, badge
from stack.console.kafka import client as kafka
from stack.console.minio import client as s3
from stack.console.redis import client as redis
from stack.database.service import DATABASE
from stack.kafka.service import KAFKA
from stack.minio.service import MINIO
from stack.model import Service
from stack.redis.service import REDIS
from stack.web import page


@dataclass(frozen=True, slots=True)
class Card:
    """La ficha de un servicio. `problem` es por qué no hay cifras; vacío si contesta. `shell`, qué teclear."""

    service: Service
    path: str
    badge: Badge
    address: str
    shell: str
    figures: tuple[tuple[str, str], ...] = ()
    problem: str = ""


def home(request: Request) -> Response:
    """`/`: las cuatro fichas. Se pregunta a los cuatro servicios a la vez: uno caído no retrasa a los otros."""
    readers: tuple[Callable[[], Card], ...] = (_kafka, _redis, _minio, _database)
    with ThreadPoolExecutor(len(readers)) as pool:
        cards = list(pool.map(lambda reader: reader(), readers))
    return page(request, "home.html", cards=cards)


def _kafka() -> Card:
    card = Card(
        service=KAFKA,
        path="/kafka",
        badge=badge(KAFKA),
        address=kafka.address(),
        shell='eval "$(stacklab env kafka)"\nkcat -b "$KAFKA_BOOTSTRAP_SERVERS" -L',
    )
    try:
        inspector = kafka.Inspector()
        topics = [topic for topic in inspector.topics(with_dates=False) if not topic.internal]
        groups = inspector.groups()
    except (kafka.KafkaDown, kafka.NotThere):
        return replace(card, problem="no contesta")
    return replace(
        card,
        figures=(
            ("Topics", spanish.number(len(topics))),
            ("Mensajes", spanish.number(sum(topic.messages for topic in topics))),
            ("Grupos", spanish.number(len(groups))),
            ("Por leer", spanish.number(sum(group.lag for group in groups))),
        ),
    )


def _redis() -> Card:
    card = Card(
        service=REDIS,
        path="/redis",
        badge=badge(REDIS),
        address=redis.address(),
        shell='eval "$(stacklab env redis)"\nredis-cli -u "$REDIS_URL"',
    )
    try:
        with redis.connected() as client:
            state = redis.overview(client)
    except redis.RedisDown:
        return replace(card, problem="no contesta")
    figures = [("Claves", spanish.number(state.keys))]
    if state.expiring is not None:
        figures.append(("Caducan", spanish.number(state.expiring)))
    if state.memory_bytes is not None:
        figures.append(("Memoria", spanish.size(state.memory_bytes)))
    return replace(card, badge=badge(REDIS, state.product), figures=tuple(figures))


def _minio() -> Card:
    card = Card(
        service=MINIO,
        path="/minio",
        badge=badge(MINIO),
        address=s3.address(),
        shell='eval "$(stacklab env minio)"\n'
        'mc alias set lab "http://$MINIO_ENDPOINT" \\\n'
        '  "$MINIO_ACCESS_KEY" "$MINIO_SECRET_KEY"\n'
        "mc ls --recursive lab",
    )
    try:
        with s3.connected() as client:
            buckets = s3.buckets(client)
    except s3.StorageRefused:
        return replace(card, problem="no nos deja entrar")
    except (s3.StorageDown, s3.NotThere):
        return replace(card, problem="no contesta")
    more = "más de " if any(bucket.more for bucket in buckets) else ""
    return replace(
        card,
        figures=(
            ("Buckets", spanish.number(len(buckets))),
            ("Objetos", more + spanish.number(sum(bucket.objects for bucket in buckets))),
            ("Ocupan", more + spanish.size(sum(bucket.size for bucket in buckets))),
        ),
    )


def _database() -> Card:
    card = Card(
        service=DATABASE,
        path="/database",
        badge=badge(DATABASE),
        address=postgres.address(),
        shell='eval "$(stacklab env database)"\npsql "${DATABASE_URL/+psycopg/}"',
    )
    try:
        with postgres.connected() as connection:
            tables = postgres.tables(connection)
            product = postgres.version(connection)
    except postgres.DatabaseRefused:
        return replace(card, problem="no nos deja entrar")
    except postgres.DatabaseDown:
        return replace(card, problem="no contesta")
    more = "más de " if any(table.more for table in tables) else ""
    return replace(
        card,
        badge=badge(DATABASE, product),
        figures=(
            ("Tablas", spanish.number(len(tables))),
            ("Filas", more + spanish.number(sum(table.rows for table in tables))),
            ("Ocupan", spanish.size(sum(table.size for table in tables))),
        ),
    )
