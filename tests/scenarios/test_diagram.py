"""El lector de diagramas, con los ocho de verdad y con los que están mal."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.engine.diagram import Diagram, DiagramError, Participant, parse, read

_SCENARIOS = Path(__file__).parents[2] / "scenarios"
ARROWS = {"a": 16, "b": 12, "c": 7, "d": 11, "e": 16, "f": 15, "g": 12, "h": 16}


@pytest.fixture(scope="module")
def diagrams() -> dict[str, Diagram]:
    return {letter: read(_SCENARIOS / f"flujo_{letter}" / "diagram.mmd") for letter in ARROWS}


def test_the_eight_diagrams_have_their_105_arrows(diagrams: dict[str, Diagram]) -> None:
    counted = {letter: len(diagram.arrows) for letter, diagram in diagrams.items()}
    assert counted == ARROWS
    assert sum(counted.values()) == 105


def test_flow_a_says_who_speaks_to_whom(diagrams: dict[str, Diagram]) -> None:
    arrows = diagrams["a"].arrows
    assert [(arrow.sender.alias, arrow.receiver.alias) for arrow in arrows] == [
        ("C", "K"), ("K", "K"), ("K", "U"), ("U", "M"), ("M", "U"), ("U", "Ka"), ("U", "R"), ("U", "K"),
        ("K", "C"), ("Ka", "T"), ("T", "M"), ("T", "M"), ("T", "R"), ("P", "U"), ("P", "T"), ("J", "J"),
    ]  # fmt: skip
    assert [number for number, arrow in enumerate(arrows, 1) if arrow.reply] == [5, 8, 9]
    assert arrows[0].sender.name == "Cliente (Web)"
    assert arrows[0].text == "POST /api/upload/avatar (con JWT)"
    assert arrows[1].to_itself
    assert not arrows[2].to_itself


def test_a_note_opens_the_stretch_of_the_next_arrow(diagrams: dict[str, Diagram]) -> None:
    notes = {number: arrow.note for number, arrow in enumerate(diagrams["a"].arrows, 1) if arrow.note}
    assert notes == {1: "Inicio de traza distribuida", 10: "Procesamiento asíncrono", 14: "Monitoreo continuo"}


def test_undeclared_participants_may_have_spaces(diagrams: dict[str, Diagram]) -> None:
    assert diagrams["b"].arrows[-1].receiver == Participant("Servicio Analytics", "Servicio Analytics")
    assert diagrams["g"].arrows[-4].receiver.name == "Usuarios conectados"
    assert Participant("Config", "Servicio Configuracion") in diagrams["h"].participants


def test_comments_blank_lines_and_actors() -> None:
    diagram = parse("sequenceDiagram\n\n  %% un comentario\n  actor Ana\n  Ana->>Bo bo: hola: ¿qué tal?\n")
    assert diagram.participants == (Participant("Ana", "Ana"), Participant("Bo bo", "Bo bo"))
    assert diagram.arrows[0].text == "hola: ¿qué tal?"


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("flowchart TD", 1, "se esperaba «sequenceDiagram»"),
        ("sequenceDiagram\n  A->>B: hola\n  loop cada minuto", 3, "no se entiende «loop cada minuto»"),
        ("sequenceDiagram\n  A-xB: hola", 2, "no se entiende"),
        ("sequenceDiagram\n  A->>B:   ", 2, "la flecha no dice nada"),
        ("sequenceDiagram\n  participant A\n  participant A as Otro", 3, "ya estaba declarado"),
        ("sequenceDiagram\n  participant A\n  Note over A,Z: hola", 3, "«Z»"),
        ("sequenceDiagram\n  participant A\n", 2, "ninguna flecha"),
        ("", 1, "ninguna flecha"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, line: int, problem: str) -> None:
    with pytest.raises(DiagramError) as error:
        parse(text)
    assert error.value.line == line
    assert str(error.value).startswith(f"línea {line}: ")
    assert problem in str(error.value)
