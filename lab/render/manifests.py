"""La tabla de `stacklab doctor --images`: cómo está cada imagen en su registro."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.render.palette import BAD, GOOD, NOTE
from lab.render.terminal import write
from stack.containers.manifests import Manifest, Verdict

if TYPE_CHECKING:
    from rich.console import Console

_SAID = {
    Verdict.SAME: ("✔", GOOD, "es la fijada"),
    Verdict.MOVED: ("!", NOTE, "hoy es otra; la fijada sigue ahí"),
    Verdict.UNPINNED: ("!", NOTE, "está; sin huella que comparar"),
    Verdict.MIRROR: ("!", NOTE, "solo en un espejo"),
    Verdict.GONE: ("✘", f"bold {BAD}", "la fijada ya no está"),
    Verdict.UNKNOWN: ("?", NOTE, "no se ha podido preguntar"),
}


def as_json(one: Manifest) -> dict[str, object]:
    """Para programas."""
    return {
        "image": one.image.key,
        "reference": one.image.reference,
        "pinned": one.image.digest,
        "digest": one.digest,
        "verdict": str(one.verdict),
        "platforms": list(one.platforms),
        "where": one.where,
        "problem": one.error.cause if one.error is not None else None,
    }


def show(screen: Console, found: list[Manifest]) -> None:
    """Una línea por imagen y, debajo, lo que haya que saber de las que no están bien."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("  Imagen", overflow="ellipsis", no_wrap=True, max_width=34)
    table.add_column("Su huella")
    table.add_column("Para")
    for one in found:
        mark, style, text = _SAID[one.verdict]
        name = Text.assemble((mark, style), f" {one.image.reference}")
        table.add_row(name, Text(text), Text(_machines(one.platforms), "dim"))
    screen.print(table)
    for one in found:
        if one.where:
            write(screen, f"{one.image.reference} está en {one.where}", "dim", indent=2)
        elif one.error is not None:
            write(screen, f"{one.image.reference}: {one.error.cause}", "dim", indent=2)
    screen.print()
    write(screen, _summary(found))


def _machines(platforms: tuple[str, ...]) -> str:
    """Las de uso corriente por su nombre; de las demás, cuántas son."""
    common = [name for name in ("amd64", "arm64") if f"linux/{name}" in platforms]
    rest = len(platforms) - len(common)
    return ", ".join(common) + (f" y {rest} más" if rest > 0 and common else "")


def _summary(found: list[Manifest]) -> str:
    lost = [one.image.key for one in found if not one.usable]
    if lost:
        names = ", ".join(lost)
        return f"Con Docker no se podría bajar: {names}. Lo demás sí; esas, con --set NOMBRE=embedded."
    return f"Las {len(found)} imágenes se pueden bajar."
