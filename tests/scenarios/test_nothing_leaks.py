"""Después de todos los flujos no hay ningún secreto donde no debe.

Lo mismo se busca con programas reales (`tests/real`) y en Docker (`tests/rig`).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
import redis

from scenarios.engine.events import as_json
from scenarios.engine.runner import run
from scenarios.flows import FLOWS
from stack.laboratory import Laboratory
from tests.support import leaks


@pytest.fixture(scope="module")
def told(laboratory: Laboratory) -> str:
    """Lo que cuentan las ejecuciones de todos los flujos, con sus pruebas enteras."""
    lines: list[Any] = []
    for flow in FLOWS.values():
        laboratory.up(flow.services)
        result = run(flow, laboratory, on_event=lambda event: lines.append(as_json(event)))
        assert result.passed, f"{flow.id}: {[hop.reason for hop in result.hops if hop.status != 'proven']}"
        lines.extend(asdict(hop.evidence) for hop in result.hops if hop.evidence is not None)
    return json.dumps(lines, ensure_ascii=False, default=str)


@pytest.mark.parametrize("place", leaks.PLACES, ids=lambda place: place.__name__)
def test_no_secret_is_where_it_should_not(laboratory: Laboratory, told: str, place: leaks.Place) -> None:
    leaks.search(laboratory, place)


def test_no_secret_is_told_to_the_person(laboratory: Laboratory, told: str) -> None:
    leaks.search_told(laboratory, told)


def test_the_search_finds_what_it_looks_for(laboratory: Laboratory, told: str) -> None:
    """Una búsqueda que no encuentra nada podría ser una búsqueda rota."""
    client = redis.Redis.from_url(laboratory.env()["REDIS_URL"])
    client.set("descuido", laboratory.credentials()["JWT_SECRET"])
    try:
        with pytest.raises(AssertionError, match="JWT_SECRET está en la clave b'descuido'"):
            leaks.search(laboratory, leaks.memory)
    finally:
        client.delete("descuido")
