"""El contrato de Consul: sesiones y cerrojos.

Sigue https://developer.hashicorp.com/consul/api-docs/session y
https://developer.hashicorp.com/consul/docs/dynamic-app-config/sessions.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic
from typing import Any

import consul
import pytest

from tests.support.consul import Lab, eventually, index, unique


@pytest.fixture(scope="module")
def lab(started: Callable[..., dict[str, str]]) -> Iterator[Lab]:
    env = started("consul")
    lab = Lab(env["CONSUL_HTTP_URL"])
    yield lab
    lab.close()


@pytest.fixture
def kv(lab: Lab) -> consul.Consul.KV:
    return lab.client.kv


@pytest.fixture
def key() -> str:
    return unique("cerrojos/turno")


@pytest.fixture
def name() -> str:
    return unique("servicio")


@dataclass
class Lives:
    """Dos sesiones con un TTL de un segundo, cada una con su cerrojo: una olvidada y otra que se renueva."""

    key: str
    since: float
    forgotten: str
    kept: str
    freed: Future[float]


@pytest.fixture(scope="module", autouse=True)
def lives(lab: Lab) -> Iterator[Lives]:
    """Empiezan con el fichero, para que el tiempo pase mientras corren las demás pruebas."""
    key, since = unique("cerrojos/caduca"), monotonic()
    forgotten, kept = lab.session(TTL="1s"), lab.session(TTL="1s")
    lab.client.kv.put(key, "un rato", acquire=forgotten)
    lab.client.kv.put(f"{key}/viva", "siempre", acquire=kept)
    seen, over = index(lab.get(f"kv/{key}")), threading.Event()

    def renew() -> None:
        client = lab.another()
        while not over.wait(0.2):
            client.session.renew(kept)

    def wait_for_freedom() -> float:
        lab.watch(f"kv/{key}", seen).result(20)
        return monotonic()

    with ThreadPoolExecutor(2) as pool:
        pool.submit(renew)
        yield Lives(key, since, forgotten, kept, pool.submit(wait_for_freedom))
        over.set()


# --- Sesiones


def test_session_is_created_listed_and_destroyed(lab: Lab) -> None:
    client = lab.client
    session_id = client.session.create(name="turno de noche", ttl=3600, behavior="delete", lock_delay=3)
    seen, session = client.session.info(session_id)
    assert int(seen) >= session["CreateIndex"] == session["ModifyIndex"] > 1
    assert {name: session[name] for name in ("ID", "Name", "Node", "TTL", "Behavior", "LockDelay")} == {
        "ID": session_id,
        "Name": "turno de noche",
        "Node": "lab",
        "TTL": "3600s",
        "Behavior": "delete",
        "LockDelay": 3_000_000_000,
    }
    assert session["NodeChecks"] == ["serfHealth"]
    assert session["ServiceChecks"] is None
    assert session_id in {one["ID"] for one in client.session.list()[1]}
    assert session_id in {one["ID"] for one in client.session.node("lab")[1]}
    assert client.session.destroy(session_id) is True
    assert client.session.info(session_id)[1] is None
    assert session_id not in {one["ID"] for one in client.session.list()[1]}


def test_session_without_anything_said_releases_its_locks_and_delays_15_s(lab: Lab) -> None:
    session_id = lab.client.session.create()
    _, session = lab.client.session.info(session_id)
    assert (session["Behavior"], session["LockDelay"], session["TTL"]) == ("release", 15_000_000_000, "")
    assert session["Name"] == ""
    assert lab.client.session.destroy(session_id) is True


def test_session_of_another_node_does_not_exist(lab: Lab) -> None:
    assert lab.client.session.node("otro")[1] == []
    answer = lab.put("session/create", {"Node": "otro"})
    assert (answer.status_code, answer.text) == (500, "apply failed: Missing node registration")


def test_session_destroying_what_is_not_there_is_fine(lab: Lab) -> None:
    assert lab.client.session.destroy("00000000-0000-0000-0000-000000000000") is True


def test_session_renewing_what_is_not_there_is_a_404(lab: Lab) -> None:
    with pytest.raises(consul.NotFound, match="Session id '00000000-0000-0000-0000-000000000000' not found"):
        lab.client.session.renew("00000000-0000-0000-0000-000000000000")


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"TTL": "100ms"}, 500, "Invalid Session TTL '100000000', must be between [1s=24h0m0s]"),
        ({"TTL": "25h"}, 500, "Invalid Session TTL '90000000000000', must be between [1s=24h0m0s]"),
        ({"TTL": "un rato"}, 500, "Session TTL 'un rato' invalid: time: invalid duration \"un rato\""),
        ({"Behavior": "explotar"}, 500, "Invalid Behavior setting 'explotar'"),
    ],
)
def test_session_that_makes_no_sense_is_refused(lab: Lab, body: dict[str, str], status: int, text: str) -> None:
    answer = lab.put("session/create", body)
    assert (answer.status_code, answer.text) == (status, text)


def test_session_lock_delay_may_be_seconds_or_a_duration(lab: Lab) -> None:
    for written, expected in ((2, 2_000_000_000), ("1m", 60_000_000_000), ("0s", 0)):
        session_id = lab.session(LockDelay=written)
        assert lab.client.session.info(session_id)[1]["LockDelay"] == expected
        lab.client.session.destroy(session_id)


# --- Cerrojos


def test_lock_is_only_for_one_and_only_its_owner_opens_it(lab: Lab, kv: Any, key: str) -> None:
    ana, luis = lab.session(), lab.session()
    assert kv.put(key, "ana", acquire=ana) is True
    assert kv.put(key, "luis", acquire=luis) is False
    _, entry = kv.get(key)
    assert (entry["Value"], entry["Session"], entry["LockIndex"]) == (b"ana", ana, 1)
    assert kv.put(key, "", release=luis) is False
    assert kv.put(key, "adiós", release=ana) is True
    _, entry = kv.get(key)
    assert (entry["Value"], entry["LockIndex"]) == ("adiós".encode(), 1)
    assert "Session" not in entry
    # Quien abre sin querer no hace esperar a nadie.
    assert kv.put(key, "luis", acquire=luis) is True
    assert kv.get(key)[1]["LockIndex"] == 2


def test_lock_may_be_taken_again_by_who_has_it(lab: Lab, kv: Any, key: str) -> None:
    ana = lab.session()
    assert kv.put(key, "uno", acquire=ana) is True
    assert kv.put(key, "dos", acquire=ana) is True
    _, entry = kv.get(key)
    assert (entry["Value"], entry["LockIndex"]) == (b"dos", 1)


def test_lock_is_a_promise_and_not_a_wall(lab: Lab, kv: Any, key: str) -> None:
    ana = lab.session()
    kv.put(key, "ana", acquire=ana)
    assert kv.put(key, "una desconocida") is True
    _, entry = kv.get(key)
    assert (entry["Value"], entry["Session"]) == (b"una desconocida", ana)
    # Escribir sin pedirlo pone a cero la cuenta de las veces que se ha tomado, aunque siga tomado.
    assert entry["LockIndex"] == 0


def test_lock_with_a_session_that_is_not_there_is_an_error(lab: Lab, key: str) -> None:
    nobody = "00000000-0000-0000-0000-000000000000"
    answer = lab.put(f"kv/{key}?acquire={nobody}")
    assert (answer.status_code, answer.text) == (500, f'raft apply failed: invalid session "{nobody}"')
    assert lab.get(f"kv/{key}").status_code == 404
    assert lab.put(f"kv/{key}?release={nobody}").json() is False


def test_lock_goes_to_exactly_one_of_many(lab: Lab, key: str) -> None:
    def contend(number: int) -> bool:
        client = lab.another()
        return bool(client.kv.put(key, str(number), acquire=lab.session()))

    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(contend, range(6)))
    assert sum(won) == 1
    assert lab.client.kv.get(key)[1]["Value"] == str(won.index(True)).encode()


def test_lock_protects_what_is_done_with_it(lab: Lab, key: str) -> None:
    """Tres procesos leen y escriben un número sin más cuidado que el cerrojo, esperando su turno con *watches*."""
    counter = f"{key}/cuenta"

    def work(times: int) -> None:
        client = lab.another()
        session = lab.session()
        for _ in range(times):
            while not client.kv.put(key, "ocupado", acquire=session):
                seen, entry = client.kv.get(key)
                if entry and entry.get("Session"):
                    client.kv.get(key, index=seen, wait="5s")
            _, entry = client.kv.get(counter)
            client.kv.put(counter, str(int(entry["Value"]) + 1 if entry else 1))
            client.kv.put(key, "libre", release=session)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, [5] * 3))
    assert lab.client.kv.get(counter)[1]["Value"] == b"15"


def test_lock_is_freed_when_its_session_is_destroyed(lab: Lab, kv: Any, key: str) -> None:
    ana, luis = lab.session(), lab.session()
    kv.put(key, "ana", acquire=ana)
    watch = lab.watch(f"kv/{key}", index(lab.get(f"kv/{key}")))
    lab.client.session.destroy(ana)
    (entry,) = watch.result(2).json()
    assert "Session" not in entry
    assert kv.get(key)[1]["Value"] == b"ana"
    assert kv.put(key, "luis", acquire=luis) is True


def test_lock_of_a_session_that_deletes_goes_with_it(lab: Lab, kv: Any, key: str) -> None:
    ana = lab.session(Behavior="delete")
    kv.put(key, "ana", acquire=ana)
    kv.put(f"{key}/otra", "no es suya")
    lab.client.session.destroy(ana)
    assert kv.get(key)[1] is None
    assert kv.get(f"{key}/otra")[1]["Value"] == b"no es suya"


def test_lock_cannot_be_taken_during_the_lock_delay(lab: Lab, kv: Any, key: str) -> None:
    ana, luis = lab.session(LockDelay="400ms"), lab.session()
    kv.put(key, "ana", acquire=ana)
    begun = monotonic()
    lab.client.session.destroy(ana)
    assert kv.put(key, "luis", acquire=luis) is False
    assert "Session" not in kv.get(key)[1]
    eventually(lambda: kv.put(key, "luis", acquire=luis))
    assert 0.4 <= monotonic() - begun < 3


# --- Sesiones atadas a comprobaciones


def test_session_dies_with_the_check_it_is_tied_to(lab: Lab, kv: Any, key: str, name: str) -> None:
    lab.register(name, Check={"TTL": "1m", "Status": "passing"})
    check = f"service:{name}"
    eventually(lambda: lab.healthy(name))
    session = lab.session(Checks=["serfHealth", check])
    assert lab.client.session.info(session)[1]["NodeChecks"] == ["serfHealth"]
    kv.put(key, "mientras esté sana", acquire=session)
    lab.client.agent.check.ttl_warn(check)
    assert lab.client.session.info(session)[1] is not None
    lab.client.agent.check.ttl_fail(check)
    eventually(lambda: lab.client.session.info(session)[1] is None)
    assert "Session" not in kv.get(key)[1]


def test_session_cannot_be_tied_to_a_check_that_is_critical_or_missing(lab: Lab, name: str) -> None:
    lab.register(name, Check={"TTL": "1m"})
    answer = lab.put("session/create", {"NodeChecks": ["serfHealth", f"service:{name}"]})
    assert (answer.status_code, answer.text) == (500, f"apply failed: Check 'service:{name}' is in critical state")
    answer = lab.put("session/create", {"NodeChecks": ["no-existe"]})
    assert (answer.status_code, answer.text) == (500, "apply failed: Missing check 'no-existe' registration")


# --- Sesiones que caducan


def test_session_that_is_not_renewed_expires_and_frees_its_lock(lab: Lab, lives: Lives) -> None:
    """Consul promete que no caduca antes de su TTL, y en la práctica espera el doble."""
    eventually(lambda: lab.client.session.info(lives.forgotten)[1] is None)
    _, entry = lab.client.kv.get(lives.key)
    assert entry["Value"] == b"un rato"
    assert "Session" not in entry


def test_session_does_not_expire_before_its_ttl(lives: Lives) -> None:
    assert lives.freed.result(10) - lives.since >= 1


def test_session_that_is_renewed_keeps_its_lock(lab: Lab, lives: Lives) -> None:
    eventually(lambda: monotonic() - lives.since > 2.1)
    assert lab.client.session.info(lives.kept)[1] is not None
    assert lab.client.kv.get(f"{lives.key}/viva")[1]["Session"] == lives.kept
