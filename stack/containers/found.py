"""Qué se ha encontrado al buscar un motor de Docker: los datos, sin nada que los busque."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

OLDEST_API = (1, 41)
"""La API más vieja que sirve: la primera que entiende `host-gateway` (Docker 20.10)."""

Reason = Literal["missing", "refused", "denied", "timeout", "strange", "unsupported", "context"]


@dataclass(frozen=True, slots=True)
class Tls:
    """Los certificados con que se habla con un motor por TLS. Pueden faltar los nuestros (`cert` y `key`)."""

    ca: Path
    cert: Path
    key: Path
    verify: bool

    @classmethod
    def inside(cls, folder: Path, verify: bool) -> Tls:
        """Los de una carpeta con los nombres de siempre."""
        return cls(folder / "ca.pem", folder / "cert.pem", folder / "key.pem", verify)


@dataclass(frozen=True, slots=True)
class Place:
    """Un sitio donde puede haber un motor: su URL y de dónde se ha sacado («DOCKER_HOST», «el del sistema»…)."""

    url: str
    origin: str
    tls: Tls | None = None
    context: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Un sitio que se ha probado y por qué no ha servido."""

    place: Place
    reason: Reason


@dataclass(frozen=True, slots=True)
class Engine:
    """Un motor que contesta.

    `local` es cierto si lo que publique en 127.0.0.1 se alcanza desde esta máquina. De uno remoto no se pregunta
    nada: sus versiones están vacías. `version` es la del motor («29.1.2»); `api_version` y `min_api_version`, las
    que entiende. `context` está vacío si no viene de un contexto.
    """

    url: str
    origin: str
    local: bool
    api_version: str = ""
    min_api_version: str = ""
    os_type: str = "linux"
    version: str = ""
    context: str = ""
    tls: Tls | None = None


@dataclass(frozen=True, slots=True)
class Absent:
    """No hay motor: qué sitios se han probado y qué ha pasado en cada uno."""

    tried: tuple[Attempt, ...]

    @property
    def denied(self) -> Attempt | None:
        """El sitio donde hay un motor al que no se nos deja entrar, si es que lo hay."""
        return next((one for one in self.tried if one.reason == "denied"), None)
