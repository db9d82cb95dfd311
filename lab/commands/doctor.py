"""`stacklab doctor`: qué le pasa a este equipo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lab import context
from lab.context import Json, Project

if TYPE_CHECKING:
    from lab.checks import Finding


def doctor(
    json: Json = False,
    report: Annotated[
        bool, typer.Option("--report", help="Escribe un informe en Markdown, sin secretos, para pedir ayuda.")
    ] = False,
    project: Project = "default",
) -> None:
    """Mira el equipo y dice qué falta o qué estorba, y cómo arreglarlo. No cambia nada.

    Termina con 0 si se puede trabajar y con 1 si algo lo impide.
    """
    from lab import checks

    lab = context.laboratory(project)
    findings = checks.run(lab)
    if json:
        _json(findings)
    elif report:
        from lab.report import markdown, redacted

        lines = "\n".join(f"- {_MARKS[one.status][0]} **{one.check}**: {one.text}" for one in findings)
        rows = "\n".join(f"- {row.name}: {row.state}, puertos {dict(row.ports)}" for row in lab.status())
        print(
            redacted(markdown(["doctor", "--report"], sections=[("Equipo", lines), ("Servicios", rows)])), end=""
        )
    else:
        _show(findings)
    if any(one.status == checks.BAD for one in findings):
        raise typer.Exit(1)


_MARKS = {"ok": ("✔", "green"), "warning": ("!", "yellow"), "bad": ("✘", "bold red")}


def _json(findings: list[Finding]) -> None:
    import json
    from dataclasses import asdict

    print(json.dumps({"checks": [asdict(one) for one in findings]}, ensure_ascii=False))


def _show(findings: list[Finding]) -> None:
    from rich.text import Text

    from lab.render.terminal import terminal, write

    screen = terminal()
    for one in findings:
        mark, style = _MARKS[one.status]
        write(screen, Text.assemble((f"{mark} ", style), (one.check, "bold"), f": {one.text}"))
        if one.fix and one.status != "ok":
            screen.print(Text.assemble("  Prueba: ", (one.fix, "bold cyan")), soft_wrap=True)
