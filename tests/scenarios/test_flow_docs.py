"""La página de cada flujo dice dónde está cada paso, y es verdad."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.catalog import SERVICES
from scenarios.engine.places import maker, prover
from scenarios.flows import FLOWS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", FLOWS)
def test_the_page_says_where_each_hop_is(name: str) -> None:
    flow = FLOWS[name]
    page = (ROOT / "docs" / f"{name}.md").read_text("utf-8")
    for hop in flow.hops:
        made, proven = maker(flow, hop, SERVICES), prover(hop)
        assert f"| {hop.id} | `{made}` | `{proven}` |" in page
        assert (ROOT / made).is_file()
        path, _, function = proven.partition(" · ")
        assert f"def {function}(" in (ROOT / path).read_text("utf-8")


def test_a_hop_is_made_where_a_person_would_look() -> None:
    flow = FLOWS["flujo-b"]
    assert maker(flow, flow.hop("B9"), SERVICES) == "scenarios/services/auth.py"
    assert prover(flow.hop("B9")) == "scenarios/flujo_b/proofs/session.py · b9"
