"""Lo que `doctor` dice de Docker, con un motor de mentira."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.docker_checks import look
from lab.findings import OK, WARNING, Finding
from stack.containers import names
from stack.containers.images import load
from tests.support.docker_stub import Refusal, Scenario, docker_engine, image

REDIS, KAFKA = load()["redis"], load()["kafka"]


def seen(scenario: Scenario, **environment: str) -> dict[str, Finding]:
    with docker_engine(scenario) as url:
        return {one.check: one for one in look({"DOCKER_HOST": url} | environment)}


def test_it_says_which_engine_and_which_images_are_there() -> None:
    images = {REDIS.by_digest: image(REDIS.by_digest, REDIS.digest), KAFKA.reference: image(KAFKA.reference)}
    info = {"SecurityOptions": ["name=rootless"]}
    found = seen(Scenario(api="1.51", version="29.1.2", images=images, info=info))
    assert set(found) == {"Docker", "Imágenes"}
    assert found["Docker"].status == OK
    assert found["Docker"].text.startswith("29.1.2, sin root (API 1.51), DOCKER_HOST: unix://")
    assert found["Imágenes"].text.startswith(f"están 2 de {len(load())}")
    assert "GB" in found["Imágenes"].text
    told = " ".join(found["Imágenes"].details)
    assert "no son las fijadas (se hicieron o se cargaron aquí, o son otras con su nombre): kafka" in told
    assert "faltan consul" in told
    assert "redis" not in told


def test_a_variable_that_gets_in_the_way_is_a_warning() -> None:
    found = seen(Scenario(), DOCKER_API_VERSION="1.23")["Docker"]
    assert found.status == WARNING
    assert "unset DOCKER_API_VERSION" in found.details[0]


def test_what_a_lost_laboratory_left_comes_with_the_order_that_removes_only_that(tmp_path: Path) -> None:
    lost = {names.PROJECT: "a-1", names.HOME: str(tmp_path / "no-existe")}
    kept = {names.PROJECT: "b-2", names.HOME: str(tmp_path)}
    scenario = Scenario(
        containers=[
            {"Id": "0123456789abcdef", "Labels": lost},
            {"Id": "fedcba9876543210", "Labels": kept},
            {"Id": "ajeno", "Labels": {}},
        ],
        networks=[{"Name": "stacklab-a", "Labels": lost}, {"Name": "bridge", "Labels": None}],
        volumes=[{"Name": "stacklab-a-1-redis", "Labels": lost}, {"Name": "suyo", "Labels": kept}],
    )
    found = seen(scenario)["Restos"]
    assert found.status == WARNING
    assert found.text.endswith("contenedores (1), redes (1), volúmenes con datos (1)")
    assert found.fix == (
        "docker rm -f 0123456789ab && docker network rm stacklab-a && docker volume rm stacklab-a-1-redis"
    )
    assert not any(line.startswith(("DELETE", "POST")) for line in scenario.asked)


def test_an_engine_that_greets_and_then_fails_is_a_warning() -> None:
    scenario = Scenario(answers={"GET /info": Refusal(500, "la luna está llena")})
    with docker_engine(scenario) as url:
        (found,) = look({"DOCKER_HOST": url})
    assert (found.check, found.status) == ("Docker", WARNING)
    assert "la luna está llena" in found.text


@pytest.mark.skipif(Path("/var/run/docker.sock").exists(), reason="aquí hay un Docker")
def test_without_docker_there_is_nothing_to_fix(tmp_path: Path) -> None:
    (found,) = look({"HOME": str(tmp_path)})
    assert (found.check, found.status) == ("Docker", OK)
    assert "no está en marcha" in found.text
    assert "No hace falta" in found.text


def test_a_place_the_person_chose_and_does_not_work_is_a_warning(tmp_path: Path) -> None:
    (found,) = look({"DOCKER_HOST": f"unix://{tmp_path}/nada.sock"})
    assert (found.status, found.fix) == (WARNING, "unset DOCKER_HOST")
    (remote,) = look({"DOCKER_HOST": "ssh://ana@maquina"})
    assert (remote.status, len(remote.details)) == (WARNING, 3)
