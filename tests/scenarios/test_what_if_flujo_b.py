"""Más allá de cuando todo va bien: cada caso de la tabla «Qué pasa si…» del flujo B."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest
import urllib3

from scenarios import seeds
from scenarios.flows import FLOWS
from scenarios.flujo_b import keys, rotation
from scenarios.flujo_b.what_if import CASES
from stack.laboratory import Laboratory
from tests.support.avatars import eventually
from tests.support.breaking import killed, promptly, stopped_before, without
from tests.support.logins import School, Student, claims

FLOW = FLOWS["flujo-b"]
DEAD_LETTERS = "usuario_autenticado.dlq"


@pytest.fixture
def school(login_laboratory: Laboratory) -> Iterator[School]:
    somewhere = School(login_laboratory.env())
    yield somewhere
    somewhere.close()


@pytest.fixture
def rotating(login_laboratory: Laboratory) -> Iterator[None]:
    """Al acabar, en Vault vuelve a estar la clave del principio, y ninguna más, y Kong lo sabe."""
    yield
    with keys.administrator(login_laboratory.env(["vault"])) as vault:
        vault.secrets.kv.v2.delete_metadata_and_all_versions(keys.SECRET)
    seeds.vault(login_laboratory.credentials() | login_laboratory.env())
    assert rotation.synchronise(login_laboratory) == ["login-v1"]


def test_every_case_of_the_table_is_here() -> None:
    here = {name.removeprefix("test_if_") for name in globals() if name.startswith("test_if_")}
    assert here == {case.id for case in CASES}


# --- quien no debe entrar ----------------------------------------------------------------------------------------


def test_if_wrong_password_or_nobody(school: School) -> None:
    known, rejected = school.student(), school.metric('auth_logins_total{result="rejected"}')

    def attempt(body: dict[str, str]) -> tuple[int, bytes, float]:
        began = time.perf_counter()
        answer = school.login(body)
        return answer.status, answer.data, time.perf_counter() - began

    wrong = [attempt({"email": known.email, "password": f"no es esta {n}"}) for n in range(5)]
    nobody = [attempt({"username": f"nadie.{known.user}.{n}", "password": known.password}) for n in range(5)]
    assert {answer[:2] for answer in (*wrong, *nobody)} == {
        (401, '{"detail":"El usuario o la contraseña no son correctos."}'.encode())
    }
    # Comprobar una contraseña es casi todo lo que se tarda: sin hacerlo, el segundo sería varias veces más rápido.
    quickest, other = min(answer[2] for answer in wrong), min(answer[2] for answer in nobody)
    assert 0.5 < quickest / other < 2
    assert (known.sessions(), known.events()) == ([], [])
    assert school.metric('auth_logins_total{result="rejected"}') == rejected + 10


def test_if_guessing_one_account(school: School) -> None:
    victim, other = school.student(), school.student()
    assert [victim.login(f"no es {n}").status for n in range(5)] == [401] * 5
    stopped = victim.login()
    assert stopped.status == 429
    assert 0 < int(stopped.headers["Retry-After"]) <= 300
    assert victim.sessions() == []
    assert other.login().status == 200
    assert not [key for key in school.redis.scan_iter(match="*attempts*") if victim.email in str(key)]
    # Acertar borra la cuenta: cinco entradas seguidas no son un ataque.
    assert [other.login().status for _ in range(6)] == [200] * 6


def test_if_guessing_from_one_place(login_laboratory: Laboratory, school: School) -> None:
    document = rotation.configuration(login_laboratory)
    service = next(one for one in document["services"] if one["name"] == "auth")
    limiting = next(one for one in service["routes"][0]["plugins"] if one["name"] == "rate-limiting")
    assert limiting["config"] == {"minute": 600, "limit_by": "ip", "policy": "local"}
    limiting["config"]["minute"] = 2
    seen = school.metric('http_requests_total{method="POST",route="/api/auth/login",status="422"}')
    try:
        rotation.load(login_laboratory, document)
        statuses = [school.login({}).status for _ in range(6)]
    finally:
        rotation.synchronise(login_laboratory)
    assert statuses.count(429) >= 4
    assert set(statuses) <= {422, 429}
    now = school.metric('http_requests_total{method="POST",route="/api/auth/login",status="422"}')
    assert now - seen == statuses.count(422)


# --- la sesión y la clave ----------------------------------------------------------------------------------------


def test_if_log_out(school: School) -> None:
    somebody = school.student()
    phone, laptop = somebody.token(), somebody.token()
    assert len(somebody.sessions()) == 2
    assert school.ask(phone, "logout", "POST") == 204
    assert (school.ask(phone), school.ask(laptop)) == (401, 200)
    assert claims(phone)["exp"] > time.time() + 86_000
    assert somebody.sessions() == [f"session:{somebody.user}:{claims(laptop)['sid']}"]
    assert school.ask(phone, "logout", "POST") == 401


@pytest.mark.usefixtures("rotating")
def test_if_rotated_key(login_laboratory: Laboratory, school: School) -> None:
    somebody = school.student()
    before = somebody.token()
    assert rotation.rotate(login_laboratory) == 2
    after = somebody.token()
    assert [claims(token)["iss"] for token in (before, after)] == ["login-v1", "login-v2"]
    assert (school.ask(before), school.ask(after)) == (200, 200)
    with keys.administrator(login_laboratory.env(["vault"])) as vault:
        first, second = keys.alive(vault)
    assert first.value != second.value
    late = {**claims(before), "exp": int(time.time()) - 1}
    crossed = {**claims(before), "iss": "login-v2"}
    assert school.ask(jwt.encode(late, first.value, "HS256")) == 401, "los de antes, hasta que caducan"
    assert school.ask(jwt.encode(crossed, first.value, "HS256")) == 401, "cada una firma con su nombre"
    assert rotation.retire(login_laboratory, 1) == ["login-v2"]
    assert (school.ask(before), school.ask(after)) == (401, 200)


def test_if_deleted_key(login_laboratory: Laboratory, school: School) -> None:
    somebody = school.student()
    token = somebody.token()
    with keys.administrator(login_laboratory.env(["vault"])) as vault:
        vault.secrets.kv.v2.delete_latest_version_of_secret(keys.SECRET)
        try:
            _nobody_enters(school, somebody, "Vault")
            assert school.ask(token) == 401
        finally:
            vault.secrets.kv.v2.undelete_secret_versions(keys.SECRET, [1])
    assert len(somebody.sessions()) == 1
    assert school.ask(token) == 200


@pytest.mark.usefixtures("rotating")
def test_if_kong_restarts(login_laboratory: Laboratory, school: School) -> None:
    rotation.rotate(login_laboratory)
    token = school.student().token()
    assert school.ask(token) == 200
    with without(login_laboratory, "kong"), pytest.raises(urllib3.exceptions.NewConnectionError):
        school.ask(token)
    assert school.ask(token) == 401
    assert rotation.synchronise(login_laboratory) == ["login-v1", "login-v2"]
    assert school.ask(token) == 200


# --- un servicio no está -----------------------------------------------------------------------------------------


def _nobody_enters(school: School, somebody: Student, who: str) -> None:
    answer = somebody.login()
    assert (answer.status, answer.json()["detail"]) == (
        503,
        f"{who} no contesta ahora mismo. Vuelve a intentarlo.",
    )


def test_if_vault_down(login_laboratory: Laboratory, school: School) -> None:
    somebody = school.student()
    before = somebody.token()
    with without(login_laboratory, "vault"):
        _nobody_enters(school, somebody, "Vault")
    assert len(somebody.sessions()) == 1
    assert somebody.login().status == 200
    assert school.ask(before) == 200


def test_if_database_down(login_laboratory: Laboratory, school: School) -> None:
    somebody = school.student()
    with without(login_laboratory, "database"):
        _nobody_enters(school, somebody, "La base de datos")
        assert somebody.sessions() == []
    assert somebody.login().status == 200


def test_if_redis_down(login_laboratory: Laboratory, school: School) -> None:
    somebody = school.student()
    with without(login_laboratory, "redis"):
        _nobody_enters(school, somebody, "Redis")
        assert somebody.events() == []
    assert somebody.login().status == 200


def test_if_kafka_down(login_laboratory: Laboratory, school: School) -> None:
    somebody, lost = school.student(), school.metric("auth_events_lost_total")
    with without(login_laboratory, "kafka"):
        assert school.ask(somebody.token()) == 200
    assert school.metric("auth_events_lost_total") == lost + 1
    assert somebody.events() == []
    # Vuelve Kafka y, sin reiniciar a nadie, los sucesos: el productor tarda hasta un segundo en reconectarse.
    again = school.student()
    eventually(lambda: again.login().status == 200 and again.events(), within_s=20)


def test_if_watchers_down(login_laboratory: Laboratory, school: School) -> None:
    somebody = school.student()
    with without(login_laboratory, "jaeger", "prometheus", "grafana", "consul"):
        promptly(somebody.token)
        assert school.ask(somebody.token()) == 200
        assert somebody.events()


# --- alguien muere a mitad ---------------------------------------------------------------------------------------


def test_if_auth_killed(login_laboratory: Laboratory, school: School) -> None:
    somebody = school.student()
    with ThreadPoolExecutor(1) as pool, stopped_before(login_laboratory, FLOW.hop("B8")) as (headers, wait):
        answer = pool.submit(somebody.login, headers=headers)
        wait()
        assert len(somebody.sessions()) == 1
        with killed(login_laboratory, "auth"):
            assert answer.result(timeout=20).status == 502
            assert somebody.events() == []
    assert school.ask(somebody.token()) == 200


def test_if_analytics_killed(login_laboratory: Laboratory, school: School) -> None:
    somebody = school.student()
    with stopped_before(login_laboratory, FLOW.hop("B12")) as (headers, wait):
        assert somebody.login(headers=headers).status == 200
        wait()
        assert school.redis.zscore("analytics:active", somebody.user) is None
        with killed(login_laboratory, "analytics"):
            pass
    eventually(lambda: school.redis.zscore("analytics:active", somebody.user))
    # Puede haber más: a quien entró en otra prueba y le esperaba su turno detrás.
    eventually(lambda: school.metric('analytics_events_total{result="new"}', "ANALYTICS") >= 1)


# --- Kafka entrega lo que quiere ---------------------------------------------------------------------------------


def _event(user: str, number: int) -> bytes:
    event = {"event": "usuario_autenticado", "id": f"{user}-{number}", "user": user, "role": "student"}
    return json.dumps(event | {"occurred_at": "2999-01-01T00:00:00+00:00"}).encode()


def _counted(school: School) -> dict[str, float]:
    series = {
        "new": 'analytics_events_total{result="new"}',
        "repeated": 'analytics_events_total{result="repeated"}',
        "apart": 'kafka_dead_letters_total{group="analytics",topic="usuario_autenticado"}',
        "active": "usuarios_activos",
    }
    return {name: school.metric(one, "ANALYTICS") for name, one in series.items()}


@pytest.fixture
def invented(school: School) -> Iterator[str]:
    """Alguien que solo existe en los sucesos de la prueba."""
    user = f"user-inventado-{time.time_ns()}"
    yield user
    school.redis.zrem("analytics:active", user)


def test_if_duplicate(school: School, invented: str) -> None:
    before = _counted(school)
    for number in (1, 1, 2):
        school.publish(_event(invented, number), invented)
    eventually(lambda: _counted(school)["new"] == before["new"] + 2)
    expected = {"new": 2.0, "repeated": 1.0, "apart": 0.0, "active": 1.0}
    assert {name: value - before[name] for name, value in _counted(school).items()} == expected


def test_if_unreadable(school: School, invented: str) -> None:
    before = _counted(school)
    bad = {b"hola": "no es JSON", b'{"id": "1", "user": "x"}': "occurred_at", b"[1]": "no es un objeto JSON"}
    for value in bad:
        school.publish(value, invented)
    school.publish(_event(invented, 1), invented)
    eventually(lambda: _counted(school)["new"] == before["new"] + 1)
    expected = {"new": 1.0, "repeated": 0.0, "apart": 3.0, "active": 1.0}
    assert {name: value - before[name] for name, value in _counted(school).items()} == expected
    apart = {value: headers for key, value, headers in school.messages(DEAD_LETTERS) if key == invented}
    assert set(apart) == set(bad)
    for value, reason in bad.items():
        assert reason in apart[value]["dlq.reason"].decode()
        assert apart[value]["dlq.group"] == b"analytics"


def test_if_fifty_at_once(school: School) -> None:
    people = [school.student() for _ in range(10)]
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda number: people[number % 10].login(), range(50)))
    assert {answer.status for answer in answers} == {200}
    given = [answer.json() for answer in answers]
    for number, document in enumerate(given):
        somebody = people[number % 10]
        assert document["user"]["id"] == claims(document["token"])["sub"] == somebody.user
        assert document["user"]["email"] == somebody.email
    assert len({claims(document["token"])["sid"] for document in given}) == 50
    for somebody in people:
        sids = {claims(one["token"])["sid"] for one in given if one["user"]["id"] == somebody.user}
        assert {key.rpartition(":")[2] for key in somebody.sessions()} == sids
    events = school.messages()
    assert all(sum(key == somebody.user for key, _, _ in events) == 5 for somebody in people)
    eventually(lambda: all(school.redis.zscore("analytics:active", one.user) for one in people))
