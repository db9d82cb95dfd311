"""Sembrar: tras cada arranque, otra vez si una orden murió a medias; si falla, no queda nada en marcha."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from stack import seeding
from stack.errors import StartError
from stack.events import ServiceSkipped
from stack.model import Service
from tests.support.fakes import fake


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, str]]:
    """Con qué datos se ha llamado a quien siembra, una entrada por llamada."""
    calls: list[Mapping[str, str]] = []
    monkeypatch.setattr(seeding, "sow", calls.append, raising=False)
    return calls


def seeded(name: str, function: str = "stack.seeding:sow", **options: Any) -> Service:
    return replace(fake(name, **options), seed=function)


def test_a_service_is_seeded_each_time_it_starts_and_only_then(
    bench: Any, planted: list[Mapping[str, str]]
) -> None:
    lab = bench.lab(seeded("olvida", credentials=("jwt_secret",)), fake("no", depends_on=("olvida",)))
    lab.up()
    lab.up()
    assert len(planted) == 1
    assert planted[0]["OLVIDA_URL"] == planted[0]["OLVIDA_HTTP_URL"] == lab.env()["OLVIDA_URL"]
    assert planted[0]["JWT_SECRET"] == lab.credentials()["JWT_SECRET"]
    lab.down(["olvida"])
    lab.up()
    assert len(planted) == 2


def test_what_a_dead_command_left_unseeded_is_seeded_by_the_next(
    bench: Any, planted: list[Mapping[str, str]]
) -> None:
    service = seeded("olvida")
    bench.lab(service).up()
    before = bench.alive()
    # Como si la orden hubiera muerto con el servicio ya en marcha y sin apuntar.
    for path in bench.folder.path.glob("state.json*"):
        path.unlink()
    bench.lab(service).up()
    assert bench.alive() == before
    assert len(planted) == 2


def test_a_seed_that_fails_is_a_service_that_did_not_start(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(names: Mapping[str, str]) -> None:
        raise OSError(f"no pude guardar {names['JWT_SECRET']}")

    monkeypatch.setattr(seeding, "sow", refuse, raising=False)
    events: list[Any] = []
    lab = bench.lab(seeded("olvida", credentials=("jwt_secret",)), fake("web", depends_on=("olvida",)))
    with pytest.raises(StartError) as caught:
        lab.up(on_event=events.append)
    assert "no pude guardar •••" in caught.value.cause
    assert lab.credentials()["JWT_SECRET"] not in str(caught.value)
    assert [event.service for event in events if isinstance(event, ServiceSkipped)] == ["web"]
    assert bench.alive() == {}, "nada a medias"


def test_a_seed_that_does_not_exist_says_its_name(bench: Any) -> None:
    with pytest.raises(StartError) as caught:
        bench.lab(seeded("olvida", "stack.seeding:no_existe")).up()
    assert "no_existe" in caught.value.cause
