"""`stacklab env`: direcciones y credenciales, para conectarse con otras herramientas."""

from __future__ import annotations

from typing import Annotated

import typer

from lab import context
from lab.context import Json, Project


def env(
    services: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SERVICIO",
            help="De cuáles. Sin nombres, de todos los que están en marcha.",
            autocompletion=context.complete_services,
        ),
    ] = None,
    json: Json = False,
    project: Project = "default",
) -> None:
    """Escribe direcciones y credenciales como líneas `export NOMBRE=valor`.

    Así te conectas con redis-cli, mc, un cuaderno o tu propio código.

    Ejemplos:
      eval "$(stacklab env)"
      stacklab env redis
    """
    import shlex

    values = context.laboratory(project).env(services or ())
    if json:
        import json as writer

        print(writer.dumps(values, ensure_ascii=False))
        return
    if not values:
        names = services or []
        what = f"de lo pedido ({', '.join(names)}) " if names else ""
        typer.echo(f"Nada {what}está en marcha. Prueba: {' '.join(['stacklab up', *names])}", err=True)
    for name, value in values.items():
        print(f"export {name}={shlex.quote(value)}")
