"""La página de Docker enseña los fallos con las palabras y los códigos que se ven de verdad."""

from __future__ import annotations

from pathlib import Path

import pytest

from stack.containers import sentences
from stack.containers.endings import ended
from stack.containers.firewall import UFW
from stack.containers.found import Absent, Attempt, Engine, Place
from stack.containers.images import load
from stack.containers.reach import host_unreachable
from stack.errors import StacklabError

PAGE = Path(__file__).parents[3] / "docs" / "docker.md"
KAFKA = load()["kafka"]
SYSTEM = Place("unix:///var/run/docker.sock", "el del sistema")


def examples() -> list[StacklabError]:
    """Uno de cada."""
    return [
        sentences.absent(Absent((Attempt(SYSTEM, "missing"),))),
        sentences.denied(SYSTEM.url),
        sentences.too_old(Engine(SYSTEM.url, "", True, api_version="1.40", version="19.03")),
        sentences.remote(Engine("ssh://ana@maquina", "DOCKER_HOST", local=False)),
        sentences.image_gone(KAFKA),
        sentences.rate_limited(KAFKA),
        sentences.no_platform(KAFKA, "linux/riscv64"),
        sentences.registry_unreachable("registry-1.docker.io"),
        sentences.disk_full(4250, 1200, "/var/lib/docker"),
        sentences.port_taken(9092, "Kafka"),
        sentences.name_conflict("stacklab-default-kafka", "0123456789ab"),
        sentences.pool_exhausted(),
        host_unreachable("se acabó el tiempo", "172.20.0.0/16", "172.20.0.1", UFW),
        ended("kafka", "Kafka", {"ExitCode": 1}),
    ]


@pytest.fixture(autouse=True)
def on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")


def row(error: StacklabError) -> str:
    return f"| {error.exit_code} | {error.cause[:1].upper()}{error.cause[1:]} | `{error.command}` |"


def test_every_failure_is_in_the_page_as_it_is_seen() -> None:
    text = PAGE.read_text("utf-8")
    assert [error.exit_code for error in examples()] == list(range(30, 44))
    for error in examples():
        assert row(error) in text


def test_the_page_names_every_image_as_it_is_pinned() -> None:
    text = PAGE.read_text("utf-8")
    for image in load().values():
        assert f"| {image.key} | `{image.reference}` |" in text
