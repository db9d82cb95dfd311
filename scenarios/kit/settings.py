"""Los ajustes de un microservicio: siempre del entorno, nunca del código (https://12factor.net/config)."""

from __future__ import annotations

import os


class MissingSetting(RuntimeError):
    """Falta una variable de entorno sin la que el microservicio no puede trabajar."""

    def __init__(self, name: str) -> None:
        super().__init__(f"falta la variable de entorno {name}")


def required(name: str) -> str:
    """El valor de la variable `name`.

    Raises:
        MissingSetting: no está o está vacía. Mejor no arrancar que arrancar a medias.
    """
    value = os.environ.get(name, "")
    if not value:
        raise MissingSetting(name)
    return value


def optional(name: str, default: str) -> str:
    """El valor de la variable `name`, o `default` si no está."""
    return os.environ.get(name) or default
