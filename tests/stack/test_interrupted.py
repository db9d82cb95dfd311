"""La orden muere o se interrumpe en cada punto posible: nada queda suelto y la siguiente sigue desde ahí."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import pytest

from stack.interrupts import Interrupts
from stack.runtimes.embedded import EmbeddedRuntime
from stack.status import Condition
from tests.support.fakes import fake
from tests.support.interrupting import Driver, reach
from tests.support.lab_driver import services
from tests.support.running import free_port

UP = [
    "cerrojo",
    "plan",
    "puertos",
    "arrancar base",
    "arrancado base",
    "listo base",
    "apuntado base",
    "arrancado web",
    "listo web",
]
DOWN = ["cerrojo", "parar web", "parado web", "parar base", "parado base"]


@pytest.fixture
def driver(bench: Any) -> Driver:
    return Driver(bench, "tests.support.lab_driver", services, (free_port(), free_port()))


@pytest.mark.parametrize("point", UP)
def test_killed_during_up(driver: Driver, point: str) -> None:
    with driver.run("up", "--kill-at", point) as process:
        assert process.wait(20) == -signal.SIGKILL
    left = driver.bench.alive()
    assert ("base" in left) == (UP.index(point) >= UP.index("arrancado base"))
    if UP.index(point) % 2:
        driver.lab.down()
        assert driver.bench.alive() == {}
    result = driver.lab.up()
    assert {row.state for row in driver.lab.status()} == {Condition.RUNNING}
    assert {name: len(pids) for name, pids in driver.bench.alive().items()} == {"base": 1, "web": 1}
    if not UP.index(point) % 2:
        adopted = {one.name for one in result if not one.started}
        assert adopted == set(left), "lo que ya corría se adopta"
    assert [one.url for one in result] == [f"http://127.0.0.1:{number}" for number in driver.ports]


@pytest.mark.parametrize("point", DOWN)
def test_killed_during_down(driver: Driver, point: str) -> None:
    driver.lab.up()
    with driver.run("down", "--kill-at", point) as process:
        assert process.wait(20) == -signal.SIGKILL
    driver.lab.down()
    assert driver.bench.alive() == {}
    assert {row.state for row in driver.lab.status()} == {Condition.STOPPED}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda one: one.name)
def test_interrupted_once_it_stops_what_it_started_in_reverse(driver: Driver, number: signal.Signals) -> None:
    with driver.run("up", "--slow") as process:
        reach(process, "arrancado web")
        process.send_signal(number)
        rest = process.communicate(timeout=10)[0].split("\n")
        assert process.returncode == 130
    assert [line for line in rest if line.startswith("parado")] == ["parado web", "parado base"]
    assert driver.bench.alive() == {}
    assert {row.state for row in driver.lab.status()} == {Condition.STOPPED}


def test_interrupted_it_leaves_what_was_already_there(driver: Driver) -> None:
    driver.lab.up(["base"])
    before = driver.bench.alive()
    with driver.run("up", "--slow") as process:
        reach(process, "arrancado web")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
    assert driver.bench.alive() == before


@pytest.mark.parametrize("point", ["parar web", "arrancado web"])
def test_interrupted_while_changing_one_that_ran_it_says_it_is_left_stopped(driver: Driver, point: str) -> None:
    driver.lab.up()
    base = driver.bench.alive()["base"]
    with driver.run("up", "--slow") as process:
        reach(process, point)
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=10)[0]
        assert process.returncode == 130
    assert "Web: ya estaba en marcha y queda parado" in rest
    assert rest.strip().endswith("stacklab up web")
    assert driver.bench.alive() == {"base": base}
    assert {row.name: row.state for row in driver.lab.status()} == {
        "base": Condition.RUNNING,
        "web": Condition.STOPPED,
    }
    driver.lab.up(["web"])
    assert driver.bench.alive()["base"] == base


def test_interrupted_before_changing_anything_it_stops_nothing(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = fake("uno"), fake("uno", env={"COLOR": "azul"})
    bench.lab(before).up()
    alive = bench.alive()
    monkeypatch.setattr(EmbeddedRuntime, "ready", lambda self, *given, **how: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        bench.lab(after).up()
    assert bench.alive() == alive


def test_interrupted_twice_it_kills(driver: Driver) -> None:
    with driver.run("up", "--slow", "--stubborn") as process:
        reach(process, "arrancado web")
        process.send_signal(signal.SIGINT)
        reach(process, "parar base")
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        assert process.wait(10) == 130
        assert time.monotonic() - began < 5, "el plazo del servicio era de 30 segundos"
    assert driver.bench.alive() == {}


def test_interrupted_while_waiting_for_the_lock(driver: Driver) -> None:
    with driver.run("up", "--slow") as first:
        reach(first, "arrancado web")
        with driver.run("down") as second:
            deadline = time.monotonic() + 10
            while second.poll() is None and time.monotonic() < deadline:
                second.send_signal(signal.SIGTERM)
                time.sleep(0.05)
            assert second.returncode in {130, -signal.SIGTERM}
            assert second.stdout is not None
            assert second.stdout.read() == "", "no llegó a tener el cerrojo"
        assert first.poll() is None


def test_signals_go_back_to_who_had_them() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    with Interrupts() as interrupts:
        signal.raise_signal(signal.SIGTERM)
        assert (interrupts.stopping, interrupts.killing) == (True, False)
        signal.raise_signal(signal.SIGHUP)
        assert interrupts.killing
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupts() as interrupts:
            signal.raise_signal(signal.SIGHUP)
            assert not interrupts.stopping
    finally:
        signal.signal(signal.SIGHUP, before)


def test_outside_the_main_thread_it_does_nothing() -> None:
    seen: list[bool] = []

    def work() -> None:
        with Interrupts() as interrupts:
            seen.append(interrupts.stopping)

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    assert seen == [False]
