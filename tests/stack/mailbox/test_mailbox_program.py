"""Mailpit, si está en esta máquina: qué versión se le reconoce."""

from __future__ import annotations

from pathlib import Path

import pytest

from stack.mailbox.service import MAILBOX
from stack.runtimes.programs import Program, Programs, Rejected


@pytest.mark.parametrize(("version", "fits"), [("1.27.11", True), ("1.31.2", True), ("1.20.0", False)])
def test_its_version_is_not_a_number_of_its_path(tmp_path: Path, version: str, fits: bool) -> None:
    folder = tmp_path / "go1.26.8" / "v2.0"
    folder.mkdir(parents=True)
    program = folder / "mailpit"
    program.write_text(f'#!/bin/sh\necho "$0 v{version} compiled with go1.26.8 on linux/amd64"\n', "utf-8")
    program.chmod(0o755)
    (binary,) = MAILBOX.binaries
    found = Programs(tmp_path / "programs.json", {"PATH": f"{folder}:/bin"}).look(binary)
    assert isinstance(found, Program if fits else Rejected)
    if isinstance(found, Program):
        assert found.product == f"Mailpit {version}"
