"""Los contextos de la orden `docker`, leídos de sus ficheros (https://docs.docker.com/engine/manage-resources/contexts/).

    ~/.docker/config.json                        currentContext: el elegido
    ~/.docker/contexts/meta/<sha256>/meta.json   su nombre y la dirección de su motor
    ~/.docker/contexts/tls/<sha256>/docker/      sus certificados

`DOCKER_CONFIG` cambia la primera carpeta. El nombre de cada carpeta es la huella del nombre del contexto, pero no
hace falta calcularla: cada fichero dice de quién es.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stack.containers.found import Tls


def config_folder(environment: Mapping[str, str]) -> Path:
    """La carpeta de configuración de la orden `docker`."""
    return Path(environment.get("DOCKER_CONFIG") or Path(environment.get("HOME", "/"), ".docker"))


def current(environment: Mapping[str, str], folder: Path) -> tuple[str, str]:
    """El nombre del contexto elegido (`default` si ninguno) y quién lo eligió, para una persona."""
    if given := environment.get("DOCKER_CONTEXT"):
        return given, "DOCKER_CONTEXT"
    chosen = _read(folder / "config.json").get("currentContext")
    return (str(chosen), "docker context use") if chosen else ("default", "")


def endpoint(folder: Path, name: str) -> tuple[str, Tls | None]:
    """La dirección del motor de ese contexto y sus certificados; dirección vacía si el contexto no existe."""
    for path in sorted(folder.glob("contexts/meta/*/meta.json")):
        document = _read(path)
        if document.get("Name") != name:
            continue
        try:
            docker = document["Endpoints"]["docker"]
            url, skip = str(docker["Host"]), bool(docker.get("SkipTLSVerify"))
        except (KeyError, TypeError):
            return "", None
        certificates = folder / "contexts" / "tls" / path.parent.name / "docker"
        return url, Tls.inside(certificates, not skip) if certificates.is_dir() else None
    return "", None


def _read(path: Path) -> dict[str, Any]:
    """Un fichero JSON; vacío si no está o no se entiende (la orden `docker` avisa por su cuenta)."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
