"""Lo que declara cada flujo: completo, coherente, legible y dicho en su página con las mismas palabras."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from scenarios.catalog import SERVICES
from scenarios.engine.authoring import WhatIf
from scenarios.engine.diagram import read
from scenarios.flows import FLOWS

ROOT = Path(__file__).parents[2]
ARROWS = {"A": 16, "B": 12, "C": 7, "D": 11, "E": 16, "F": 15, "G": 12, "H": 16}


def _page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text("utf-8")


def _cases(name: str) -> tuple[WhatIf, ...]:
    module = f"scenarios.{name.replace('-', '_')}.what_if"
    return import_module(module).CASES if find_spec(module) else ()


def test_only_flows_that_can_run_are_listed() -> None:
    assert {"flujo-a", "flujo-b", "flujo-c"} <= set(FLOWS)
    for name in FLOWS:
        assert (ROOT / "scenarios" / name.replace("-", "_") / "flow.py").is_file()
    with pytest.raises(KeyError):
        FLOWS["flujo-z"]


@pytest.mark.parametrize("letter", ARROWS)
def test_every_diagram_has_its_arrows(letter: str) -> None:
    diagram = read(ROOT / "scenarios" / f"flujo_{letter.lower()}" / "diagram.mmd")
    assert len(diagram.arrows) == ARROWS[letter]


@pytest.mark.parametrize("name", FLOWS)
def test_a_hop_for_each_arrow_with_everything(name: str) -> None:
    flow, letter = FLOWS[name], name[-1].upper()
    total = ARROWS[letter]
    assert [hop.id for hop in flow.hops] == [f"{letter}{number}" for number in range(1, total + 1)]
    for hop in flow.hops:
        for text in (hop.what, hop.why, hop.without, hop.more):
            assert text.endswith("."), (hop.id, text)
        assert len(hop.more) > len(hop.what)
    assert len({hop.sabotage.title for hop in flow.hops}) == total
    assert len({hop.prove for hop in flow.hops}) == total


@pytest.mark.parametrize("name", FLOWS)
def test_every_service_it_names_exists(name: str) -> None:
    flow, known = FLOWS[name], {service.name for service in SERVICES}
    assert set(flow.services) <= known
    assert {hop.service for hop in flow.hops} <= set(flow.services)
    assert set(flow.participants.values()) <= set(flow.services)
    # Un diagrama puede nombrar a quien no declara, como deja Mermaid: «Servicio Analytics», en el B.
    assert set(flow.participants) <= {participant.alias for participant in flow.diagram.participants}


@pytest.mark.parametrize("name", FLOWS)
def test_a_hop_depends_only_on_what_comes_before(name: str) -> None:
    order = [hop.id for hop in FLOWS[name].hops]
    for hop in FLOWS[name].hops:
        assert all(order.index(other) < order.index(hop.id) for other in hop.needs)


def test_what_depends_on_a_hop_is_known() -> None:
    assert [FLOWS["flujo-a"].dependents(hop_id) for hop_id in ("A16", "A14")] == [(), ()]
    assert FLOWS["flujo-a"].dependents("A11") == ("A12", "A13", "A15")
    assert FLOWS["flujo-c"].dependents("C3") == ("C4", "C5", "C7")


def test_a_badly_declared_flow_does_not_exist() -> None:
    flow = FLOWS["flujo-a"]
    with pytest.raises(ValueError, match="no son las flechas"):
        replace(flow, hops=flow.hops[:-1])
    with pytest.raises(ValueError, match="«A99»"):
        replace(flow, hops=(*flow.hops[:-1], replace(flow.hops[-1], needs=("A99",))))
    with pytest.raises(ValueError, match="por qué no"):
        replace(flow, hops=(*flow.hops[:-1], replace(flow.hops[-1], unheld="")))


@pytest.mark.parametrize("name", FLOWS)
def test_the_page_says_what_the_screen_says(name: str) -> None:
    flow, text = FLOWS[name], _page(name)
    assert flow.intro in " ".join(text.split())
    for hop in flow.hops:
        assert f"### {hop.id} · {hop.arrow.text}\n\n{hop.what}\n\n**Por qué.** {hop.why}" in text
        assert f"**Sin ello.** {hop.without}" in text
        assert f"| {hop.id} | {hop.sabotage.title} |" in text
        held = "Sí" if hop.hold is not None else "No"
        ends = f"{hop.arrow.sender.name} → {hop.arrow.receiver.name}"
        assert f"| {hop.id} | {ends} | {hop.arrow.text} | {held} |" in text
    for case in _cases(name):
        assert f"| {case.when} | {case.then} |" in text
