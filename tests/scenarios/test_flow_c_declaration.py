"""Lo que el flujo C declara, y su página: completo, coherente y con las mismas palabras."""

from __future__ import annotations

from pathlib import Path

from scenarios.catalog import SERVICES
from scenarios.flows import FLOWS
from scenarios.flujo_c.what_if import CASES
from stack.model import Fidelity, Kind

FLOW = FLOWS["flujo-c"]
PAGE = Path(__file__).parents[2] / "docs" / "flujo-c.md"


def test_seven_hops_each_with_everything() -> None:
    assert [hop.id for hop in FLOW.hops] == [f"C{number}" for number in range(1, 8)]
    for hop in FLOW.hops:
        for text in (hop.what, hop.why, hop.without, hop.more):
            assert text.endswith("."), (hop.id, text)
        assert len(hop.more) > len(hop.what)
    assert len({hop.sabotage.title for hop in FLOW.hops}) == 7
    assert len({hop.prove for hop in FLOW.hops}) == 7


def test_every_service_it_names_exists() -> None:
    known = {service.name for service in SERVICES}
    assert set(FLOW.services) <= known
    assert {hop.service for hop in FLOW.hops} <= set(FLOW.services)
    assert set(FLOW.participants) == {participant.alias for participant in FLOW.diagram.participants}


def test_a_hop_depends_only_on_what_comes_before() -> None:
    order = [hop.id for hop in FLOW.hops]
    for hop in FLOW.hops:
        assert all(order.index(other) < order.index(hop.id) for other in hop.needs)
    assert (FLOW.dependents("C5"), FLOW.dependents("C6"), FLOW.dependents("C3")) == ((), (), ("C4", "C5", "C7"))


def test_the_provider_says_everywhere_that_it_is_simulated() -> None:
    provider = next(service for service in SERVICES if service.name == "cobros")
    assert provider.kind is Kind.PROVIDER
    assert provider.embedded is not None
    assert provider.embedded.fidelity is Fidelity.SIMULATED
    assert (provider.binaries, provider.container) == ((), None)
    assert "simulado" in provider.summary


def test_the_page_says_it_with_the_words_of_the_flow() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert FLOW.intro in text
    for hop in FLOW.hops:
        held = "Sí" if hop.hold is not None else "No"
        ends = f"{hop.arrow.sender.name} → {hop.arrow.receiver.name}"
        assert f"| {hop.id} | {ends} | {hop.arrow.text} | {held} |" in text
        assert f"### {hop.id} · {hop.arrow.text}\n\n{hop.what}\n\n**Por qué.** {hop.why}" in text
        assert f"**Sin ello.** {hop.without}" in text
        assert f"| {hop.id} | {hop.sabotage.title} |" in text
    for case in CASES:
        assert f"| {case.when} | {case.then} |" in text
