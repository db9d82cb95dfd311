"""La tabla de `stacklab status`: una línea por servicio y, debajo, lo que falla."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lab.render.palette import BAD, GOOD, NOTE
from lab.render.services import address, fidelity, write_service, write_titles
from lab.render.terminal import megabytes, order, write
from lab.report import WORDS
from stack.model import Kind
from stack.status import Condition

if TYPE_CHECKING:
    from rich.console import Console

    from stack.status import ServiceStatus


def show(screen: Console, rows: Sequence[ServiceStatus]) -> None:
    """Escribe quién contesta por cada servicio, cuánta memoria usa y dónde está."""
    marks = {
        Condition.RUNNING: ("✔", GOOD),
        Condition.STARTING: ("…", NOTE),
        Condition.STOPPED: ("–", "dim"),
        Condition.FAILED: ("✘", f"bold {BAD}"),
    }
    write_titles(screen, "Quién contesta", "Memoria")
    for row in rows:
        if row.kind is Kind.BRIDGE and row.state is Condition.STOPPED:
            continue  # solo hace falta, y solo se enseña, cuando hay contenedores
        here = row.state is Condition.RUNNING and row.fidelity is not None
        who = fidelity(row.fidelity, row.product) if row.fidelity is not None and here else WORDS[row.state]
        if row.fidelity is None:
            who = row.product
        size = megabytes(row.memory_mb) if row.memory_mb is not None else ""
        write_service(screen, marks[row.state], row.title, who, size, address(row.url) if here else "")
    for row in rows:
        if row.problem and row.state is Condition.FAILED:
            look = order(f"stacklab logs {row.name}")
            write(screen, f"✘ {row.title}: {row.problem}. Mira: {look}", BAD, indent=2, hang=2)
    alive = [row for row in rows if row.state is Condition.RUNNING]
    screen.print()
    if not alive:
        write(screen, "No hay nada en marcha. Para empezar: stacklab run flujo-a")
    else:
        total = megabytes(sum(row.memory_mb or 0 for row in alive))
        write(screen, f"{len(alive)} en marcha · {total} en total · se paran con: {order('stacklab down')}")
