"""La orden muere o se interrumpe en cada punto posible, con contenedores: nada queda suelto y otra sigue."""

from __future__ import annotations

import signal

import pytest

from stack.ports import free_ports
from stack.status import Condition
from tests.rig.conftest import Bench
from tests.rig.driver import services
from tests.support.interrupting import Driver, reach

UP = [
    "cerrojo",
    "plan",
    "puertos",
    "reunir docker",
    "arrancar base",
    "arrancado base",
    "listo base",
    "apuntado base",
    "arrancado web",
    "listo web",
]
DOWN = ["cerrojo", "parar web", "parado web", "parar base", "parado base"]


@pytest.fixture
def driver(bench: Bench) -> Driver:
    return Driver(bench, "tests.rig.driver", services, free_ports(2))


@pytest.mark.parametrize("point", UP)
def test_killed_during_up(driver: Driver, point: str) -> None:
    with driver.run("up", "--kill-at", point) as process:
        assert process.wait(60) == -signal.SIGKILL
    left = driver.bench.alive()
    if UP.index(point) >= UP.index("arrancado base"):
        assert "base" in left
    if UP.index(point) % 2:
        driver.lab.down()
        assert driver.bench.engine.containers(driver.bench.folder) == {}
    result = driver.lab.up(runtime="docker")
    assert {row.state for row in driver.lab.status()} == {Condition.RUNNING}
    assert set(driver.bench.alive()) == {"base", "web"}
    if not UP.index(point) % 2:
        kept = {name for name, identity in driver.bench.alive().items() if left.get(name) == identity}
        assert kept == {one.name for one in result if not one.started} == set(left), "lo que ya corría se adopta"
    assert [one.url for one in result] == [f"redis://127.0.0.1:{number}" for number in driver.ports]


@pytest.mark.parametrize("point", DOWN)
def test_killed_during_down(driver: Driver, point: str) -> None:
    driver.lab.up(runtime="docker")
    with driver.run("down", "--kill-at", point) as process:
        assert process.wait(60) == -signal.SIGKILL
    driver.lab.down()
    assert driver.bench.engine.containers(driver.bench.folder) == {}
    assert {row.state for row in driver.lab.status()} == {Condition.STOPPED}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda one: one.name)
def test_interrupted_it_stops_what_it_started(driver: Driver, number: signal.Signals) -> None:
    with driver.run("up", "--slow") as process:
        reach(process, "arrancado web")
        process.send_signal(number)
        rest = process.communicate(timeout=30)[0].split("\n")
        assert process.returncode == 130
    assert [line for line in rest if line.startswith("parado")] == ["parado web", "parado base"]
    assert driver.bench.engine.containers(driver.bench.folder) == {}


def test_interrupted_it_leaves_what_was_already_there(driver: Driver) -> None:
    driver.lab.up(["base"], runtime="docker")
    before = driver.bench.alive()
    with driver.run("up", "--slow") as process:
        reach(process, "arrancado web")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    assert driver.bench.alive() == before
