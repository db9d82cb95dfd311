"""Contrato de Redis, con redis-py: caché, contadores, sesiones, avisos, clasificaciones, candados, límites, colas.

Lo cumplen Valkey 9, fakeredis (`tests/stack/redis`) y Redis 7.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis

from tests.support.kafka import eventually


@pytest.fixture(scope="module")
def url(started: Callable[..., dict[str, str]]) -> str:
    return started("redis")["REDIS_URL"]


@pytest.fixture
def db(url: str) -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(url, decode_responses=True, socket_timeout=5)
    client.flushdb()
    yield client
    client.close()


def test_cache_entry_expires_by_itself(db: redis.Redis) -> None:
    db.set("consulta:42", "resultado", px=150)
    assert db.get("consulta:42") == "resultado"
    assert 0 < db.pttl("consulta:42") <= 150
    assert eventually(lambda: db.get("consulta:42"), until=lambda value: value is None) is None
    assert db.exists("consulta:42") == 0


def test_ttl_tells_missing_eternal_and_expiring_apart(db: redis.Redis) -> None:
    db.set("eterna", "1")
    db.set("caduca", "1", ex=60)
    assert (db.ttl("no está"), db.ttl("eterna")) == (-2, -1)
    assert 58 <= db.ttl("caduca") <= 60
    assert db.persist("caduca")
    assert db.ttl("caduca") == -1


def test_writing_again_removes_the_ttl_unless_told_to_keep_it(db: redis.Redis) -> None:
    db.set("k", "1", ex=60)
    db.set("k", "2", keepttl=True)
    assert db.ttl("k") > 0
    db.set("k", "3")
    assert db.ttl("k") == -1


def test_reading_may_renew_the_ttl(db: redis.Redis) -> None:
    db.set("sesión", "ana", ex=5)
    assert db.getex("sesión", ex=100) == "ana"
    assert db.ttl("sesión") > 50


def test_counters_lose_nothing_between_clients(url: str, db: redis.Redis) -> None:
    def count(_: int) -> None:
        with redis.Redis.from_url(url) as other:
            for _ in range(50):
                other.incr("visitas")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count, range(4)))
    assert db.get("visitas") == "200"
    assert db.decrby("visitas", 5) == 195
    assert db.incrbyfloat("saldo", 1.5) == 1.5


def test_a_text_is_not_a_counter(db: redis.Redis) -> None:
    db.set("nombre", "ana")
    with pytest.raises(redis.ResponseError, match="not an integer"):
        db.incr("nombre")


def test_session_as_a_hash(db: redis.Redis) -> None:
    db.hset("sesión:1", mapping={"usuario": "ana", "rol": "alumna"})
    db.expire("sesión:1", 1800)
    assert db.hgetall("sesión:1") == {"usuario": "ana", "rol": "alumna"}
    assert db.hincrby("sesión:1", "páginas", 2) == 2
    assert db.hmget("sesión:1", "rol", "nada") == ["alumna", None]
    assert 1790 < db.ttl("sesión:1") <= 1800
    db.delete("sesión:1")
    assert db.hgetall("sesión:1") == {}


def test_the_wrong_kind_of_value_is_refused(db: redis.Redis) -> None:
    db.lpush("lista", "a")
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        db.get("lista")


def test_bytes_come_back_as_they_went(url: str, db: redis.Redis) -> None:
    with redis.Redis.from_url(url) as raw:
        everything = bytes(range(256)) * 8
        raw.set(b"clave\x00\xff", everything)
        assert raw.get(b"clave\x00\xff") == everything
        assert raw.strlen(b"clave\x00\xff") == 2048


def test_every_subscriber_gets_the_message_and_latecomers_do_not(db: redis.Redis) -> None:
    first, second = db.pubsub(), db.pubsub()
    first.subscribe("avisos")
    second.psubscribe("av*")
    for subscription in (first, second):
        assert _message(subscription)["type"] in {"subscribe", "psubscribe"}
    assert db.publish("avisos", "hola") == 2
    assert _message(first)["data"] == "hola"
    assert {**_message(second), "pattern": "av*"}["channel"] == "avisos"
    late = db.pubsub()
    late.subscribe("avisos")
    assert _message(late)["type"] == "subscribe"
    assert late.get_message(timeout=0.05) is None
    for subscription in (first, second, late):
        subscription.close()
    assert eventually(lambda: db.publish("avisos", "nadie"), until=lambda count: count == 0) == 0


def test_leaderboard_keeps_itself_in_order(db: redis.Redis) -> None:
    db.zadd("puntos", {"ana": 10, "luis": 30, "marta": 20})
    db.zincrby("puntos", 25, "ana")
    assert [tuple(pair) for pair in db.zrevrange("puntos", 0, 1, withscores=True)] == [
        ("ana", 35.0),
        ("luis", 30.0),
    ]
    assert db.zrevrank("puntos", "marta") == 2
    assert db.zscore("puntos", "ana") == 35.0
    assert db.zrange("puntos", 20, 30, byscore=True) == ["marta", "luis"]
    assert db.zcount("puntos", 25, "+inf") == 2
    db.zremrangebyrank("puntos", 0, 0)
    assert db.zcard("puntos") == 2


def test_a_lock_is_only_for_one_and_only_its_owner_opens_it(db: redis.Redis) -> None:
    assert db.set("candado", "mío", nx=True, px=10_000)
    assert db.set("candado", "suyo", nx=True, px=10_000) is None
    release = db.register_script(
        "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end"
    )
    assert release(keys=["candado"], args=["suyo"]) == 0
    assert release(keys=["candado"], args=["mío"]) == 1
    assert db.set("candado", "suyo", nx=True)


def test_a_lock_makes_a_read_then_write_safe(db: redis.Redis) -> None:
    db.set("plazas", 0)

    def take(_: int) -> None:
        for _ in range(10):
            with db.lock("reserva", timeout=5, sleep=0.001):
                db.set("plazas", int(db.get("plazas")) + 1)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(take, range(3)))
    assert db.get("plazas") == "30"


def test_a_forgotten_lock_opens_alone(db: redis.Redis) -> None:
    forgotten = db.lock("olvidado", timeout=0.1)
    assert forgotten.acquire()
    assert db.lock("olvidado", timeout=1, sleep=0.01).acquire(blocking_timeout=3)
    with pytest.raises(redis.exceptions.LockNotOwnedError):
        forgotten.release()


def test_rate_limit_by_fixed_window(db: redis.Redis) -> None:
    def allowed(limit: int) -> bool:
        with db.pipeline() as steps:
            steps.incr("límite:ana").expire("límite:ana", 60, nx=True)
            return int(steps.execute()[0]) <= limit

    assert [allowed(3) for _ in range(5)] == [True, True, True, False, False]
    assert 0 < db.ttl("límite:ana") <= 60


def test_rate_limit_by_sliding_window(db: redis.Redis) -> None:
    def used(now: float) -> int:
        with db.pipeline() as steps:
            steps.zremrangebyscore("ventana", 0, now - 60).zadd("ventana", {str(now): now}).zcard("ventana")
            return int(steps.execute()[2])

    assert [used(now) for now in (0.0, 10.0, 59.0, 65.0, 130.0)] == [1, 2, 3, 3, 1]


def test_transaction_gives_up_if_someone_touched_the_key(url: str, db: redis.Redis) -> None:
    db.set("saldo", 100)
    with db.pipeline() as steps, redis.Redis.from_url(url) as other:
        steps.watch("saldo")
        balance = int(steps.get("saldo"))
        other.set("saldo", 5)
        steps.multi()
        steps.set("saldo", balance - 50)
        with pytest.raises(redis.WatchError):
            steps.execute()
    assert db.get("saldo") == "5"


def test_queue_waits_for_work_and_each_job_goes_to_one(url: str, db: redis.Redis) -> None:
    done: list[str] = []

    def work() -> None:
        with redis.Redis.from_url(url, decode_responses=True, socket_timeout=10) as worker:
            while (job := worker.blpop(["tareas"], timeout=5)) and job[1] != "fin":
                done.append(job[1])

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    db.rpush("tareas", *[str(number) for number in range(40)], "fin", "fin")
    for worker in workers:
        worker.join(10)
        assert not worker.is_alive()
    assert sorted(done, key=int) == [str(number) for number in range(40)]


def test_blocking_pop_gives_up(db: redis.Redis) -> None:
    before = time.monotonic()
    assert db.blpop(["vacía"], timeout=0.1) is None
    assert 0.05 < time.monotonic() - before < 3


def test_stream_with_a_group_until_it_is_acknowledged(db: redis.Redis) -> None:
    ids = [db.xadd("pedidos", {"n": number}) for number in range(4)]
    assert db.xlen("pedidos") == 4
    assert [entry[0] for entry in db.xrange("pedidos")] == ids
    db.xgroup_create("pedidos", "facturas", id="0")
    with pytest.raises(redis.ResponseError, match="BUSYGROUP"):
        db.xgroup_create("pedidos", "facturas", id="0")
    first = _entries(db.xreadgroup("facturas", "uno", {"pedidos": ">"}, count=3))
    second = _entries(db.xreadgroup("facturas", "dos", {"pedidos": ">"}, count=10))
    assert [identifier for identifier, _ in first + second] == ids
    assert first[0][1] == {"n": "0"}
    assert db.xack("pedidos", "facturas", ids[0]) == 1
    assert db.xpending("pedidos", "facturas")["pending"] == 3
    # «uno» se cayó con dos entregas sin confirmar: «dos» se las queda.
    claimed = db.xautoclaim("pedidos", "facturas", "dos", min_idle_time=0, count=10)
    assert [entry[0] for entry in claimed[1]] == ids[1:]
    groups = db.xinfo_groups("pedidos")
    assert (groups[0]["name"], groups[0]["pending"]) == ("facturas", 3)


def test_stream_can_be_kept_short(db: redis.Redis) -> None:
    for number in range(20):
        db.xadd("registro", {"n": number}, maxlen=5, approximate=False)
    assert [fields["n"] for _, fields in db.xrevrange("registro", count=2)] == ["19", "18"]
    assert db.xlen("registro") == 5


def test_sets_know_who_is_in_both(db: redis.Redis) -> None:
    db.sadd("matemáticas", "ana", "luis")
    db.sadd("historia", "luis", "marta")
    assert db.sinter("matemáticas", "historia") == {"luis"}
    assert db.sismember("historia", "marta")
    assert db.sadd("historia", "marta") == 0


def test_scan_finds_every_key_of_a_pattern(db: redis.Redis) -> None:
    with db.pipeline(transaction=False) as steps:
        for number in range(300):
            steps.set(f"avatar:{number}", "x")
            steps.set(f"otra:{number}", "x")
        steps.execute()
    assert set(db.scan_iter("avatar:*", count=50)) == {f"avatar:{number}" for number in range(300)}
    assert db.dbsize() == 600


def _message(subscription: Any) -> dict[str, Any]:
    return eventually(lambda: subscription.get_message(timeout=1))


def _entries(reply: Any) -> list[Any]:
    """Las entradas leídas de un solo *stream*: `[[nombre, entradas]]`."""
    return list(reply[0][1]) if reply else []
