"""Lee un `sequenceDiagram` de Mermaid: el diagrama es la especificación del flujo, no un dibujo.

Entiende lo que usan los ocho flujos (https://mermaid.js.org/syntax/sequenceDiagram.html): `participant` y `actor`
con alias o sin él, participantes que no se declaran (también con espacios, como `Servicio Analytics`), flechas
`->>` y `-->>`, mensajes a uno mismo, notas (`over`, `left of`, `right of`), comentarios `%%` y líneas en blanco.
Lo demás es un error que dice la línea.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_PARTICIPANT = re.compile(r"(?:participant|actor)\s+(?P<alias>.+?)(?:\s+as\s+(?P<name>.+))?$")
_ARROW = re.compile(r"(?P<sender>[^:]+?)\s*(?P<line>-->>|->>)\s*(?P<receiver>[^:]+?)\s*:\s*(?P<text>.*)$")
_NOTE = re.compile(r"[Nn]ote\s+(?:over|left of|right of)\s+(?P<over>[^:]+?)\s*:\s*(?P<text>.*)$")


class DiagramError(ValueError):
    """El diagrama no se entiende. El mensaje dice dónde y qué se esperaba; `line` cuenta desde 1."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"línea {line}: {problem}")
        self.line = line


@dataclass(frozen=True, slots=True)
class Participant:
    """Quien habla o escucha. `alias` es su nombre en el fichero; `name`, el que se enseña."""

    alias: str
    name: str


@dataclass(frozen=True, slots=True)
class Arrow:
    """Un mensaje: de quién a quién y qué dice. `reply` es cierto en las flechas de puntos (respuestas).

    `note` es la nota que la precede en el diagrama, si abre un tramo («Procesamiento asíncrono»).
    """

    sender: Participant
    receiver: Participant
    text: str
    reply: bool
    line: int
    note: str | None = None

    @property
    def to_itself(self) -> bool:
        """Si es un mensaje que alguien se manda a sí mismo."""
        return self.sender == self.receiver


@dataclass(frozen=True, slots=True)
class Diagram:
    """Un diagrama leído: participantes por orden de aparición y flechas en el suyo."""

    participants: tuple[Participant, ...]
    arrows: tuple[Arrow, ...]
    source: str


def read(path: Path) -> Diagram:
    """El diagrama del fichero `path`.

    Raises:
        DiagramError: con la línea que no se entiende.
    """
    return parse(path.read_text("utf-8"))


def parse(text: str) -> Diagram:
    """El diagrama escrito en `text`.

    Raises:
        DiagramError: falta `sequenceDiagram`, una línea no se entiende, una nota nombra a quien no existe, un
            participante se declara dos veces o no hay ninguna flecha.
    """
    participants: dict[str, Participant] = {}
    arrows: list[Arrow] = []
    note: str | None = None
    started = False
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("%%"):
            continue
        if not started:
            if line != "sequenceDiagram":
                raise DiagramError(number, f"se esperaba «sequenceDiagram» y dice «{line}»")
            started = True
        elif match := _PARTICIPANT.match(line):
            _declare(participants, match["alias"], match["name"], number)
        elif match := _NOTE.match(line):
            _check_note(participants, match["over"], number)
            note = match["text"].strip()
        elif match := _ARROW.match(line):
            sender, receiver = (_known(participants, match[end]) for end in ("sender", "receiver"))
            if not match["text"].strip():
                raise DiagramError(number, "la flecha no dice nada: falta el texto tras los dos puntos")
            arrows.append(Arrow(sender, receiver, match["text"].strip(), match["line"] == "-->>", number, note))
            note = None
        else:
            raise DiagramError(
                number, f"no se entiende «{line}»; se esperaba un participante, una nota o una flecha"
            )
    if not arrows:
        raise DiagramError(max(1, len(text.splitlines())), "el diagrama no tiene ninguna flecha")
    return Diagram(tuple(participants.values()), tuple(arrows), text)


def _declare(participants: dict[str, Participant], alias: str, name: str | None, number: int) -> None:
    if alias in participants:
        raise DiagramError(number, f"«{alias}» ya estaba declarado")
    participants[alias] = Participant(alias, (name or alias).strip())


def _known(participants: dict[str, Participant], alias: str) -> Participant:
    """El participante `alias`; si nadie lo declaró, aparece aquí, como hace Mermaid."""
    return participants.setdefault(alias, Participant(alias, alias))


def _check_note(participants: dict[str, Participant], over: str, number: int) -> None:
    for alias in (part.strip() for part in over.split(",")):
        if alias not in participants:
            raise DiagramError(number, f"la nota es sobre «{alias}», y nadie se llama así")
