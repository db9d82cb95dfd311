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

from stack.folder import home

_PACKAGES = ("stacklab", "typer", "rich", "confluent-kafka", "redis", "minio", "fastapi", "opentelemetry-sdk")


def write_report(arguments: Sequence[str], trace: str) -> Path | None:
    """Escribe el informe de un fallo (modo 0600) y devuelve dónde; `None` si no se pudo escribir."""
    text = redacted(markdown(arguments, sections=[("Error", f"```\n{trace}```")]))
    try:
        folder = home() / "informes"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / f"{datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}.md"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError:
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


def redacted(text: str) -> str:
    """`text` sin las credenciales de ningún laboratorio de esta persona ni el nombre de su carpeta."""
    from stack import credentials

    for path in home().glob("*/credentials.json"):
        try:
            known = credentials.read(path) or {}
        except Exception:
            continue
        text = credentials.redact(text, known.values())
    return text.replace(str(Path.home()), "~")


def _versions() -> Iterable[str]:
    for name in _PACKAGES:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            yield f"{name} (falta)"
