"""Las comprobaciones de `doctor` que se pueden provocar: paquetes viejos, puertos ajenos y procesos perdidos."""

from __future__ import annotations

import importlib.metadata
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lab import checks, findings
from stack import processes
from stack.laboratory import Laboratory
from tests.support.fakes import SERVE, fake
from tests.support.running import free_port


def laboratory(root: Path, number: int = 1) -> Laboratory:
    return Laboratory("prueba", root, (fake("uno", SERVE, number=number),))


def one(root: Path, title: str, number: int = 1) -> findings.Finding:
    (found,) = [finding for finding in checks.run(laboratory(root, number)) if finding.check == title]
    return found


def test_packages_too_old_or_missing_come_with_the_order_that_fixes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        "redis>=999",
        "no-existe-tal-cosa>=1",
        "pytest>=1",
        "otro>=1; sys_platform == 'plan9'",
        "x; extra == 'y'",
    ]
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: lines)
    found = one(tmp_path, "Paquetes")
    assert found.status == findings.BAD
    assert "redis es" in found.text
    assert "falta no-existe-tal-cosa" in found.text
    assert found.fix == "pip install 'redis>=999' 'no-existe-tal-cosa>=1'"


def test_one_with_another_configuration_is_told_with_the_order_that_mends_it(tmp_path: Path) -> None:
    good = laboratory(tmp_path, free_port())
    service = good.services[0]
    assert service.embedded is not None
    bad = replace(service, embedded=replace(service.embedded, env={"COLOR": "roto"}))
    try:
        good.with_services([bad]).up()
        found = {one.check: one for one in checks.run(good)}
        assert (found["Configuración"].status, found["Configuración"].fix) == (checks.WARNING, "stacklab up uno")
        assert "Uno" in found["Configuración"].text
        good.up()
        assert "Configuración" not in {one.check for one in checks.run(good)}
    finally:
        good.down()


def test_a_port_of_another_says_whose(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        number = other.getsockname()[1]
        found = one(tmp_path, "Puertos", number)
    assert (found.status, found.fix) == (checks.WARNING, f"ps -fp {os.getpid()}")
    assert found.details[0].endswith(f" usa {number} (Uno)")
    assert f"el proceso {os.getpid()}" in found.details[0]
    assert one(tmp_path, "Puertos", number).status == findings.OK


def test_a_process_whose_laboratory_is_gone_is_found(tmp_path: Path) -> None:
    gone = tmp_path / "se-va"
    gone.mkdir()
    command = [sys.executable, "-c", "print(flush=True); input()"]
    labels = processes.labels("perdido-0123456789", "uno", "x", "embedded")
    with subprocess.Popen(
        command, cwd=gone, env=os.environ | labels, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as lost:
        assert lost.stdout is not None
        lost.stdout.readline()
        assert str(lost.pid) not in (one(tmp_path, "Restos").fix or "").split()
        gone.rmdir()
        found = one(tmp_path, "Restos")
        lost.kill()
    assert found.status == checks.WARNING
    assert str(lost.pid) in (found.fix or "").split()
