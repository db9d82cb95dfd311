"""Lo que el flujo C declara, además de lo que declaran todos."""

from __future__ import annotations

from pathlib import Path

from scenarios.catalog import SERVICES
from scenarios.flows import FLOWS
from stack.model import Fidelity, Kind

FLOW = FLOWS["flujo-c"]
PAGE = Path(__file__).parents[2] / "docs" / "flujo-c.md"


def test_the_provider_says_everywhere_that_it_is_simulated() -> None:
    provider = next(service for service in SERVICES if service.name == "cobros")
    assert provider.kind is Kind.PROVIDER
    assert provider.embedded is not None
    assert provider.embedded.fidelity is Fidelity.SIMULATED
    assert (provider.binaries, provider.container) == ((), None)
    assert "simulado" in provider.summary
