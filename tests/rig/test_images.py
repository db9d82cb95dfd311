"""Las imágenes de la maqueta: están todas, dicen qué llevan dentro y no se rehacen sin motivo."""

from __future__ import annotations

from collections.abc import Iterator

import docker
import pytest

from stack.containers.images import load
from tests.rig.build import CONTENT, FIDELITY, PRODUCT, RIG, Builder, reference
from tests.rig.recipes import RECIPES, SUBSTITUTE


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


@pytest.mark.parametrize("name", load())
def test_it_has_the_official_name_and_says_what_is_inside(client: docker.DockerClient, name: str) -> None:
    labels = client.images.get(load()[name].reference).labels
    assert (labels[RIG], labels[PRODUCT]) == ("1", RECIPES[name].product())
    assert labels[FIDELITY] == ("embedded" if labels[PRODUCT] == SUBSTITUTE else "docker")


@pytest.mark.timeout(120)
def test_nothing_is_built_twice(client: docker.DockerClient) -> None:
    first, second = Builder(client), Builder(client)
    made = {name: first.ensure(name) for name in RECIPES}
    assert {name: second.ensure(name) for name in RECIPES} == made


def test_what_is_inside_changes_its_mark(client: docker.DockerClient) -> None:
    marks = [client.images.get(reference(name)).labels[CONTENT] for name in RECIPES]
    assert len(set(marks)) == len(marks)
