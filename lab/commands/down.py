"""`stacklab down`: parar servicios."""

from __future__ import annotations

from typing import Annotated

import typer

from lab import context
from lab.context import Project, Services


def down(
    services: Services = None,
    volumes: Annotated[
        bool, typer.Option("--volumes", help="Borra además los datos que guardaron (objetos de MinIO…).")
    ] = False,
    project: Project = "default",
) -> None:
    """Para los servicios de este laboratorio, y nada más que los suyos.

    Los encuentra por su etiqueta entre los procesos vivos, así que funciona aunque se haya perdido la carpeta de
    estado. Parar uno solo, con el resto en marcha, es una buena manera de aprender qué hacía.

    Ejemplos:
      stacklab down              todo
      stacklab down thumbnails   solo uno
    """
    from lab.render.services import ServicesView
    from lab.render.terminal import terminal

    screen = terminal()
    with ServicesView(screen) as view:
        stopped = context.laboratory(project).down(services or (), data=volumes, on_event=view)
    if not stopped:
        screen.print("No había nada en marcha.")
