"""`stacklab logs`: lo que va escribiendo un servicio."""

from __future__ import annotations

from typing import Annotated

import typer

from lab import context
from lab.context import Project


def logs(
    service: Annotated[
        str,
        typer.Argument(
            metavar="SERVICIO", help="El servicio del que se enseña.", autocompletion=context.complete_services
        ),
    ],
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Sigue escribiendo lo que llegue, hasta Ctrl-C.")
    ] = False,
    tail: Annotated[
        int | None, typer.Option("--tail", "-n", min=0, metavar="N", help="Solo las últimas N líneas (0 o más).")
    ] = None,
    raw: Annotated[
        bool,
        typer.Option("--raw", help="Cada línea tal como se escribió; sin terminal salen siempre así."),
    ] = False,
    project: Project = "default",
) -> None:
    """Enseña el registro de un servicio. Las credenciales salen tapadas.

    Los microservicios escriben un objeto JSON por línea, que es lo que leen los programas. En una terminal se
    enseña puesto para personas, con el principio de la traza de la que es cada línea.

    Ejemplos:
      stacklab logs uploads
      stacklab logs thumbnails -f
      stacklab logs uploads --raw
    """
    import sys

    lines = context.laboratory(project).logs(service, follow=follow, tail=tail)
    empty = True
    if raw or not sys.stdout.isatty():
        for line in lines:
            empty = False
            print(line, flush=follow)
    else:
        from lab.render.logs import LogView
        from lab.render.terminal import terminal

        show = LogView(terminal())
        for line in lines:
            empty = False
            show(line)
    if empty and tail != 0:
        # Por la salida de errores: la otra es solo para el registro.
        typer.echo(f"{service} no ha escrito nada. Para ver si está en marcha: stacklab status", err=True)
