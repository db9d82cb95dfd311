"""Los programas reales de la máquina: cuál se encuentra, cuál vale y qué pasa con el que miente o se cuelga."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from stack.model import Binary
from stack.runtimes import programs
from stack.runtimes.programs import PLACES, Program, Programs, Rejected

CONSUL = Binary(program="consul", product="Consul", argv=("${PROGRAM}",), memory_mb=1, at_least=(1, 15))


def script(folder: Path, text: str, name: str = "consul") -> Path:
    """Un programa que, se le pregunte lo que se le pregunte, hace `text`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(0o755)
    return path


def look(tmp_path: Path, binary: Binary = CONSUL, **environment: str) -> Any:
    return Programs(tmp_path / "programs.json", environment).look(binary)


def test_it_is_adopted_with_the_version_it_says(tmp_path: Path) -> None:
    path = script(tmp_path / "bin", "echo 'Consul v1.16.2'")
    found = look(tmp_path, PATH=str(path.parent))
    assert found == Program(CONSUL, path, "1.16.2")
    assert found.product == "Consul 1.16.2"


def test_the_folders_of_the_person_come_before_the_path(tmp_path: Path) -> None:
    script(tmp_path / "sistema", "echo 'Consul v1.20.0'")
    chosen = script(tmp_path / "mio", "echo 'Consul v1.17.0'")
    places = f"{tmp_path}/no-hay{os.pathsep}{chosen.parent}"
    assert look(tmp_path, PATH=f"{tmp_path}/sistema:/bin", **{PLACES: places}).path == chosen


def test_an_old_one_is_refused_and_a_later_place_is_tried(tmp_path: Path) -> None:
    old = script(tmp_path / "viejo", "echo 'Consul v1.4.0'")
    refused = look(tmp_path, PATH="/bin", **{PLACES: str(old.parent)})
    assert refused == Rejected(old, "es la versión 1.4.0, y hace falta la 1.15 o posterior")
    good = script(tmp_path / "bueno", "echo 'Consul v1.16.2'")
    assert look(tmp_path, PATH=f"{good.parent}:/bin", **{PLACES: str(old.parent)}).path == good


@pytest.mark.parametrize("text", ["exit 3", "echo hola", "kill -9 $$"], ids=["falla", "sin-version", "muere"])
def test_one_that_does_not_say_its_version_is_refused(tmp_path: Path, text: str) -> None:
    path = script(tmp_path / "bin", text)
    assert look(tmp_path, PATH=f"{path.parent}:/bin") == Rejected(
        path, "no contesta cuando se le pregunta su versión"
    )


def test_one_that_hangs_is_ended_with_everything_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "PATIENCE_S", 0.3)
    path = script(tmp_path / "bin", f"sleep 61 & echo $! > {tmp_path}/hijo; wait")
    assert isinstance(look(tmp_path, PATH=f"{path.parent}:/bin:/usr/bin"), Rejected)
    child = int((tmp_path / "hijo").read_text("utf-8"))
    deadline = time.monotonic() + 5
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "el hijo sigue vivo"
        time.sleep(0.02)


def test_the_version_is_asked_once(tmp_path: Path) -> None:
    path = script(tmp_path / "bin", f"echo x >> {tmp_path}/veces; echo 'Consul v1.16.2'")
    for _ in range(3):
        assert look(tmp_path, PATH=f"{path.parent}:/bin").version == "1.16.2"
    assert (tmp_path / "veces").read_text("utf-8") == "x\n"
    script(tmp_path / "bin", f"echo xx >> {tmp_path}/veces; echo 'Consul v1.17.10'")
    assert look(tmp_path, PATH=f"{path.parent}:/bin").version == "1.17.10", "cambió el programa"


def test_a_broken_memory_is_not_a_problem(tmp_path: Path) -> None:
    (tmp_path / "programs.json").write_bytes(b"\xff{]")
    path = script(tmp_path / "bin", "echo 'Consul v1.16.2'")
    assert look(tmp_path, PATH=f"{path.parent}:/bin").version == "1.16.2"


def test_one_with_its_own_home(tmp_path: Path) -> None:
    kafka = Binary(
        program="bin/kafka-server-start.sh",
        product="Kafka",
        argv=("${PROGRAM}",),
        memory_mb=1,
        home="KAFKA_HOME",
        version_glob="libs/kafka_2.13-*.jar",
    )
    assert look(tmp_path, kafka, PATH="/bin") is None
    assert look(tmp_path, kafka, KAFKA_HOME=str(tmp_path / "no-hay")) is None
    start = script(tmp_path / "kafka" / "bin", "exit 1", "kafka-server-start.sh")
    (tmp_path / "kafka" / "libs").mkdir()
    (tmp_path / "kafka" / "libs" / "kafka_2.13-4.3.1.jar").touch()
    assert look(tmp_path, kafka, KAFKA_HOME=str(tmp_path / "kafka")) == Program(kafka, start, "4.3.1")
