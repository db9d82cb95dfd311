"""Dos laboratorios a la vez: ninguno se pone donde el otro espera encontrar a los suyos."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stack.errors import PortTaken
from stack.neighbours import claimed
from tests.support.fakes import fake
from tests.support.running import free_port


@pytest.fixture
def neighbour(bench: Any, tmp_path: Path) -> Iterator[Any]:
    """Otro laboratorio, con otra raíz, de la misma persona."""
    made = type(bench)(tmp_path / "vecino")
    yield made
    made.lab().down()


def test_a_port_that_another_laboratory_keeps_is_not_taken_while_it_lives(bench: Any, neighbour: Any) -> None:
    number = free_port()
    base, caller = fake("base", number=number), fake("quien-llama", env={"BASE": "${BASE_HTTP_URL}"})
    theirs = neighbour.lab(base, caller)
    theirs.up()
    theirs.down(["base"])
    ours = bench.lab(fake("base", number=number))
    with pytest.raises(PortTaken) as caught:
        ours.up(ports={"base": number})
    assert caught.value.command == f"STACKLAB_HOME={neighbour.root} stacklab down --project prueba"
    assert ours.plan().ports["base.http"] != number
    [one] = ours.up()
    assert not one.url.endswith(f":{number}"), "quien-llama hablaría con una base que no es la suya"
    [again, unmoved] = theirs.up()
    assert (again.url, unmoved.started) == (f"http://127.0.0.1:{number}", False)


def test_what_is_kept_moves_too_if_another_laboratory_has_it_now(bench: Any, neighbour: Any) -> None:
    number = free_port()
    ours, theirs = bench.lab(fake("base", number=number)), neighbour.lab(fake("base", number=number), fake("otro"))
    assert [one.url for one in ours.up()] == [f"http://127.0.0.1:{number}"]
    ours.down()
    theirs.up()
    theirs.down(["base"])
    assert ours.plan().ports["base.http"] != number


def test_a_laboratory_with_nothing_going_on_keeps_nothing(bench: Any, neighbour: Any) -> None:
    number = free_port()
    theirs = neighbour.lab(fake("base", number=number))
    theirs.up()
    assert claimed(bench.folder.label)[number] == neighbour.folder
    assert number not in claimed(neighbour.folder.label), "los suyos no le estorban"
    theirs.down()
    assert number not in claimed(bench.folder.label)
    assert [one.url for one in bench.lab(fake("base", number=number)).up()] == [f"http://127.0.0.1:{number}"]
