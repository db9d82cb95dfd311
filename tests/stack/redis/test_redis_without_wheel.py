"""Donde no hay rueda de Valkey contesta fakeredis: se dice, y pasa el mismo contrato entero."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from stack import wheels
from stack.model import Fidelity, Service
from stack.redis.service import REDIS, embedded
from tests.contract.test_redis import *  # noqa: F403
from tests.support.running import running


@pytest.fixture(scope="module")
def without_wheel() -> Service:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wheels, "program", lambda *names: None)
        return dataclasses.replace(REDIS, embedded=embedded())


@pytest.fixture(scope="module")
def url(without_wheel: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    overrides = {"redis": without_wheel}
    with running("redis", root=tmp_path_factory.mktemp("sin_rueda"), overrides=overrides) as env:
        yield env["REDIS_URL"]


def test_the_label_tells_the_truth(without_wheel: Service) -> None:
    assert without_wheel.embedded.fidelity is Fidelity.EMBEDDED
    assert without_wheel.embedded.product == "fakeredis"
