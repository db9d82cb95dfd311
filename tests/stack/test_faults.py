"""Las averías a propósito: apuntadas antes de hacerlas, deshechas pase lo que pase."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from stack.errors import StateError
from stack.events import Notice
from stack.faults import Faults
from tests.support.fakes import fake

DIES = """
import os, signal, sys
from pathlib import Path
from stack.faults import Faults
with Faults(Path(sys.argv[1])).replaced(Path(sys.argv[2]), "roto"):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def sleeper() -> Iterator[psutil.Process]:
    child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
    yield psutil.Process(child.pid)
    child.kill()
    child.wait()


def _fail(target: Path, error: type[BaseException]) -> None:
    assert target.read_text("utf-8") == "roto"
    raise error


def stopped(process: psutil.Process) -> bool:
    return process.status() == psutil.STATUS_STOPPED


def test_registered_before_it_happens_and_undone_after(tmp_path: Path, sleeper: psutil.Process) -> None:
    faults = Faults(tmp_path)
    with faults.paused(sleeper.pid):
        [fault] = faults.pending()
        assert (fault.kind, fault.details["pid"], fault.owner[0]) == ("pause", sleeper.pid, os.getpid())
        os.waitpid(sleeper.pid, os.WUNTRACED)
        assert stopped(sleeper)
    os.waitpid(sleeper.pid, os.WCONTINUED)
    assert not stopped(sleeper)
    assert faults.pending() == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_undone_when_something_fails_or_is_interrupted(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "kong.yaml"
    target.write_text("bueno", "utf-8")
    faults = Faults(tmp_path)
    with pytest.raises(error), faults.replaced(target, "roto"):
        _fail(target, error)
    assert target.read_text("utf-8") == "bueno"
    assert faults.pending() == []


def test_a_file_that_was_not_there_goes_away(tmp_path: Path) -> None:
    with Faults(tmp_path).replaced(tmp_path / "nuevo", "x"):
        assert (tmp_path / "nuevo").exists()
    assert not (tmp_path / "nuevo").exists()


def test_undone_by_the_next_command_if_this_one_is_killed(bench: Any, tmp_path: Path) -> None:
    bench.folder.create()
    target = tmp_path / "kong.yaml"
    target.write_text("bueno", "utf-8")
    done = subprocess.run([sys.executable, "-c", DIES, bench.folder.faults, target], check=False)
    assert done.returncode == -signal.SIGKILL
    assert target.read_text("utf-8") == "roto"
    events: list[Any] = []
    lab = bench.lab(fake("uno"))
    lab.down(on_event=events.append)
    assert target.read_text("utf-8") == "bueno"
    assert lab.faults.pending() == []
    [notice] = [event for event in events if isinstance(event, Notice)]
    assert "avería hecha a propósito" in notice.text


def test_another_command_respects_a_lesson_that_is_going_on(bench: Any, tmp_path: Path) -> None:
    lab = bench.lab(fake("uno"))
    bench.folder.create()
    with lab.faults.replaced(tmp_path / "x", "roto"):
        lab.down()
        assert (tmp_path / "x").exists()


def test_what_cannot_be_undone_is_not_done(tmp_path: Path) -> None:
    applied: list[bool] = []
    with pytest.raises(LookupError), Faults(tmp_path).applied("rara", {}, lambda: applied.append(True)):
        pytest.fail("no debía empezar")
    with pytest.raises(StateError), Faults(tmp_path / "no").applied("file", {}, lambda: applied.append(True)):
        pytest.fail("sin apuntarla no se hace")
    assert applied == []


def test_an_undo_that_fails_stays_registered_and_is_told(tmp_path: Path) -> None:
    def broken(details: object) -> None:
        raise RuntimeError("no hay manera")

    (tmp_path / "000001-x.json").write_text('{"kind": "rara", "details": {}, "owner": [1, "otro"]}', "utf-8")
    faults = Faults(tmp_path, {"rara": broken})
    assert "no hay manera" in faults.recover()[0]
    assert len(faults.pending()) == 1
    undone: list[object] = []
    assert "ya no" in Faults(tmp_path, {"rara": undone.append}).recover()[0]
    assert undone == [{}]
