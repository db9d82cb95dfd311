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
        "fidelity": str(row.fidelity),
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

    from lab.render.services import fidelity
    from lab.render.terminal import number, terminal
    from stack.status import Condition

    words = {
        Condition.RUNNING: ("en marcha", "green"),
        Condition.STARTING: ("arrancando", "yellow"),
        Condition.STOPPED: ("parado", "dim"),
        Condition.FAILED: ("falla", "bold red"),
    }
    screen = terminal()
    table = Table(box=None, pad_edge=False, header_style="dim", expand=False)
    table.add_column("Servicio", no_wrap=True)
    table.add_column("Estado", no_wrap=True)
    wide = screen.width >= 72
    if wide:
        table.add_column("Quién es")
        table.add_column("Memoria", justify="right", no_wrap=True)
        table.add_column("Dirección", no_wrap=True, style="cyan")
    for row in rows:
        word, style = words[row.state]
        cells = [row.title, f"[{style}]{word}[/]"]
        if wide:
            size = f"{number(row.memory_mb)} MB" if row.memory_mb is not None else ""
            here = row.state is not Condition.STOPPED
            cells += [fidelity(row.fidelity, row.product) if here else "", size, row.url if here else ""]
        from rich.text import Text

        table.add_row(*(Text.from_markup(cell) for cell in cells))
    screen.print(table)
    for row in rows:
        if row.problem and row.state is Condition.FAILED:
            screen.print(f"  ✘ {row.title}: {row.problem}", style="red")
    alive = [row for row in rows if row.state is Condition.RUNNING]
    if not alive:
        screen.print("\nNo hay nada en marcha. Para empezar: stacklab run flujo-a")
    else:
        total = sum(row.memory_mb or 0 for row in alive)
        screen.print(f"\n{len(alive)} en marcha · {number(total)} MB en total · se paran con: stacklab down")
