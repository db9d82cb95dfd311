"""Contrato de Redis, con redis-py: lo que se hace con más de una orden, o con más de un proceso.

Límites con Lua, avisos entre procesos, colas con relevo, recuentos aproximados, mapas y avisos de claves.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

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


@pytest.fixture
def real(db: redis.Redis) -> None:
    """Para lo que fakeredis no tiene: ni INFO, ni CONFIG, ni avisos de claves."""
    try:
        db.info("server")
    except redis.ResponseError:
        pytest.skip("fakeredis no lo tiene; se comprueba contra Valkey y Redis")


# Límites con Lua: mirar y cambiar de una vez, sin que nadie se cuele en medio

TOKEN_BUCKET = """
local limit, per_second, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local saved = redis.call('HMGET', KEYS[1], 'tokens', 'when')
local tokens = math.min(limit, (tonumber(saved[1]) or limit) + (now - (tonumber(saved[2]) or now)) * per_second)
local allowed = tokens >= 1
if allowed then tokens = tokens - 1 end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'when', tostring(now))
redis.call('PEXPIRE', KEYS[1], math.ceil(limit / per_second * 1000))
return {allowed and 1 or 0, tostring(tokens)}
"""


def test_rate_limit_with_a_token_bucket(db: redis.Redis) -> None:
    ask = db.register_script(TOKEN_BUCKET)

    def allowed(now: float) -> bool:
        return bool(ask(keys=["cubo:ana"], args=[2, 0.5, now])[0])

    assert [allowed(100.0) for _ in range(3)] == [True, True, False]
    assert [allowed(101.0), allowed(102.0), allowed(102.5)] == [False, True, False]
    assert 0 < db.pttl("cubo:ana") <= 4000


def test_a_script_is_remembered_until_it_is_flushed(db: redis.Redis) -> None:
    name = db.script_load("return {KEYS[1], ARGV[1], redis.call('INCRBY', KEYS[1], ARGV[1])}")
    assert db.evalsha(name, 1, "n", 5) == ["n", "5", 5]
    assert db.script_exists(name, "0" * 40) == [True, False]
    db.script_flush()
    with pytest.raises(redis.exceptions.NoScriptError):
        db.evalsha(name, 1, "n", 5)


def test_a_script_that_fails_says_why(db: redis.Redis) -> None:
    with pytest.raises(redis.ResponseError, match="no queda"):
        db.eval("return redis.error_reply('ERR no queda ninguna plaza')", 0)
    db.set("texto", "x")
    with pytest.raises(redis.ResponseError, match="wrong kind of value"):
        db.eval("return redis.call('LPUSH', KEYS[1], 'a')", 1, "texto")


# Avisos entre procesos

_LISTENER = """
import sys, redis
client = redis.Redis.from_url(sys.argv[1], decode_responses=True)
subscription = client.pubsub()
subscription.subscribe("avisos")
for message in subscription.listen():
    print(message["type"], message["data"], flush=True)
    if message["data"] == "fin":
        break
"""


def test_a_notice_reaches_another_process(url: str, db: redis.Redis) -> None:
    with (
        db.pubsub() as here,
        subprocess.Popen([sys.executable, "-c", _LISTENER, url], stdout=subprocess.PIPE, text=True) as there,
    ):
        try:
            here.subscribe("avisos")
            eventually(lambda: db.pubsub_numsub("avisos"), until=lambda found: found == [("avisos", 2)])
            assert [db.publish("avisos", text) for text in ("hola, ñandú", "fin")] == [2, 2]
            assert there.communicate(timeout=10)[0].splitlines() == [
                "subscribe 1",
                "message hola, ñandú",
                "message fin",
            ]
            told = [eventually(lambda: here.get_message(timeout=1))["data"] for _ in range(3)]
            assert told == [1, "hola, ñandú", "fin"]
        finally:
            there.kill()


# Colas con relevo

_WORKER = """
import sys, redis
client = redis.Redis.from_url(sys.argv[1], decode_responses=True)
((_, entries),) = client.xreadgroup("taller", "primero", {"pedidos": ">"}, count=2, block=5000)
client.xack("pedidos", "taller", entries[0][0])
print("hecho", entries[0][0], flush=True)
client.blpop(["nunca"], timeout=30)
"""


def test_what_a_dead_worker_left_is_taken_by_another(url: str, db: redis.Redis) -> None:
    db.xgroup_create("pedidos", "taller", mkstream=True)
    ids = [db.xadd("pedidos", {"n": number}) for number in range(3)]
    with subprocess.Popen([sys.executable, "-c", _WORKER, url], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == f"hecho {ids[0]}\n"
        finally:
            process.kill()
    # Recién entregado todavía no se puede quitar: quizá aún trabaja en ello.
    assert db.xautoclaim("pedidos", "taller", "segundo", min_idle_time=60_000)[1] == []
    claimed = eventually(lambda: db.xautoclaim("pedidos", "taller", "segundo", min_idle_time=20)[1])
    assert [entry[0] for entry in claimed] == [ids[1]]
    (pending,) = db.xpending_range("pedidos", "taller", "-", "+", 10)
    assert (pending["consumer"], pending["times_delivered"]) == ("segundo", 2)
    fresh = db.xreadgroup("taller", "segundo", {"pedidos": ">"}, count=10)
    assert [entry[0] for entry in fresh[0][1]] == [ids[2]]


def test_a_stream_can_be_waited_for(url: str, db: redis.Redis) -> None:
    before = time.monotonic()
    assert not db.xread({"vacío": "$"}, count=1, block=50)
    assert time.monotonic() - before < 3
    with (
        ThreadPoolExecutor(1) as pool,
        redis.Redis.from_url(url, decode_responses=True, socket_timeout=10) as reader,
    ):
        waiting = pool.submit(reader.xread, {"vacío": "$"}, count=1, block=4000)
        # Quien espera al final solo ve lo que llegue después de ponerse a esperar.
        eventually(lambda: db.xadd("vacío", {"a": "1"}) and waiting.done())
        ((_, entries),) = waiting.result(10)
    assert entries[0][1] == {"a": "1"}


def test_a_job_is_never_in_nobodys_hands(db: redis.Redis) -> None:
    db.rpush("pendientes", "a", "b")
    assert db.lmove("pendientes", "en curso", "LEFT", "RIGHT") == "a"
    assert (db.lrange("pendientes", 0, -1), db.lrange("en curso", 0, -1)) == (["b"], ["a"])
    assert db.blmove("pendientes", "en curso", 1, "LEFT", "RIGHT") == "b"
    assert db.lrem("en curso", 1, "a") == 1
    assert db.lrange("en curso", 0, -1) == ["b"]


# Recuentos, mapas y conjuntos


def test_visitors_are_counted_without_remembering_them(db: redis.Redis) -> None:
    for day, visitors in (("lunes", range(1000)), ("martes", range(500, 1500))):
        db.pfadd(day, *(f"persona-{number}" for number in visitors))
        db.pfadd(day, "persona-700")
    assert db.pfcount("lunes") == pytest.approx(1000, rel=0.03)
    assert db.pfcount("lunes", "martes") == pytest.approx(1500, rel=0.03)
    db.pfmerge("semana", "lunes", "martes")
    assert db.pfcount("semana") == db.pfcount("lunes", "martes")


def test_nearest_places_first(db: redis.Redis) -> None:
    db.geoadd("sedes", [-3.7038, 40.4168, "Madrid", 2.1734, 41.3851, "Barcelona", -0.3763, 39.4699, "Valencia"])
    assert db.geodist("sedes", "Madrid", "Barcelona", unit="km") == pytest.approx(505, abs=3)
    near = db.geosearch("sedes", member="Madrid", radius=400, unit="km", sort="ASC", withdist=True)
    assert [name for name, _ in near] == ["Madrid", "Valencia"]
    ((longitude, latitude),) = db.geopos("sedes", "Valencia")
    assert (longitude, latitude) == (pytest.approx(-0.3763, abs=1e-4), pytest.approx(39.4699, abs=1e-4))


def test_who_came_each_day_as_bits(db: redis.Redis) -> None:
    for day, people in (("lunes", (1, 5, 9)), ("martes", (5, 9, 12))):
        for person in people:
            db.setbit(day, person, 1)
    assert [db.getbit("lunes", person) for person in (5, 6)] == [1, 0]
    assert db.bitop("AND", "los dos", "lunes", "martes") == 2
    assert (db.bitcount("lunes"), db.bitcount("los dos")) == (3, 2)


def test_ties_and_ranges_of_a_leaderboard(db: redis.Redis) -> None:
    db.zadd("puntos", {"luis": 10, "ana": 10, "marta": 30, "zoe": 20})
    assert db.zrange("puntos", 0, -1) == ["ana", "luis", "zoe", "marta"]
    assert db.zadd("puntos", {"ana": 5}, gt=True, ch=True) == 0
    assert db.zadd("puntos", {"ana": 15}, gt=True, ch=True) == 1
    assert db.zpopmax("puntos") == [("marta", 30.0)]
    db.zadd("puntos de hoy", {"ana": 1, "zoe": 100})
    db.zunionstore("total", ["puntos", "puntos de hoy"])
    assert [tuple(pair) for pair in db.zrevrange("total", 0, 0, withscores=True)] == [("zoe", 120.0)]


def test_a_value_is_read_once(db: redis.Redis) -> None:
    db.set("código", "1234", ex=60)
    assert (db.getdel("código"), db.getdel("código")) == ("1234", None)
    db.mset({"a": "1", "b": "2"})
    assert db.mget("a", "b", "c") == ["1", "2", None]
    assert not db.msetnx({"b": "9", "c": "9"})
    assert db.get("c") is None


def test_expiry_moments(db: redis.Redis) -> None:
    db.set("k", "v")
    moment = int(time.time()) + 100
    assert db.expireat("k", moment)
    assert db.expiretime("k") == moment
    assert not db.expire("k", 500, lt=True)
    assert db.expire("k", 50, lt=True)
    assert db.ttl("k") <= 50
    assert db.expire("k", 0)
    assert not db.exists("k")


def test_a_group_of_orders_is_all_or_nothing(db: redis.Redis) -> None:
    with db.pipeline() as steps:
        steps.set("a", "1").execute_command("NO-EXISTE")
        with pytest.raises(redis.ResponseError):
            steps.execute()
    assert db.get("a") is None
    # Pero una orden que falla al ejecutarse no deshace las demás.
    with db.pipeline() as steps:
        answers = steps.set("b", "1").lpush("b", "x").set("c", "2").execute(raise_on_error=False)
    assert [type(answer) for answer in answers] == [bool, redis.ResponseError, bool]
    assert (db.get("b"), db.get("c")) == ("1", "2")


def test_big_values_and_many_at_once(db: redis.Redis) -> None:
    document = json.dumps({"texto": "ñ" * 200_000})
    db.set("grande", document)
    assert db.get("grande") == document
    with db.pipeline(transaction=False) as steps:
        for number in range(2000):
            steps.rpush("lista", number)
        assert steps.execute()[-1] == 2000


# Lo que dice de sí mismo


@pytest.mark.usefixtures("real")
def test_expired_and_deleted_keys_are_announced(db: redis.Redis) -> None:
    with db.pubsub() as events:
        events.psubscribe("__keyevent@0__:*")
        eventually(lambda: events.get_message(timeout=1))
        db.set("carrito:ana", "3", px=20)
        db.set("borrada", "x")
        db.delete("borrada")
        seen: list[tuple[str, str]] = []

        def expired() -> bool:
            if message := events.get_message(timeout=0.2):
                seen.append((message["channel"].rpartition(":")[2], message["data"]))
            return ("expired", "carrito:ana") in seen

        eventually(expired)
    assert ("del", "borrada") in seen


@pytest.mark.usefixtures("real")
def test_nothing_is_kept_on_disk_and_memory_has_a_ceiling(db: redis.Redis) -> None:
    names = ("save", "appendonly", "maxmemory", "maxmemory-policy")
    assert [db.config_get(name)[name] for name in names] == ["", "no", str(256 * 1024**2), "noeviction"]
    # La persistencia se enciende en marcha, que es como la enseña la lección.
    db.config_set("appendonly", "yes")
    try:
        assert db.info("persistence")["aof_enabled"] == 1
    finally:
        db.config_set("appendonly", "no")


@pytest.mark.usefixtures("real")
def test_the_hit_ratio_can_be_read(db: redis.Redis) -> None:
    before = db.info("stats")
    db.set("está", "x")
    for name in ("está", "está", "no está"):
        db.get(name)
    after = db.info("stats")
    assert after["keyspace_hits"] - before["keyspace_hits"] == 2
    assert after["keyspace_misses"] - before["keyspace_misses"] == 1
    assert db.memory_usage("está") > 0
