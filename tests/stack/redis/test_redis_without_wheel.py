"""Donde no hay rueda de Valkey contesta fakeredis: se dice, y pasa el mismo contrato entero."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
import redis

from stack import wheels
from stack.console.app import console
from stack.model import Fidelity, Service
from stack.redis.service import REDIS, embedded
from tests.contract.test_redis import *  # noqa: F403
from tests.contract.test_redis_patterns import *  # noqa: F403
from tests.support.asgi import get
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


def test_its_page_works_and_says_who_answers(
    url: str, without_wheel: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    monkeypatch.setenv("STACKLAB_FIDELITY_REDIS", "embedded")
    monkeypatch.setattr("stack.console.redis.pages.REDIS", without_wheel)
    with redis.Redis.from_url(url) as client:
        client.flushall()
        client.set("avatar:ana", "x", ex=60)
        client.xadd("pedidos", {"n": 1})
    page = get(console(), "/redis")
    assert page.status == 200
    assert "suplente · fakeredis" in page.text
    assert "avatar:ana" in page.text
    assert get(console(), "/redis/clave?clave=pedidos").status == 200
