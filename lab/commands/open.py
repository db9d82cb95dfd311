"""`stacklab open`: abrir una página en el navegador."""

from __future__ import annotations

from typing import Annotated

import typer

from lab import context
from lab.context import Project
from stack.errors import StacklabError


def open_page(
    target: Annotated[
        str,
        typer.Argument(
            metavar="SERVICIO", help="Qué página: la de ese servicio.", autocompletion=context.complete_services
        ),
    ],
    project: Project = "default",
) -> None:
    """Abre la página de un servicio en el navegador; sin navegador, escribe su dirección.

    Ejemplos:
      stacklab open jaeger
      stacklab open grafana
    """
    import os
    import sys
    import webbrowser

    lab = context.laboratory(project)
    links = lab.links(target)
    if not links:
        row = next(one for one in lab.status() if one.name == target)
        if not row.runtime:
            raise StacklabError(
                f"{row.title} no tiene página que abrir: {row.product}",
                "No viene con pip, y no están ni Docker ni el programa en esta máquina.",
                "stacklab doctor",
            )
        raise StacklabError(
            f"{row.title} no tiene ahora ninguna página que abrir",
            "O no está en marcha, o lo está sin la consola de stacklab.",
            f"stacklab up {target} console",
        )
    for link in links:
        print(f"{link.title}: {link.url}")
    graphical = sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    if graphical and sys.stdout.isatty():
        webbrowser.open(links[0].url)
