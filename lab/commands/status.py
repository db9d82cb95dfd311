"""`stacklab status`: qué está en marcha."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab import context
from lab.context import Json, Project

if TYPE_CHECKING:
    from stack.status import ServiceStatus


def status(json: Json = False, project: Project = "default") -> None:
    """Enseña qué está en marcha, quién es de verdad, dónde y cuánta memoria usa."""
    rows = context.laboratory(project).status()
    if json:
        import json as writer

        print(writer.dumps({"services": [_as_json(row) for row in rows]}, ensure_ascii=False))
        return
    _table(rows)


def _as_json(row: ServiceStatus) -> dict[str, object]:
    owner = {"container": row.container} if row.container else {"pid": row.pid}
    return {
        "name": row.name,
        "runtime": row.runtime,
        "fidelity": None if row.fidelity is None else str(row.fidelity),
        "product": row.product,
        "state": str(row.state),
        "url": row.url,
        "ports": dict(row.ports),
        **owner,
        "memory_mb": None if row.memory_mb is None else round(row.memory_mb, 1),
        "since": row.since.isoformat() if row.since else None,
        "problem": row.problem,
    }


def _table(rows: list[ServiceStatus]) -> None:
    from rich.table import Table
    from rich.text import Text

    from lab.render.services import address, fidelity
    from lab.render.terminal import number, terminal, write
    from stack.model import Kind
    from stack.status import Condition

    marks = {
        Condition.RUNNING: ("✔", "green", ""),
        Condition.STARTING: ("…", "yellow", "arrancando"),
        Condition.STOPPED: ("–", "dim", "parado"),
        Condition.FAILED: ("✘", "bold red", "falla"),
    }
    screen = terminal()
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("  Servicio", no_wrap=True)
    table.add_column("Quién contesta")
    wide = screen.width >= 80
    if wide:
        table.add_column("Memoria", justify="right", no_wrap=True)
        table.add_column("Dirección", no_wrap=True, style="cyan")
    for row in rows:
        if row.kind is Kind.BRIDGE and row.state is Condition.STOPPED:
            continue  # solo hace falta, y solo se enseña, cuando hay contenedores
        mark, style, word = marks[row.state]
        here = row.state is Condition.RUNNING and row.fidelity is not None
        who = fidelity(row.fidelity, row.product) if row.fidelity is not None and here else word
        if row.fidelity is None:
            who = row.product
        cells = [Text.assemble((mark, style), " ", row.title), Text(who, "" if here else style)]
        if wide:
            size = f"{number(row.memory_mb)} MB" if row.memory_mb is not None else ""
            cells += [Text(size), Text(address(row.url) if here else "")]
        table.add_row(*cells)
    screen.print(table)
    for row in rows:
        if row.problem and row.state is Condition.FAILED:
            write(screen, f"✘ {row.title}: {row.problem}. Mira: stacklab logs {row.name}", "red")
    alive = [row for row in rows if row.state is Condition.RUNNING]
    screen.print()
    if not alive:
        write(screen, "No hay nada en marcha. Para empezar: stacklab run flujo-a")
    else:
        total = sum(row.memory_mb or 0 for row in alive)
        write(screen, f"{len(alive)} en marcha · {number(total)} MB en total · se paran con: stacklab down")
