"""Qué puerto toca a cada servicio, y quién lo tiene cuando está cogido."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack import ports
from stack.errors import PortTaken, UsageError
from stack.model import Embedded, Fidelity, HttpProbe, Port, Service
from tests.support.fakes import listener


def service(name: str, *numbers: int) -> Service:
    own = tuple(Port(f"p{number}", number) for number in numbers)
    return Service(name, name, "", own, HttpProbe("x", "/"), Embedded(("x",), "x", Fidelity.EMBEDDED, 1))


KONG, CONSUL = service("kong", 8000, 8001), service("consul", 8500)


def allocate(*services: Service, taken: Any = (), **given: Any) -> dict[str, int]:
    options: dict[str, Any] = {"starting": [one.name for one in services], "running": {}, "kept": {}, "forced": {}}
    return ports.allocate(services, free=lambda number: number not in taken, **(options | given))


def test_the_well_known_ones() -> None:
    assert allocate(KONG, CONSUL) == {"kong.p8000": 8000, "kong.p8001": 8001, "consul.p8500": 8500}


def test_one_that_looks_alike_when_taken() -> None:
    assert allocate(KONG, taken={8000}) == {"kong.p8000": 18000, "kong.p8001": 8001}
    assert allocate(KONG, taken={8000, 18000})["kong.p8000"] == 28000
    # El 8001 es de otro puerto del catálogo aunque esté libre.
    assert allocate(KONG, taken={8000, 18000, 28000})["kong.p8000"] == 8002


def test_kept_while_free_and_only_asked_about_when_starting() -> None:
    kept = {"kong.p8000": 18000}
    assert allocate(KONG, kept=kept)["kong.p8000"] == 18000
    assert allocate(KONG, kept=kept, taken={18000})["kong.p8000"] == 8000
    assert allocate(KONG, CONSUL, kept=kept, taken={18000}, starting=["consul"])["kong.p8000"] == 18000


def test_running_ones_are_not_asked_about() -> None:
    assert allocate(KONG, running={"kong.p8000": 9999}, taken={9999})["kong.p8000"] == 9999


def test_forced_wins_and_ours_is_no_obstacle() -> None:
    assert allocate(KONG, forced={"kong.p8000": 7000}, kept={"kong.p8000": 18000})["kong.p8000"] == 7000
    mine = {"kong.p8000": 7000}
    assert allocate(KONG, forced=mine, running=mine, taken={7000})["kong.p8000"] == 7000


def test_forced_and_taken_by_another_service_of_ours() -> None:
    with pytest.raises(PortTaken) as caught:
        allocate(KONG, CONSUL, forced={"kong.p8000": 8500}, running={"consul.p8500": 8500})
    assert "es ya el de consul.p8500" in caught.value.cause
    assert caught.value.command == "stacklab down consul"
    with pytest.raises(PortTaken, match=r"es ya el de kong\.p8000"):
        allocate(KONG, CONSUL, forced={"kong.p8000": 7000, "consul.p8500": 7000})


def test_one_that_failed_is_avoided() -> None:
    assert allocate(KONG, avoid={8000}, kept={"kong.p8000": 8000})["kong.p8000"] == 18000


@given(
    taken=st.sets(st.integers(7900, 8100)),
    kept=st.dictionaries(st.sampled_from(["kong.p8000", "kong.p8001"]), st.integers(7990, 8010)),
)
def test_never_two_the_same_nor_one_taken(taken: set[int], kept: dict[str, int]) -> None:
    result = allocate(KONG, CONSUL, taken=taken, kept=kept)
    assert len(set(result.values())) == 3
    assert not set(result.values()) & taken
    assert all(number < ports.FIRST_EPHEMERAL for number in result.values())
    assert allocate(KONG, CONSUL, taken=taken, kept=result) == result, "una vez elegido, se queda"


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_port_someone_listens_on_is_not_free(host: str) -> None:
    with closing(listener(host=host)) as other:
        number = other.getsockname()[1]
        assert not ports.is_free(number)
        assert ports.owner(number).pid == os.getpid()
    assert ports.is_free(number)


def test_where_listening_twice_is_allowed_it_asks_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Como en macOS, que deja escuchar en 127.0.0.1 aunque otro ya lo haga en 0.0.0.0."""
    with closing(listener(host="0.0.0.0")) as other:
        monkeypatch.setattr(socket.socket, "bind", lambda *_: None)
        assert not ports.is_free(other.getsockname()[1])


def test_a_port_just_released_is_free() -> None:
    with closing(listener()) as other, closing(socket.create_connection(other.getsockname())) as caller:
        number = other.getsockname()[1]
        accepted, _ = other.accept()
        accepted.close()  # quien cierra primero se queda en TIME_WAIT
        assert caller.recv(1) == b""
    assert ports.is_free(number)


def test_an_owner_that_cannot_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psutil.net_connections", lambda kind: [])
    error = ports.taken("kong.proxy", 80)
    assert "otro programa" in error.cause
    assert error.command == "sudo ss -ltnp 'sport = :80'"


def test_names_of_forced_ports() -> None:
    assert ports.parse_forced({"consul": 1, "kong.p8001": 2}, [KONG, CONSUL]) == {
        "consul.p8500": 1,
        "kong.p8001": 2,
    }
    with pytest.raises(UsageError, match="tiene varios puertos"):
        ports.parse_forced({"kong": 1}, [KONG, CONSUL])
    with pytest.raises(UsageError, match=r"kong\.8001"):
        ports.parse_forced({"kong.8001": 1}, [KONG, CONSUL])
