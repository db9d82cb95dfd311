"""Lo que el flujo A declara: completo, coherente y legible."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scenarios.catalog import SERVICES
from scenarios.flows import FLOWS

FLOW = FLOWS["flujo-a"]


def test_only_flows_that_can_run_are_listed() -> None:
    assert list(FLOWS)[:2] == ["flujo-a", "flujo-b"]
    assert "flujo-h" not in FLOWS
    with pytest.raises(KeyError):
        FLOWS["flujo-z"]


def test_sixteen_hops_each_with_everything() -> None:
    assert [hop.id for hop in FLOW.hops] == [f"A{number}" for number in range(1, 17)]
    for hop in FLOW.hops:
        for text in (hop.what, hop.why, hop.without, hop.more):
            assert text.endswith("."), (hop.id, text)
        assert len(hop.more) > len(hop.what)
        assert hop.sabotage.title
    assert len({hop.sabotage.title for hop in FLOW.hops}) == 16
    assert len({hop.prove for hop in FLOW.hops}) == 16


def test_every_service_it_names_exists() -> None:
    known = {service.name for service in SERVICES}
    assert set(FLOW.services) <= known
    assert {hop.service for hop in FLOW.hops} <= set(FLOW.services)
    assert set(FLOW.participants.values()) <= set(FLOW.services)
    aliases = {participant.alias for participant in FLOW.diagram.participants}
    assert set(FLOW.participants) < aliases


def test_a_hop_depends_only_on_what_comes_before() -> None:
    order = [hop.id for hop in FLOW.hops]
    for hop in FLOW.hops:
        assert all(order.index(other) < order.index(hop.id) for other in hop.needs)
    assert FLOW.dependents("A16") == ()
    assert FLOW.dependents("A14") == ()
    assert FLOW.dependents("A11") == ("A12", "A13", "A15")


def test_a_badly_declared_flow_does_not_exist() -> None:
    with pytest.raises(ValueError, match="no son las flechas"):
        replace(FLOW, hops=FLOW.hops[:-1])
    with pytest.raises(ValueError, match="«A99»"):
        replace(FLOW, hops=(*FLOW.hops[:-1], replace(FLOW.hops[-1], needs=("A99",))))
    with pytest.raises(ValueError, match="por qué no"):
        replace(FLOW, hops=(*FLOW.hops[:-1], replace(FLOW.hops[-1], unheld="")))
