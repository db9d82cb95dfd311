"""El cerrojo: uno a la vez, con nombre y apellidos, y libre en cuanto muere quien lo tenía."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stack.errors import StateError
from stack.events import LockWaiting
from stack.lock import Holder, Lock, holder_of
from tests.support.fakes import fake

HOLD = """
import sys, time
from pathlib import Path
from stack.lock import Lock
sys.argv = ["/usr/bin/stacklab", "run", "flujo-a"]
with Lock(Path(PATH)).held():
    print("lo tengo", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    code = HOLD.replace("PATH", repr(str(tmp_path / "lock")))
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_who_waits_is_told_for_whom_and_death_frees_it(tmp_path: Path, holder: subprocess.Popen[bytes]) -> None:
    told: list[Holder] = []

    def waiting(who: Holder) -> None:
        told.append(who)
        holder.send_signal(signal.SIGKILL)

    with Lock(tmp_path / "lock").held(timeout_s=10, waiting=waiting):
        mine = holder_of(tmp_path / "lock")
        assert mine is not None
        assert mine.pid == os.getpid()
    assert [(who.pid, who.command) for who in told] == [(holder.pid, "stacklab run flujo-a")]
    assert told[0].since is not None
    assert abs(told[0].since.timestamp() - time.time()) < 30
    assert holder_of(tmp_path / "lock") is None


def test_waiting_has_an_end(tmp_path: Path, holder: subprocess.Popen[bytes]) -> None:
    with (
        pytest.raises(StateError, match=f"el proceso {holder.pid}") as caught,
        Lock(tmp_path / "lock").held(timeout_s=0.1),
    ):
        pytest.fail("lo tenía otro")
    assert caught.value.command == f"ps -fp {holder.pid}"


def test_waiting_can_be_interrupted(tmp_path: Path, holder: subprocess.Popen[bytes]) -> None:
    with pytest.raises(KeyboardInterrupt), Lock(tmp_path / "lock").held(interrupted=lambda: True):
        pytest.fail("lo tenía otro")


def test_it_can_be_taken_again_from_inside(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    other = Lock(tmp_path / "lock")
    with lock.held(), lock.held(timeout_s=0.1), pytest.raises(StateError), other.held(timeout_s=0.1):
        pytest.fail("otro cerrojo del mismo fichero espera")
    with Lock(tmp_path / "lock").held(timeout_s=0.1):
        pass


def test_children_do_not_inherit_it(tmp_path: Path) -> None:
    with Lock(tmp_path / "lock").held():
        child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"], close_fds=False)
    try:
        with Lock(tmp_path / "lock").held(timeout_s=0.1):
            pass
    finally:
        child.kill()
        child.wait()


def test_down_during_an_up_waits_for_it(bench: Any) -> None:
    """Un `up` a medias tiene el laboratorio; el `down` espera, dice por quién y después lo para todo."""
    slow = "import time; time.sleep(0.5)\n" + fake("lento").embedded.argv[3]
    lab, other = bench.lab(fake("lento", slow)), bench.lab(fake("lento", slow))
    started = threading.Event()
    worker = threading.Thread(target=lambda: lab.up(on_event=lambda event: started.set()))
    worker.start()
    assert started.wait(10)
    events: list[Any] = []
    assert other.down(on_event=events.append) == ["lento"]
    worker.join()
    [waited] = [event for event in events if isinstance(event, LockWaiting)]
    assert waited.pid == os.getpid()
    assert bench.alive() == {}


def test_two_ups_at_once_start_it_once(bench: Any) -> None:
    service = fake("uno")
    labs = [bench.lab(service) for _ in range(3)]
    started: list[bool] = []
    workers = [
        threading.Thread(target=lambda lab=lab: started.extend(one.started for one in lab.up())) for lab in labs
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(started) == [False, False, True]
    assert len(bench.alive()["uno"]) == 1


def test_up_inside_a_reservation(bench: Any) -> None:
    lab = bench.lab(fake("uno"))
    with lab.locked():
        lab.up()
        lab.with_services([fake("dos")]).up()
        lab.down()
    assert bench.alive() == {}
