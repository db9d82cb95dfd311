"""El informe para contar un fallo: Markdown listo para pegar, sin secretos."""

from __future__ import annotations

import os
import platform
import secrets
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from stack.folder import home
from stack.status import Condition

if TYPE_CHECKING:
    from stack.laboratory import Laboratory

_PACKAGES = (
    "stacklab",
    "typer",
    "rich",
    "docker",
    "confluent-kafka",
    "redis",
    "minio",
    "fastapi",
    "opentelemetry-sdk",
)
_ERROR = "Error"

WORDS = {
    Condition.RUNNING: "en marcha",
    Condition.STARTING: "arrancando",
    Condition.STOPPED: "parado",
    Condition.FAILED: "falla",
}
"""Cómo está un servicio, para una persona."""


def write_report(arguments: Sequence[str], trace: str) -> Path | None:
    """Escribe el informe de un fallo (modo 0600) y devuelve dónde; `None` si no se pudo escribir.

    Se llama cuando ya ha fallado algo: pase lo que pase aquí, no añade otro error al primero.
    """
    try:
        sections = [(_ERROR, f"```\n{trace.rstrip()}\n```"), ("Servicios y puertos", _ports_of(arguments))]
        text = redacted(markdown(arguments, sections=sections))
        folder = _folder()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / f"{datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}.md"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except Exception:
        return None
    return path


def markdown(arguments: Sequence[str], *, sections: Iterable[tuple[str, str]] = ()) -> str:
    """El informe: la orden, las versiones, el sistema y, detrás, `sections` (título, texto)."""
    lines = [
        "# Informe de stacklab",
        "",
        f"- Orden: `stacklab {' '.join(arguments)}`",
        f"- Fecha: {datetime.now().astimezone():%Y-%m-%d %H:%M:%S %z}",
        f"- Sistema: {platform.platform()} ({platform.machine()})",
        f"- Python: {sys.version.split()[0]}",
        f"- Paquetes: {', '.join(_versions())}",
    ]
    for title, text in sections:
        lines += ["", f"## {title}", "", text]
    return "\n".join(lines) + "\n"


def ports(laboratory: Laboratory) -> str:
    """Los servicios de `laboratory`, cómo están y en qué puertos: una línea de Markdown por cada uno."""
    try:
        rows = laboratory.status()
    except Exception as error:
        return f"No se han podido mirar ({type(error).__name__}: {error})."
    return "\n".join(
        f"- {row.name}: {WORDS[row.state]}"
        + "".join(f", {name} {number}" for name, number in row.ports.items())
        + (f" ({row.problem})" if row.problem else "")
        for row in rows
    )


def last_error() -> str:
    """El último fallo nuestro del que se guardó informe, con su fecha, o que no hay ninguno."""
    try:
        newest = max(_folder().glob("*.md"), key=lambda path: path.name)
        text = newest.read_text("utf-8").partition(f"\n## {_ERROR}\n\n")[2].partition("\n\n## ")[0].strip()
    except (ValueError, OSError):
        return "Ninguno."
    return f"Del informe {newest.name}:\n\n{text}"


def redacted(text: str) -> str:
    """`text` sin las credenciales de ningún laboratorio de esta persona ni el nombre de su carpeta."""
    from stack import credentials

    try:
        files = list(home().glob("*/credentials.json"))
    except Exception:
        files = []
    for path in files:
        try:
            known = credentials.read(path) or {}
        except Exception:
            continue
        text = credentials.redact(text, known.values())
    try:
        personal = str(Path.home())
    except RuntimeError:
        return text
    # En algunos contenedores la carpeta personal es «/»: no dice de nadie, y está en todas las rutas.
    return text if personal == "/" else text.replace(personal, "~")


def _folder() -> Path:
    return home() / "informes"


def _ports_of(arguments: Sequence[str]) -> str:
    """Los puertos del laboratorio de esa orden (`--project`, su variable o `default`)."""
    from lab.context import laboratory

    words = [part for word in arguments for part in word.split("=", 1)]
    project = os.environ.get("STACKLAB_PROJECT_NAME") or "default"
    if "--project" in words[:-1]:
        project = words[words.index("--project") + 1]
    try:
        return ports(laboratory(project))
    except Exception as error:
        return f"No se han podido mirar ({type(error).__name__}: {error})."


def _versions() -> Iterable[str]:
    for name in _PACKAGES:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            yield f"{name} (falta)"
