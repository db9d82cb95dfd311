"""Cómo ve cada servicio a otro según dónde corra, y cuándo hace falta el puente para que le vea."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from stack.addresses import Endpoint, Viewpoint
from stack.bridge.service import BRIDGE
from stack.folder import Folder
from stack.model import Kind, Service
from stack.observe import observe
from stack.plan import Plan
from stack.request import Request
from stack.runtimes.choice import AUTO, available
from stack.runtimes.embedded import EmbeddedRuntime
from stack.state import State
from tests.support.fakes import fake


class Boxes(EmbeddedRuntime):
    """Hace de Docker: lo suyo se ve por su nombre y ve a los demás desde su red."""

    name = "docker"
    viewpoint = Viewpoint.NETWORK

    def endpoint(self, service: Service, port: str, number: int) -> Endpoint:
        return Endpoint(service.name, port, service.port(port).scheme, "127.0.0.1", number, service.name, 80)


ENV = {
    "CHECK": "${HTTP_FROM_GUIDE_URL}/ready",
    "METRICS": "${HTTP_FROM_READER_ADDRESS}",
}


def _plan(tmp_path: Path, in_boxes: Iterable[str]) -> Plan:
    folder = Folder.of("prueba", tmp_path)
    services = [
        fake("guide", number=42_100),
        fake("reader", number=42_101),
        fake("micro", number=42_102, kind=Kind.MICROSERVICE, env=ENV),
        BRIDGE,
    ]
    runtimes = dict(available(folder)) | {"docker": Boxes(folder)}
    request = Request(
        services,
        runtimes,
        names=["guide", "reader", "micro"],
        runtime="embedded",
        per_service=dict.fromkeys(in_boxes, "docker"),
        forced={},
        network="nada0",
    )
    assert AUTO not in runtimes
    return request.plan(observe([], State()), State(), {})


def _env(plan: Plan) -> dict[str, str]:
    step = next(step for step in plan.steps if step.name == "micro")
    return {name: step.prepared.env[name] for name in ENV}


def test_all_on_this_machine_see_the_same_address(tmp_path: Path) -> None:
    plan = _plan(tmp_path, [])
    assert _env(plan) == {"CHECK": "http://127.0.0.1:42102/ready", "METRICS": "127.0.0.1:42102"}
    assert "bridge" not in [step.name for step in plan.steps]


def test_who_is_in_a_container_sees_it_through_the_bridge_and_the_other_does_not(tmp_path: Path) -> None:
    plan = _plan(tmp_path, ["guide"])
    assert _env(plan) == {"CHECK": "http://host.docker.internal:23358/ready", "METRICS": "127.0.0.1:42102"}
    assert "bridge" in [step.name for step in plan.steps]


def test_the_other_way_round_too(tmp_path: Path) -> None:
    plan = _plan(tmp_path, ["reader"])
    assert _env(plan) == {"CHECK": "http://127.0.0.1:42102/ready", "METRICS": "host.docker.internal:23358"}
    assert "bridge" in [step.name for step in plan.steps]
