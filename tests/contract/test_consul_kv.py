"""El contrato de Consul: claves y valores, y esperar a que cambien.

Sigue https://developer.hashicorp.com/consul/api-docs/kv y https://developer.hashicorp.com/consul/api-docs/features/blocking.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from time import monotonic
from typing import Any

import consul
import pytest
import requests

from tests.support.consul import Lab, eventually, index, unique

STILL_S = 0.06
"""Cuánto se mira que algo no pasa."""


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
    return unique("pruebas/clave")


def blocked(watch: Future[requests.Response]) -> bool:
    """Si la espera larga sigue sin contestar un rato después."""
    try:
        watch.result(STILL_S)
    except NotYet:
        return True
    return False


# --- Leer y escribir


def test_kv_a_value_comes_back_with_its_flags_and_indexes(kv: Any, key: str) -> None:
    assert kv.put(key, "hola", flags=42) is True
    seen, entry = kv.get(key)
    assert (entry["Key"], entry["Value"], entry["Flags"]) == (key, b"hola", 42)
    assert entry["CreateIndex"] == entry["ModifyIndex"] == int(seen)
    assert entry["LockIndex"] == 0
    assert "Session" not in entry


def test_kv_a_new_value_keeps_when_it_was_created(kv: Any, key: str) -> None:
    kv.put(key, "uno", flags=7)
    _, before = kv.get(key)
    kv.put(key, "dos")
    seen, after = kv.get(key)
    assert after["CreateIndex"] == before["CreateIndex"]
    assert after["ModifyIndex"] == int(seen) > before["ModifyIndex"]
    assert (after["Value"], after["Flags"]) == (b"dos", 0)


def test_kv_writing_the_same_value_again_is_not_a_change(kv: Any, key: str) -> None:
    kv.put(key, "igual", flags=1)
    _, before = kv.get(key)
    assert kv.put(key, "igual", flags=1) is True
    assert kv.get(key)[1]["ModifyIndex"] == before["ModifyIndex"]


@pytest.mark.parametrize(
    "value",
    [bytes(range(256)), "¡Mañana, 5 € y 🦊!".encode(), b" \r\n ", b"x" * 100_000],
    ids=["bytes", "unicode", "blanks", "100kB"],
)
def test_kv_bytes_come_back_as_they_went(kv: Any, key: str, value: bytes) -> None:
    kv.put(key, value)
    assert kv.get(key)[1]["Value"] == value


def test_kv_an_empty_value_is_null(lab: Lab, kv: Any, key: str) -> None:
    kv.put(key, "")
    assert kv.get(key)[1]["Value"] is None
    assert lab.get(f"kv/{key}").json()[0]["Value"] is None


@pytest.mark.parametrize("name", ["a b", "ñandú/año", "punto.y-guion_bajo", "a%b", "con?pregunta", "a/"])
def test_kv_keys_may_be_any_text(kv: Any, key: str, name: str) -> None:
    assert kv.put(f"{key}/{name}", name) is True
    _, entry = kv.get(f"{key}/{name}")
    assert (entry["Key"], entry["Value"].decode()) == (f"{key}/{name}", name)


def test_kv_raw_gives_the_bytes_and_nothing_else(lab: Lab, kv: Any, key: str) -> None:
    kv.put(key, b"\x00<script>")
    answer = lab.get(f"kv/{key}?raw")
    assert answer.content == b"\x00<script>"
    # Para que un navegador no lo interprete como página.
    assert answer.headers["Content-Type"] == "text/plain"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox"


def test_kv_a_missing_key_is_a_404_with_an_index(lab: Lab, kv: Any, key: str) -> None:
    answer = lab.get(f"kv/{key}")
    assert (answer.status_code, answer.text) == (404, "")
    assert index(answer) >= 1
    assert kv.get(key)[1] is None
    assert lab.get(f"kv/{key}?raw").status_code == 404


def test_kv_flags_are_64_bits(kv: Any, key: str) -> None:
    kv.put(key, "x", flags=2**64 - 1)
    assert kv.get(key)[1]["Flags"] == 2**64 - 1


def test_kv_a_key_with_an_empty_piece_is_sent_somewhere_else(lab: Lab, kv: Any, key: str) -> None:
    """`a//b` no se puede escribir: contesta que vaya a `a/b`, y quien va con GET no escribe nada."""
    answer = lab.ask("PUT", f"kv/{key}//x?flags=3", data=b"v", allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (301, f"/v1/kv/{key}/x?flags=3")
    assert kv.get(key, recurse=True)[1] is None
    answer = lab.ask("GET", "kv?recurse", allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (301, "/v1/kv/?recurse")


def test_kv_more_than_512_kb_is_refused(lab: Lab, key: str) -> None:
    answer = lab.ask("PUT", f"kv/{key}", data=b"x" * (512 * 1024 + 1))
    assert answer.status_code == 413
    assert answer.text.startswith("Request body(524289 bytes) too large, max size: 524288 bytes.")
    assert lab.ask("PUT", f"kv/{key}", data=b"x" * (512 * 1024)).json() is True


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "kv/", 400, "Missing key name"),
        ("PUT", "kv/", 400, "Missing key name"),
        ("DELETE", "kv/", 400, "Missing key name"),
        ("PUT", "kv/x?cas=1&acquire=y", 400, "Conflicting flags: acquire=y&cas=1"),
        ("DELETE", "kv/x?cas=1&recurse=", 400, "Conflicting flags: cas=1&recurse="),
        ("PUT", "kv/x?cas=uno", 500, 'strconv.ParseUint: parsing "uno": invalid syntax'),
        ("PUT", "kv/x?flags=-1", 500, 'strconv.ParseUint: parsing "-1": invalid syntax'),
        ("POST", "kv/x", 405, "method POST not allowed"),
    ],
)
def test_kv_a_request_that_makes_no_sense_is_refused(
    lab: Lab, method: str, path: str, status: int, text: str
) -> None:
    answer = lab.ask(method, path)
    assert (answer.status_code, answer.text) == (status, text)


# --- Varias a la vez


def test_kv_recurse_gives_what_begins_with_the_prefix_in_order(lab: Lab, kv: Any, key: str) -> None:
    for name in ("b", "a", "c/d", "Z"):
        kv.put(f"{key}/{name}", name)
    kv.put(f"{key}2", "vecina")
    _, entries = kv.get(f"{key}/", recurse=True)
    assert [entry["Key"] for entry in entries] == [f"{key}/{name}" for name in ("Z", "a", "b", "c/d")]
    # Un prefijo es un trozo de texto, no una carpeta.
    assert len(kv.get(key, recurse=True)[1]) == 5
    assert lab.get(f"kv/{key}/nada?recurse").status_code == 404


def test_kv_keys_may_be_cut_at_a_separator(lab: Lab, kv: Any, key: str) -> None:
    for name in ("a", "b/uno", "b/dos", "c/d/e"):
        kv.put(f"{key}/{name}", "")
    _, every = kv.get(f"{key}/", keys=True)
    assert every == [f"{key}/{name}" for name in ("a", "b/dos", "b/uno", "c/d/e")]
    _, top = kv.get(f"{key}/", keys=True, separator="/")
    assert top == [f"{key}/{name}" for name in ("a", "b/", "c/")]
    assert lab.get(f"kv/{key}/nada?keys").status_code == 404
    assert lab.get("kv/?keys").status_code == 200


def test_kv_the_index_of_a_prefix_is_that_of_its_last_change(lab: Lab, kv: Any, key: str) -> None:
    kv.put(f"{key}/a", "1")
    kv.put(f"{key}/b", "1")
    _, last = kv.get(f"{key}/b")
    kv.put(unique("otra"), "1")
    assert index(lab.get(f"kv/{key}/?recurse")) == last["ModifyIndex"]
    assert index(lab.get(f"kv/{key}/?keys")) == last["ModifyIndex"]


def test_kv_deleting_moves_the_index_of_the_prefix_forward(lab: Lab, kv: Any, key: str) -> None:
    for name in ("a", "b"):
        kv.put(f"{key}/{name}", "1")
    before = index(lab.get(f"kv/{key}/?recurse"))
    assert kv.delete(f"{key}/b") is True
    after = index(lab.get(f"kv/{key}/?recurse"))
    assert after > before
    kv.put(unique("otra"), "1")
    assert index(lab.get(f"kv/{key}/?recurse")) == after


def test_kv_deleting_a_tree_moves_the_index_of_what_is_above(lab: Lab, kv: Any, key: str) -> None:
    for name in ("a", "b/c", "b/d"):
        kv.put(f"{key}/{name}", "1")
    before = index(lab.get(f"kv/{key}/?recurse"))
    kv.put(unique("otra"), "1")
    kv.delete(f"{key}/b/", recurse=True)
    after = index(lab.get(f"kv/{key}/?recurse"))
    assert after > before
    assert index(lab.get(f"kv/{key}/?keys")) == after


def test_kv_delete_takes_one_or_a_whole_tree(kv: Any, key: str) -> None:
    for name in ("a", "b/c", "b/d"):
        kv.put(f"{key}/{name}", "x")
    assert kv.delete(f"{key}/a") is True
    assert kv.delete(f"{key}/a") is True
    assert kv.delete(f"{key}/b") is True
    assert len(kv.get(f"{key}/", recurse=True)[1]) == 2
    assert kv.delete(f"{key}/b/", recurse=True) is True
    assert kv.get(f"{key}/", recurse=True)[1] is None


# --- Compruébalo y escribe (CAS)


def test_cas_zero_only_creates(kv: Any, key: str) -> None:
    assert kv.put(key, "primera", cas=0) is True
    assert kv.put(key, "segunda", cas=0) is False
    assert kv.get(key)[1]["Value"] == b"primera"


def test_cas_with_its_index_writes_and_with_an_old_one_does_not(kv: Any, key: str) -> None:
    assert kv.put(key, "a", cas=1) is False
    kv.put(key, "a")
    old = kv.get(key)[1]["ModifyIndex"]
    assert kv.put(key, "b", cas=old) is True
    assert kv.put(key, "c", cas=old) is False
    assert kv.get(key)[1]["Value"] == b"b"


def test_cas_delete_only_if_nobody_wrote_in_between(kv: Any, key: str) -> None:
    kv.put(key, "a")
    old = kv.get(key)[1]["ModifyIndex"]
    kv.put(key, "b")
    assert kv.delete(key, cas=old) is False
    assert kv.delete(key, cas=kv.get(key)[1]["ModifyIndex"]) is True
    assert kv.get(key)[1] is None
    # Si ya no está, no hay nada que impedir.
    assert kv.delete(key, cas=old) is True


def test_cas_loses_no_increment_between_clients(lab: Lab, key: str) -> None:
    def add(times: int) -> None:
        client = lab.another()
        for _ in range(times):
            while True:
                _, entry = client.kv.get(key)
                value, modified = (int(entry["Value"]), entry["ModifyIndex"]) if entry else (0, 0)
                if client.kv.put(key, str(value + 1), cas=modified):
                    break

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(add, [10] * 3))
    assert lab.client.kv.get(key)[1]["Value"] == b"30"


# --- Esperar a que cambie (blocking queries)


def test_watch_comes_back_when_its_time_is_up(lab: Lab, kv: Any, key: str) -> None:
    kv.put(key, "x")
    seen = index(lab.get(f"kv/{key}"))
    begun = monotonic()
    answer = lab.get(f"kv/{key}", index=seen, wait="100ms")
    assert 0.1 <= monotonic() - begun < 2
    assert index(answer) == seen
    assert answer.json()[0]["Key"] == key


def test_watch_wakes_as_soon_as_the_key_changes(lab: Lab, kv: Any, key: str) -> None:
    kv.put(key, "antes")
    seen = index(lab.get(f"kv/{key}"))
    watch = lab.watch(f"kv/{key}?raw", seen)
    assert blocked(watch)
    kv.put(key, "después")
    answer = watch.result(2)
    assert answer.content.decode() == "después"
    assert index(answer) > seen


def test_watch_on_an_index_already_passed_does_not_wait(lab: Lab, kv: Any, key: str) -> None:
    kv.put(key, "x")
    seen = index(lab.get(f"kv/{key}"))
    begun = monotonic()
    assert index(lab.get(f"kv/{key}", index=seen - 1, wait="20s")) == seen
    # Y con 0 es una lectura normal.
    assert index(lab.get(f"kv/{key}", index=0, wait="20s")) == seen
    assert monotonic() - begun < 5


def test_watch_does_not_wake_for_other_keys(lab: Lab, kv: Any, key: str) -> None:
    kv.put(key, "x")
    watch = lab.watch(f"kv/{key}", index(lab.get(f"kv/{key}")))
    kv.put(f"{key}-otra", "x")
    assert blocked(watch)
    kv.put(key, "y")
    assert watch.result(2).status_code == 200


def test_watch_wakes_when_the_key_is_deleted(lab: Lab, kv: Any, key: str) -> None:
    kv.put(key, "x")
    seen = index(lab.get(f"kv/{key}"))
    watch = lab.watch(f"kv/{key}", seen)
    assert blocked(watch)
    kv.delete(key)
    answer = watch.result(2)
    assert answer.status_code == 404
    assert index(answer) > seen


def test_watch_on_a_missing_key_wakes_when_it_is_created(lab: Lab, kv: Any, key: str) -> None:
    watch = lab.watch(f"kv/{key}", index(lab.get(f"kv/{key}")))
    assert blocked(watch)
    kv.put(f"{key}-otra", "x")
    assert blocked(watch)
    kv.put(key, "por fin")
    assert watch.result(2).json()[0]["Key"] == key


def test_watch_on_a_prefix_wakes_for_anything_below(lab: Lab, kv: Any, key: str) -> None:
    kv.put(f"{key}/a", "x")
    for how in ("recurse", "keys"):
        watch = lab.watch(f"kv/{key}/?{how}", index(lab.get(f"kv/{key}/?{how}")))
        assert blocked(watch)
        kv.put(f"{key}/{how}", "x")
        assert len(watch.result(2).json()) == (2 if how == "recurse" else 3)
    watch = lab.watch(f"kv/{key}/?recurse", index(lab.get(f"kv/{key}/?recurse")))
    kv.delete(f"{key}/a")
    assert len(watch.result(2).json()) == 2


def test_watch_from_an_index_still_to_come_gets_the_present_one(lab: Lab, kv: Any, key: str) -> None:
    """Si Consul se reinicia sus índices empiezan de nuevo: quien espera ve uno menor y debe volver a empezar."""
    kv.put(key, "x")
    seen = index(lab.get(f"kv/{key}"))
    answer = lab.get(f"kv/{key}", index=seen + 100_000, wait="100ms")
    assert index(answer) == seen


def test_watch_the_client_sees_the_index_grow_with_each_change(kv: Any, key: str) -> None:
    seen = ["0"]
    for number in range(4):
        kv.put(key, str(number))
        now, entry = kv.get(key, index=seen[-1], wait="10s")
        assert entry["Value"] == str(number).encode()
        seen.append(now)
    assert [int(one) for one in seen] == sorted({int(one) for one in seen})


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("index=1&wait=diez", "Invalid wait time"),
        ("index=1&wait=10", "Invalid wait time"),
        ("index=uno", "Invalid index"),
        ("index=-1", "Invalid index"),
        ("stale&consistent", "Cannot specify ?stale with ?consistent, conflicting semantics."),
    ],
)
def test_watch_parameters_that_make_no_sense_are_a_400(lab: Lab, query: str, text: str) -> None:
    answer = lab.get(f"kv/x?{query}")
    assert (answer.status_code, answer.text) == (400, text)


def test_watch_many_at_once_all_wake(lab: Lab, kv: Any, key: str) -> None:
    kv.put(key, "x")
    seen = index(lab.get(f"kv/{key}"))
    watches = [lab.watch(f"kv/{key}", seen) for _ in range(6)]
    assert blocked(watches[0])
    kv.put(key, "y")
    assert {index(one.result(2)) for one in watches} == {index(lab.get(f"kv/{key}"))}


def test_answers_say_what_they_are(lab: Lab, kv: Any, key: str) -> None:
    kv.put(key, "x")
    answer = lab.get(f"kv/{key}")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Consul-KnownLeader"] == "true"
    assert answer.headers["X-Consul-LastContact"] == "0"
    assert answer.text == lab.get(f"kv/{key}?pretty").text


def test_a_route_that_does_not_exist_is_a_404(lab: Lab) -> None:
    answer = lab.get("nada")
    assert answer.status_code == 404
    assert answer.text == "Invalid URL path: not a recognized HTTP API endpoint\n"


def test_there_is_a_leader(lab: Lab) -> None:
    leader = eventually(lab.client.status.leader)
    assert ":" in leader
    assert leader in lab.client.status.peers()
