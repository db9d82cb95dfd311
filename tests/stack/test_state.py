"""El estado en disco: o el de antes o el de ahora, nunca un trozo."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stack import state as states
from stack.errors import StateError
from stack.files import make_private, write_whole
from stack.state import Journal, Record, State

RECORD = Record("embedded", "abc", "12@34", 1.5)


def test_what_is_saved_is_read(tmp_path: Path) -> None:
    state = State({"kafka.broker": 9092}, {"kafka": RECORD})
    states.save(tmp_path / "state.json", state)
    assert states.read(tmp_path / "state.json") == (state, None)
    assert states.repair(tmp_path / "state.json") == (state, None)
    assert (tmp_path / "state.json").stat().st_mode & 0o777 == 0o600


def test_nothing_yet_is_not_a_problem(tmp_path: Path) -> None:
    assert states.repair(tmp_path / "state.json") == (State(), None)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "vac"),
        (b"\0" * 400, "vac"),
        (b'{"schema": 1, "ports": {"kaf', "cortado"),
        (b'{"schema": 1}', "cortado"),
        (b"[1, 2]", "cortado"),
        (b'{"schema": 1, "ports": [], "services": {}}', "cortado"),
        (b"\xff\xfe\x00basura", "cortado"),
        (b'{"schema": 2, "algo": "nuevo"}', "otra versi"),
    ],
)
def test_the_unreadable_is_set_aside_and_the_backup_gives_the_ports(
    tmp_path: Path, content: bytes, why: str
) -> None:
    path = tmp_path / "state.json"
    states.save(path, State({"kafka.broker": 19092}, {"kafka": RECORD}))
    states.save(path, State({"kafka.broker": 19092}, {}))
    path.write_bytes(content)
    state, notice = states.repair(path)
    assert state == State({"kafka.broker": 19092}), "los puertos valen; lo que corría se mira en la máquina"
    assert notice is not None
    assert why in notice
    [aside] = tmp_path.glob("state.json.roto-*")
    assert aside.read_bytes() == content
    assert str(aside) in notice
    assert not path.exists()


def test_a_broken_backup_too(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{", "utf-8")
    (tmp_path / "state.json.bak").write_text("}", "utf-8")
    state, notice = states.repair(tmp_path / "state.json")
    assert state == State()
    assert notice is not None


def test_the_journal_writes_only_what_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.json"
    journal = Journal(path, State())
    journal.assign({"a.http": 1})
    journal.remember("a", RECORD)
    assert states.read(path) == (State({"a.http": 1}, {"a": RECORD}), None)
    monkeypatch.setattr(states, "save", lambda *_: pytest.fail("no había nada que escribir"))
    journal.assign({"a.http": 1})
    journal.remember("a", RECORD)
    journal.remember("b", None)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int
) -> None:
    path = tmp_path / "state.json"
    states.save(path, State({"a.http": 1}))

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(*(("os.fsync", fail) if step == "fsync" else (Path, "replace", fail)))
    with pytest.raises(StateError) as caught:
        states.save(path, State({"a.http": 2}))
    monkeypatch.undo()
    assert caught.value.exit_code == 3
    assert str(path) in caught.value.cause
    assert caught.value.command
    assert states.read(path)[0] == State({"a.http": 1})
    assert [one.name for one in tmp_path.iterdir() if "tmp" in one.name] == []


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    """Con un límite de tamaño de fichero, que el sistema hace cumplir de verdad."""
    code = """
import resource, signal, sys
from pathlib import Path
from stack import state as states
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path(sys.argv[1])
states.save(path, states.State({"a.http": 1}))
resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
states.save(path, states.State({f"servicio{n}.http": n for n in range(100)}))
"""
    path = tmp_path / "state.json"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)
    assert "StateError: no se puede escribir" in done.stderr
    assert states.read(path) == (State({"a.http": 1}), None)
    assert [one.name for one in tmp_path.iterdir()] == ["state.json"]


def test_killed_while_writing_it_is_never_half(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from stack import state as states
path = Path(sys.argv[1])
for n in range(1_000_000):
    states.save(path, states.State({f"servicio{i}.http": n for i in range(300)}))
    if n == 3:
        print("escribiendo", flush=True)
"""
    path = tmp_path / "state.json"
    for _ in range(4):
        writer = subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        state, problem = states.read(path)
        assert problem is None
        assert len(state.ports) == 300
        assert len(set(state.ports.values())) == 1


def test_a_folder_that_others_could_read_is_closed(tmp_path: Path) -> None:
    (tmp_path / "abierta").mkdir(mode=0o755)
    make_private(tmp_path / "abierta")
    assert (tmp_path / "abierta").stat().st_mode & 0o777 == 0o700


def test_where_nobody_can_write(tmp_path: Path) -> None:
    (tmp_path / "fichero").touch()
    with pytest.raises(StateError, match="no es una carpeta"):
        write_whole(tmp_path / "fichero" / "state.json", "x")
    if Path("/proc/sys").exists():
        with pytest.raises(StateError):
            make_private(Path("/proc/sys/stacklab"))
