"""La lista de flujos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from lab.render.palette import BAD, GOOD, PLACE
from lab.render.services import memory
from lab.render.summary import answered
from lab.render.terminal import terminal, write


def show(rows: Sequence[Mapping[str, Any]]) -> None:
    """Escribe cada flujo: su nombre, de qué va, qué necesita y cómo fue la última vez."""
    from rich.text import Text

    screen = terminal()
    for row in rows:
        screen.print(Text.assemble((row["id"], f"bold {PLACE}"), "  ", (row["title"], "bold")))
        needs = f"{row['hops']} pasos · {memory(row['memory_mb'])} · {', '.join(row['titles'])}"
        write(screen, row["about"], indent=2)
        write(screen, needs, indent=2, hang=2)
        write(screen, _last(row["last"]), indent=2)
        if row["last"] and row["last"].get("fidelities"):
            write(screen, answered(row["last"]["fidelities"]), indent=4)
        screen.print()
    screen.print("Para ejecutar uno: stacklab run flujo-a · todos: stacklab run all")


def _last(last: Mapping[str, Any] | None) -> Any:
    from rich.text import Text

    if not last:
        return Text("Todavía no lo has ejecutado.", style="dim")
    when = datetime.fromisoformat(last["at"]).astimezone()
    whole = last["proven"] == last["total"]
    mark = "✔" if whole else "✘"
    text = f"{mark} {last['proven']} de {last['total']} probados el {when:%d/%m/%Y a las %H:%M}"
    return Text(text, style=GOOD if whole else BAD)
