"""`stacklab doctor`: qué le pasa a este equipo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lab import context
from lab.context import Json, Project
from lab.render.palette import BAD, GOOD, NOTE, PLACE

if TYPE_CHECKING:
    from lab.findings import Finding
    from stack.laboratory import Laboratory


def doctor(
    json: Json = False,
    report: Annotated[
        bool, typer.Option("--report", help="Escribe un informe en Markdown, sin secretos, para pedir ayuda.")
    ] = False,
    images: Annotated[
        bool, typer.Option("--images", help="Pregunta a los registros si las imágenes de Docker siguen ahí.")
    ] = False,
    project: Project = "default",
) -> None:
    """Mira el equipo y dice qué falta o qué estorba, y cómo arreglarlo. No cambia nada.

    Termina con 0 si se puede trabajar y con 1 si algo lo impide. Con --images, con 1 si alguna imagen no se podría
    bajar, y con 37 si no hay red.
    """
    if images:
        _images(json)
        return
    from lab import checks
    from lab.findings import BAD

    lab = context.laboratory(project)
    findings = checks.run(lab)
    if json:
        _json(findings)
    elif report:
        _report(lab, findings)
    else:
        _show(findings)
    if any(one.status == BAD for one in findings):
        raise typer.Exit(1)


def _images(json: bool) -> None:
    from lab.docker_checks import manifests
    from lab.render.manifests import as_json, show
    from lab.render.terminal import terminal

    found = manifests()
    if json:
        import json as writer

        print(writer.dumps({"images": [as_json(one) for one in found]}, ensure_ascii=False))
    else:
        show(terminal(), found)
    if not all(one.usable for one in found):
        raise typer.Exit(1)


_MARKS = {"ok": ("✔", GOOD), "warning": ("!", NOTE), "bad": ("✘", f"bold {BAD}")}


def _json(findings: list[Finding]) -> None:
    import json
    from dataclasses import asdict

    print(json.dumps({"checks": [asdict(one) for one in findings]}, ensure_ascii=False))


def _report(lab: Laboratory, findings: list[Finding]) -> None:
    from lab.report import last_error, markdown, ports, redacted

    lines = []
    for one in findings:
        lines.append(f"- {_MARKS[one.status][0]} **{one.check}**: {one.text}")
        lines += [f"  - {detail}" for detail in one.details]
    sections = [("Equipo", "\n".join(lines)), ("Servicios y puertos", ports(lab)), ("Último error", last_error())]
    print(redacted(markdown(["doctor", "--report"], sections=sections)), end="")


def _show(findings: list[Finding]) -> None:
    from rich.text import Text

    from lab.render.terminal import terminal, write

    screen = terminal()
    for one in findings:
        mark, style = _MARKS[one.status]
        write(screen, Text.assemble((mark, style), " ", (one.check, "bold"), f": {one.text}"), hang=2)
        for detail in one.details:
            write(screen, detail, "dim", indent=4, hang=2)
        if one.fix and one.status != "ok":
            screen.print(Text.assemble("    Prueba: ", (one.fix, f"bold {PLACE}")), soft_wrap=True)
    screen.print()
    write(screen, _summary(findings))


def _summary(findings: list[Finding]) -> str:
    bad = sum(one.status == "bad" for one in findings)
    warnings = sum(one.status == "warning" for one in findings)
    if bad:
        return f"Hay {_count(bad, 'cosa', 'cosas')} que arreglar (✘) antes de empezar."
    if warnings:
        return f"Se puede trabajar; hay {_count(warnings, 'aviso', 'avisos')} (!)."
    return "Todo bien. Para empezar: stacklab run flujo-a"


def _count(number: int, one: str, many: str) -> str:
    article = "una" if one.endswith("a") else "un"
    return f"{article} {one}" if number == 1 else f"{number} {many}"
