"""Las piezas del suplente de Consul: duraciones, claves, sesiones y lo que el agente hace con el tiempo."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.consul.embedded import decoding
from stack.consul.embedded.agent.check_definition import read_check
from stack.consul.embedded.agent.http_check import Outcome
from stack.consul.embedded.agent.local import Agent
from stack.consul.embedded.agent.monitors import Threshold
from stack.consul.embedded.agent.service_definition import read_service
from stack.consul.embedded.errors import NotCovered, Refused
from stack.consul.embedded.golang import BadDuration, format_duration, parse_duration
from stack.consul.embedded.server import Server
from stack.consul.embedded.settings import Settings, SettingsProblem, read
from stack.consul.embedded.state.catalog import Check, Service
from stack.consul.embedded.state.kv import TOMBSTONE_S, KeyValues
from stack.consul.embedded.state.sessions import Session
from stack.consul.embedded.wording import ago, preview, shown, span, summary


class Clock:
    """Un reloj que solo avanza cuando se le dice."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Notes:
    """Un catálogo que apunta lo que se le dice."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    def register(self, service: Service, checks: list[Check]) -> None:
        self.said.append(("register", service.id))

    def put_check(self, check: Check) -> None:
        self.said.append((check.status, check.output))

    def check(self, check_id: str) -> None:
        return None

    def deregister(self, service_id: str) -> None:
        self.said.append(("deregister", service_id))

    def delete_check(self, check_id: str) -> None:
        self.said.append(("delete", check_id))


def inside(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Corre `work` dentro de un bucle de eventos."""
    asyncio.run(work())


# --- Duraciones


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("0", 0),
        ("10s", 10**10),
        ("1m30s", 90 * 10**9),
        ("1.5h", 5400 * 10**9),
        ("200ms", 2 * 10**8),
        ("-1us", -1000),
    ],
)
def test_durations_are_those_of_go(text: str, ns: int) -> None:
    assert parse_duration(text) == ns


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", 'time: invalid duration ""'),
        ("rato", 'time: invalid duration "rato"'),
        ("10", 'time: missing unit in duration "10"'),
        ("10 s", 'time: unknown unit " s" in duration "10 s"'),
        ("1d", 'time: unknown unit "d" in duration "1d"'),
    ],
)
def test_durations_that_make_no_sense_say_so_as_go_does(text: str, problem: str) -> None:
    with pytest.raises(BadDuration, match=f"^{problem}$"):
        parse_duration(text)


@given(st.integers(-(2**52), 2**52))
def test_a_duration_reads_what_it_writes(ns: int) -> None:
    assert parse_duration(format_duration(ns)) == ns


# --- Claves


def test_tombstones_are_forgotten_in_time_and_indexes_stay_right() -> None:
    clock = Clock()
    kv = KeyValues(clock)
    kv.put(1, "a/uno", b"", 0)
    kv.put(2, "a/dos", b"", 0)
    kv.delete(3, "a/uno")
    kv.put(4, "b", b"", 0)
    assert kv.under("a/")[0] == 3
    clock.now += TOMBSTONE_S + 1
    kv.delete(5, "b")
    assert kv.under("a/")[0] == 2


def test_lock_delay_ends_by_itself() -> None:
    clock = Clock()
    kv = KeyValues(clock)
    kv.lock(1, "k", b"", 0, "s")
    kv.abandon(2, "s", delete=False, delay_s=15)
    assert kv.delayed("k")
    clock.now += 15
    assert not kv.delayed("k")


@given(
    st.lists(
        st.tuples(st.sampled_from(["put", "delete", "tree"]), st.sampled_from(["a", "a/b", "a/c", "b", "ab"]))
    )
)
def test_keys_are_always_in_order_and_complete(operations: list[tuple[str, str]]) -> None:
    kv, model = KeyValues(), dict[str, int]()
    for index, (what, key) in enumerate(operations, start=1):
        if what == "put":
            kv.put(index, key, str(index).encode(), 0)
            model[key] = index
        elif what == "delete":
            kv.delete(index, key)
            model.pop(key, None)
        else:
            kv.delete_tree(index, key)
            model = {name: value for name, value in model.items() if not name.startswith(key)}
        assert [(one.key, one.modified) for one in kv.under("")[1]] == sorted(model.items())
        assert [one.key for one in kv.under("a")[1]] == sorted(name for name in model if name.startswith("a"))


# --- El agente y el tiempo


def test_what_is_critical_for_too_long_is_deregistered() -> None:
    async def work() -> None:
        clock, notes = Clock(), Notes()
        agent = Agent(notes, clock)
        check = {"TTL": "1h", "DeregisterCriticalServiceAfter": "90s"}
        agent.register(read_service({"Name": "olvidada", "Check": check}))
        agent.register(
            read_service({"Name": "impaciente", "Check": check | {"DeregisterCriticalServiceAfter": "1s"}})
        )
        agent.register(read_service({"Name": "paciente", "Check": {"TTL": "1h"}}))
        for name in ("olvidada", "impaciente", "paciente"):
            agent.news(f"service:{name}", "passing", "")
            agent.news(f"service:{name}", "critical", "")
        clock.now += 59
        assert agent.reap() == []
        clock.now += 2  # menos de un minuto no se admite, aunque se pida
        assert agent.reap() == ["impaciente"]
        clock.now += 30
        assert agent.reap() == ["olvidada"]
        clock.now += 10_000
        assert agent.reap() == []
        assert list(agent.services) == ["paciente"]
        agent.stop()

    inside(work)


def test_recovering_starts_the_count_again() -> None:
    async def work() -> None:
        clock = Clock()
        agent = Agent(Notes(), clock)
        check = {"TTL": "1h", "DeregisterCriticalServiceAfter": "60s"}
        agent.register(read_service({"Name": "uno", "Check": check}))
        for _ in range(3):
            agent.news("service:uno", "critical", "")
            clock.now += 50
            agent.news("service:uno", "warning", "")
            assert agent.reap() == []
        agent.stop()

    inside(work)


def test_news_cut_in_the_middle_of_a_letter_say_so_as_go_does() -> None:
    async def work() -> None:
        agent = Agent(Notes(), Clock())
        agent.register(read_service({"Name": "uno", "Check": {"TTL": "1h", "OutputMaxSize": 4}}))
        agent.news("service:uno", "passing", "a€€")
        assert agent.checks["service:uno"].check.output == "a€ ... (captured 4 of 7 bytes)"
        agent.news("service:uno", "passing", "€€")
        assert agent.checks["service:uno"].check.output == "€\ufffd ... (captured 4 of 6 bytes)"
        agent.stop()

    inside(work)


def test_a_new_output_alone_is_not_told_at_once() -> None:
    async def work() -> None:
        notes = Notes()
        agent = Agent(notes, Clock())
        agent.register(read_service({"Name": "uno", "Check": {"TTL": "1h"}}))
        for status, output in (("passing", "a"), ("passing", "b"), ("passing", "c"), ("warning", "d")):
            agent.news("service:uno", status, output)
        assert agent.checks["service:uno"].check.output == "d"
        assert notes.said == [("register", "uno"), ("passing", "a"), ("warning", "d")]
        agent.stop()

    inside(work)


def test_what_the_catalog_says_otherwise_is_mended_when_everything_is_gone_over() -> None:
    async def work() -> None:
        server = Server(Settings(), port=1)
        agent, in_catalog = server.agent, server.catalog.checks
        body = {"Name": "uno", "Check": {"TTL": "1h"}}
        agent.register(read_service(body | {"Tags": ["a"]}))
        agent.register(read_service({"Name": "uno", "Tags": ["b"]}))
        agent.news("service:uno", "passing", "")
        agent.register(read_service(body | {"Tags": ["a"]}))
        agent.news("service:uno", "passing", "algo más")
        assert (in_catalog["service:uno"].service_tags, in_catalog["service:uno"].output) == (("b",), "")
        agent.sync()
        assert (in_catalog["service:uno"].service_tags, in_catalog["service:uno"].output) == (("a",), "algo más")
        agent.news("service:uno", "passing", "otra cosa")
        agent.sync()
        assert in_catalog["service:uno"].output == "algo más"
        agent.stop()

    inside(work)


@pytest.mark.parametrize(
    ("settings", "results", "told"),
    [
        ({}, "mbm", ["critical", "passing", "critical"]),
        ({"SuccessBeforePassing": 2}, "bbmbb", ["passing", "critical", "passing"]),
        ({"FailuresBeforeCritical": 3}, "mmm", ["critical"]),
        ({"FailuresBeforeWarning": 2, "FailuresBeforeCritical": 3}, "mmmbm", ["warning", "critical", "passing"]),
    ],
)
def test_thresholds(settings: dict[str, int], results: str, told: list[str]) -> None:
    said: list[str] = []
    definition = read_check({"Name": "x", "HTTP": "http://h/", "Interval": "1s"} | settings)
    threshold = Threshold(definition, lambda status, output: said.append(status))
    for one in results:
        threshold.update(Outcome("passing" if one == "b" else "critical", ""))
    assert said == told


def test_a_session_goes_with_its_check_and_releases_its_locks() -> None:
    async def work() -> None:
        server = Server(Settings(), port=1)
        server.agent.register(read_service({"Name": "uno", "Check": {"TTL": "1h", "Status": "passing"}}))
        session = server.create_session(Session("", "lab", 0, "delete", "", ("service:uno",)))
        server.kv.lock(server.log.next(), "k", b"", 0, session)
        server.agent.deregister("uno")
        assert server.sessions.all() == []
        assert server.kv.get("k")[1] is None

    inside(work)


# --- Lo que se manda y lo que no se cubre


@pytest.mark.parametrize(
    "body",
    [
        {"Name": "x", "Kind": "connect-proxy"},
        {"Name": "x", "Connect": {"Native": True}},
        {"Name": "x", "Check": {"GRPC": "h:1", "Interval": "1s"}},
        {"Name": "x", "Check": {"UDP": "h:1", "Interval": "1s"}},
        {"Name": "x", "Check": {"AliasService": "y"}},
        {"Name": "x", "Check": {"HTTP": "https://h/", "Interval": "1s"}},
        {"Name": "x", "Check": {"TCP": "h:1", "TCPUseTLS": True, "Interval": "1s"}},
    ],
)
def test_what_is_not_covered_says_so(body: dict[str, Any]) -> None:
    with pytest.raises(NotCovered, match="El suplente de Consul"):
        read_service(body)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"[" * 100_000, b'{"Name": NaN}', b'{"Name": "\xff"}', b'{"Check": [1]}']
)
def test_a_body_that_is_not_understood_is_a_400(body: bytes) -> None:
    with pytest.raises(Refused, match=r"^Request decode failed: ") as refusal:
        read_service(decoding.parse(body))
    assert refusal.value.status == 400


def test_settings_are_those_of_the_real_file(tmp_path: Any) -> None:
    path = tmp_path / "lab.json"
    path.write_text('{"node_name": "aula", "session_ttl_min": "2s"}', "utf-8")
    assert read(path) == Settings("aula", 2 * 10**9)
    for text in ("{", "[]", '{"inventado": 1}', '{"session_ttl_min": "rato"}'):
        path.write_text(text, "utf-8")
        with pytest.raises(SettingsProblem, match=r"lab\.json"):
            read(path)


# --- Para personas


def test_wording() -> None:
    assert [ago(0), ago(100, 100.2), ago(100, 112), ago(100, 500), ago(100, 10_000)] == [
        "todavía no",
        "ahora mismo",
        "hace 12\xa0s",
        "hace 6\xa0min",
        "hace 2\xa0h",
    ]
    assert [span(0), span(12.7), span(200), span(6900)] == [
        "0\xa0s",
        "12\xa0s",
        "3\xa0min 20\xa0s",
        "1\xa0h 55\xa0min",
    ]
    assert summary(1, 1).endswith("está sana.")
    assert "ninguna sana" in summary(2, 0)
    assert "las 2 sanas" in summary(3, 2)
    assert preview("una\nlínea\x00".encode()) == "una línea"
    assert shown(b"\x00\x01").kind == "bytes"
    assert shown(json.dumps({"ñ": 1}).encode()).kind == "JSON"
    assert shown("ñ".encode()).text == "ñ"
