"""`stacklab up`: poner servicios en marcha."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lab import context
from lab.context import PerService, Ports, Project, Runtime, Services


def up(
    services: Services = None,
    runtime: Runtime = "auto",
    per_service: PerService = None,
    port: Ports = None,
    project: Project = "default",
    plan: Annotated[bool, typer.Option("--plan", help="Enseña lo que haría, sin hacerlo.")] = False,
) -> None:
    """Pone en marcha los servicios y lo que necesitan. Repetirlo no cambia nada.

    Siguen en marcha cuando la orden termina: se paran con `stacklab down`.

    Ejemplos:
      stacklab up                    todos
      stacklab up kafka redis        solo esos dos
      stacklab up --port grafana.http=3300
    """
    from lab.render.services import ServicesView
    from lab.render.terminal import terminal

    lab = context.laboratory(project)
    options: dict[str, Any] = {
        "runtime": runtime,
        "per_service": context.pairs(per_service, "--set"),
        "ports": context.ports(port),
    }
    screen = terminal()
    if plan:
        from lab.render.plan import show

        show(screen, lab.plan(services or (), **options))
        return
    with ServicesView(screen) as view:
        running = lab.up(services or (), on_event=view, **options)
    if view.unchanged == len(running):
        screen.print("Todo estaba ya en marcha.")
    look = "Para verlo: stacklab open console · para" if any(one.name == "console" for one in running) else "Para"
    screen.print(f"{look} parar: stacklab down")
