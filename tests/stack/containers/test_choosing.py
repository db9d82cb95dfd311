"""Cuándo se usa Docker sin que nadie lo pida, y qué se hace si entonces no se puede."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stack.containers.images import load
from stack.errors import EngineAbsent, ImageGone, RegistryUnreachable
from stack.events import Notice
from stack.laboratory import Laboratory
from stack.model import Container, Fidelity, Service
from tests.support.docker_stub import Refusal, Scenario, docker_engine
from tests.support.fakes import fake

REDIS = load()["redis"]
OFFLINE = Refusal(500, "Get https://registry.example/v2/: dial tcp: lookup registry.example: no such host")


def both(name: str) -> Service:
    """Un servicio que se puede arrancar con Docker y con lo que trae pip."""
    return replace(fake(name), container=Container(image="redis", memory_mb=64))


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("STACKLAB_DEFAULT_RUNTIME", raising=False)
    made = Laboratory("prueba", tmp_path / "estado", [both("uno"), fake("dos")])
    yield made
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-hay.sock")
    Laboratory("prueba", tmp_path / "estado", [both("uno"), fake("dos")]).down()


def offline() -> Scenario:
    where = [name.partition("@")[0].rpartition(":")[0] + "@" + REDIS.digest for name in REDIS.references()]
    return Scenario(pulls=dict.fromkeys([*where, *REDIS.references(), REDIS.reference], OFFLINE))


def test_without_network_what_stacklab_chose_goes_on_without_docker(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    with docker_engine(offline()) as url:
        monkeypatch.setenv("DOCKER_HOST", url)
        running = lab.up(on_event=told.append)
    assert [(one.name, one.runtime, one.fidelity) for one in running] == [
        ("uno", "embedded", Fidelity.EMBEDDED),
        ("dos", "embedded", Fidelity.EMBEDDED),
    ]
    notices = [one.text for one in told if isinstance(one, Notice)]
    assert any("Sigo sin Docker" in text for text in notices)


@pytest.mark.parametrize("how", [{"runtime": "docker"}, {"per_service": {"uno": "docker"}}], ids=["todos", "uno"])
def test_without_network_what_the_person_asked_for_is_refused(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch, how: dict[str, Any]
) -> None:
    with docker_engine(offline()) as url:
        monkeypatch.setenv("DOCKER_HOST", url)
        with pytest.raises((RegistryUnreachable, ImageGone)):
            lab.up(["uno"], **how)
        assert [row.state for row in lab.status()] == ["stopped", "stopped"], "no se ha tocado nada"


def test_without_an_engine_nobody_waits_and_docker_is_refused_with_its_cause(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-hay.sock")
    assert [one.runtime for one in lab.up()] == ["embedded", "embedded"]
    with pytest.raises(EngineAbsent):
        Laboratory("otro", tmp_path, [both("uno")]).up(runtime="docker")
