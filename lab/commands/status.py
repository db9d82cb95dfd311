"""`stacklab status`: qué está en marcha."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab import context
from lab.context import Json, Project

if TYPE_CHECKING:
    from stack.status import ServiceStatus


def status(json: Json = False, project: Project = "default") -> None:
    """Enseña qué está en marcha, quién es de verdad, dónde y cuánta memoria usa."""
    laboratory = context.laboratory(project)
    rows = laboratory.status()
    if json:
        import json as writer

        print(writer.dumps({"services": [_as_json(row) for row in rows]}, ensure_ascii=False))
        return
    from lab.render.palette import NOTE
    from lab.render.status import show
    from lab.render.terminal import order, terminal, write

    screen = terminal()
    show(screen, rows)
    if changed := laboratory.outdated():
        titles = ", ".join(row.title for row in rows if row.name in changed)
        fix = order(f"stacklab up {' '.join(changed)}")
        write(screen, f"! Con otra configuración que la suya: {titles}. Se arregla con: {fix}", NOTE, hang=2)


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
