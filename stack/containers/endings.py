"""Cuando un contenedor termina, o no llega a estar listo: qué se le dice a la persona."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stack.errors import ContainerEnded


def how(state: Mapping[str, Any]) -> str:
    """Cómo acabó, dicho de un tirón: «terminó con código 1». `state` es el `State` de `docker inspect`."""
    code = int(state.get("ExitCode") or 0)
    if state.get("OOMKilled"):
        return "se quedó sin memoria y el sistema lo mató"
    if code > 128:
        return f"lo terminó la señal {code - 128} (código {code})"
    return f"terminó con código {code}"


def ended(
    service: str,
    title: str,
    state: Mapping[str, Any],
    lines: Iterable[str] = (),
    *,
    probe: str = "",
    memory_mb: int = 0,
) -> ContainerEnded:
    """El error para un contenedor que terminó mientras se le esperaba.

    `state` es el `State` de `docker inspect`; `lines`, el final de su log; `probe`, lo último que dijo su sonda.
    """
    code, said = int(state.get("ExitCode") or 0), str(state.get("Error") or "")
    meaning = "Su log dice por qué; estas son las últimas líneas."
    if state.get("OOMKilled"):
        limit = f" de {memory_mb} MB" if memory_mb else ""
        meaning = f"Pasó de su techo de memoria{limit}. Cierra otros programas o usa su suplente, que ocupa menos."
    elif code in (125, 126, 127):
        meaning = "Docker no pudo ejecutar su programa: la imagen no es la que se esperaba."
    return ContainerEnded(
        f"{title} {how(state)}" + (f": {said}" if said else ""),
        _with_probe(meaning, probe),
        f"stacklab up --set {service}=embedded" if state.get("OOMKilled") else f"stacklab logs {service}",
        tuple(lines),
    )


def not_ready(
    service: str, title: str, seconds: float, lines: Iterable[str] = (), *, probe: str = ""
) -> ContainerEnded:
    """El error para un contenedor que sigue en marcha pero no contestó a su sonda en `seconds` segundos."""
    return ContainerEnded(
        f"{title} está en marcha, pero no ha contestado en {seconds:.0f} s",
        _with_probe("Puede necesitar más tiempo (la primera vez es la más lenta) o haberse atascado.", probe),
        f"stacklab logs {service}",
        tuple(lines),
    )


def _with_probe(meaning: str, probe: str) -> str:
    return f"{meaning} Lo último que dijo al preguntarle: {probe}" if probe else meaning
