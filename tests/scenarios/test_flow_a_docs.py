"""La página del flujo A dice lo mismo que la pantalla: sus textos salen de la misma declaración."""

from __future__ import annotations

from pathlib import Path

from scenarios.flows import FLOWS

PAGE = Path(__file__).parents[2] / "docs" / "flujo-a.md"


def test_every_arrow_is_explained_with_the_words_of_the_flow() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for hop in FLOWS["flujo-a"].hops:
        assert f"### {hop.id} · {hop.arrow.text}\n\n{hop.what}\n\n**Por qué.** {hop.why}" in text
        assert f"**Sin ello.** {hop.without}" in text
        assert f"| {hop.id} | {hop.sabotage.title} |" in text
