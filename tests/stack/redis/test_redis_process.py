"""El proceso de Redis: qué programa es, dónde escucha, qué lee y qué queda al pararlo."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis

from stack.model import Fidelity
from stack.redis.service import REDIS
from tests.support.kafka import eventually
from tests.support.running import folder, running

pytestmark = pytest.mark.skipif(
    REDIS.embedded.fidelity is not Fidelity.BINARY, reason="no hay rueda de Valkey para esta máquina"
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("redis")


@pytest.fixture(scope="module")
def db(root: Path) -> Iterator[redis.Redis]:
    with (
        running("redis", root=root) as env,
        redis.Redis.from_url(env["REDIS_URL"], decode_responses=True) as client,
    ):
        yield client


@pytest.fixture
def process(db: redis.Redis) -> psutil.Process:
    return psutil.Process(int(db.info("server")["process_id"]))


def test_the_process_is_the_server_itself(process: psutil.Process) -> None:
    assert process.name() == "valkey-server"
    assert process.ppid() == psutil.Process().pid


def test_the_label_is_what_the_server_says(db: redis.Redis) -> None:
    running_version = db.info("server")["valkey_version"]
    assert running_version.startswith(REDIS.embedded.product.removeprefix("Valkey ") + ".")


def test_it_listens_on_this_machine_only(process: psutil.Process, db: redis.Redis) -> None:
    listening = {found.laddr for found in process.net_connections() if found.status == psutil.CONN_LISTEN}
    assert listening == {("127.0.0.1", db.connection_pool.connection_kwargs["port"])}
    assert db.config_get("protected-mode") == {"protected-mode": "yes"}


def test_it_reads_our_config(db: redis.Redis) -> None:
    names = ("save", "appendonly", "maxmemory", "maxmemory-policy")
    assert [db.config_get(name)[name] for name in names] == ["", "no", str(256 * 1024**2), "noeviction"]


def test_expired_keys_are_announced(db: redis.Redis) -> None:
    with db.pubsub() as events:
        events.psubscribe("__keyevent@0__:expired")
        eventually(lambda: events.get_message(timeout=1))
        db.set("sesión", "ana", px=20)
        assert eventually(lambda: events.get_message(timeout=1))["data"] == "sesión"


def test_it_is_empty_after_a_restart_and_leaves_no_files(tmp_path: Path) -> None:
    for _ in range(2):
        with running("redis", root=tmp_path) as env, redis.Redis.from_url(env["REDIS_URL"]) as client:
            assert client.dbsize() == 0
            client.set("k", "v")
    assert list((folder(tmp_path).services / "redis" / "data").iterdir()) == []
