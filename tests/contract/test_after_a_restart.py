"""Contrato: qué queda en Kafka, Redis y el almacén S3 después de pararlos y volver a arrancarlos.

Lo que trae pip tiene su propia prueba, en `tests/stack`; aquí, los programas reales y las imágenes oficiales, cada
una con su volumen.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

from tests.support.kafka import Kafka, take
from tests.support.running import running, runtime
from tests.support.s3 import Server, get, new_bucket, put

pytestmark = pytest.mark.skipif(
    runtime() == "embedded", reason="lo que trae pip se para y se arranca en sus propias pruebas (tests/stack)"
)


@contextmanager
def _kafka(root: Path) -> Iterator[Kafka]:
    with running("kafka", root=root) as env:
        client = Kafka(env["KAFKA_BOOTSTRAP_SERVERS"], real=True)
        yield client
        client.close()


def test_kafka_keeps_messages_and_what_each_group_read(tmp_path: Path) -> None:
    with _kafka(tmp_path) as kafka:
        cluster = kafka.admin.describe_cluster().result(10).cluster_id
        kafka.create("pedidos", partitions=2)
        kafka.send("pedidos", ["a", "b", "c"], partition=1)
        reader = kafka.consumer("facturas")
        reader.subscribe(["pedidos"])
        reader.commit(take(reader, 2)[-1], asynchronous=False)
    with _kafka(tmp_path) as kafka:
        assert kafka.admin.describe_cluster().result(10).cluster_id == cluster
        assert kafka.partitions("pedidos") == 2
        # Quien se une al grupo espera a que el intermediario relea lo que guardó de él; quien solo pregunta, no.
        reader = kafka.consumer("facturas")
        reader.subscribe(["pedidos"])
        assert take(reader, 1)[0].value() == b"c"
        asked = ConsumerGroupTopicPartitions("facturas")
        (committed,) = kafka.admin.list_consumer_group_offsets([asked])["facturas"].result(10).topic_partitions
        assert (committed.partition, committed.offset) == (1, 2)
        assert kafka.consumer().get_watermark_offsets(TopicPartition("pedidos", 1), timeout=10) == (0, 3)


def test_redis_starts_empty(tmp_path: Path) -> None:
    for _ in range(2):
        with running("redis", root=tmp_path) as env, redis.Redis.from_url(env["REDIS_URL"]) as client:
            assert client.dbsize() == 0
            client.set("k", "v")


def test_objects_and_versions_are_kept(tmp_path: Path) -> None:
    with running("minio", root=tmp_path) as env, Server.of(env).connected() as s3:
        bucket = new_bucket(s3, versioned=True)
        first = put(s3, bucket, "ana/ñandú.txt", b"uno")
        put(s3, bucket, "ana/ñandú.txt", b"dos")
    with running("minio", root=tmp_path) as env, Server.of(env).connected() as s3:
        assert get(s3, bucket, "ana/ñandú.txt") == b"dos"
        assert get(s3, bucket, "ana/ñandú.txt", version_id=first) == b"uno"
        assert [item.object_name for item in s3.list_objects(bucket, recursive=True)] == ["ana/ñandú.txt"]
