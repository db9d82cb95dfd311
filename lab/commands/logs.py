"""`stacklab logs`: lo que va escribiendo un servicio."""

from __future__ import annotations

from typing import Annotated

import typer

from lab import context
from lab.context import Project


def logs(
    service: Annotated[
        str,
        typer.Argument(metavar="SERVICIO", help="De quién.", autocompletion=context.complete_services),
    ],
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Sigue escribiendo lo que llegue, hasta Ctrl-C.")
    ] = False,
    tail: Annotated[
        int | None, typer.Option("--tail", "-n", min=0, metavar="N", help="Solo las últimas N líneas.")
    ] = None,
    project: Project = "default",
) -> None:
    """Enseña el registro de un servicio. Las credenciales salen tapadas.

    Ejemplos:
      stacklab logs uploads
      stacklab logs thumbnails -f
    """
    for line in context.laboratory(project).logs(service, follow=follow, tail=tail):
        print(line, flush=follow)
