"""Si los contenedores no llegan a esta máquina, se dice por qué según de qué clase sea el motor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stack.bridge.service import BRIDGE
from stack.containers import names
from stack.errors import HostUnreachable
from stack.folder import Folder
from stack.prepare import Prepared
from stack.runtimes.docker import DockerRuntime
from stack.runtimes.local import LocalRuntime
from tests.support.docker_stub import Scenario, docker_engine

WITHOUT_DOCKER = "stacklab up --runtime embedded"
SUBNET, GATEWAY = "172.20.0.0/16", "172.20.0.1"


def verified(folder: Folder, monkeypatch: pytest.MonkeyPatch, info: dict[str, Any], code: int) -> None:
    """Comprueba desde dentro de un contenedor, donde la llamada termina con `code`."""
    own = {names.PROJECT: folder.label, names.HOME: str(folder.path)}
    scenario = Scenario(
        info=info,
        containers=[{"Id": "abc", "State": "running", "Labels": own | {names.SERVICE: "kong"}}],
        networks=[{"Id": "red", "Labels": own, "IPAM": {"Config": [{"Subnet": SUBNET, "Gateway": GATEWAY}]}}],
        answers={"POST /containers/abc/exec": {"Id": "dentro"}, "GET /exec/dentro/json": {"ExitCode": code}},
    )
    endpoint = LocalRuntime(folder).endpoint(BRIDGE, "http", 9079)
    bridge = Prepared(BRIDGE, (endpoint,), (), {}, {}, folder.path, folder.path, "")
    with docker_engine(scenario) as url:
        monkeypatch.setenv("DOCKER_HOST", url)
        DockerRuntime(folder).verify([bridge], [bridge])
        assert "POST /exec/dentro/start" in scenario.asked


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.of("prueba", tmp_path)


@pytest.mark.parametrize(
    ("info", "says"),
    [
        ({"SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"]}, "Docker sin root"),
        ({"OperatingSystem": "Docker Desktop"}, "Docker Desktop"),
    ],
    ids=["sin-root", "desktop"],
)
def test_where_no_rule_would_help_the_way_out_is_without_docker(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, info: dict[str, Any], says: str
) -> None:
    with pytest.raises(HostUnreachable) as caught:
        verified(folder, monkeypatch, info, code=7)
    assert caught.value.command == WITHOUT_DOCKER
    assert caught.value.meaning.startswith(f"Con {says}")
    assert "no llegan a los procesos de esta máquina: curl no pudo conectar" in caught.value.cause


def test_on_an_ordinary_engine_it_is_the_rule_with_the_real_addresses(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(HostUnreachable) as caught:
        verified(folder, monkeypatch, {}, code=7)
    assert SUBNET in str(caught.value.command)
    assert GATEWAY in str(caught.value.command)


def test_where_it_is_reached_nothing_is_said(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    verified(folder, monkeypatch, {"SecurityOptions": ["name=rootless"]}, code=0)
