"""Cómo se llaman y cómo se reconocen nuestras cosas en un motor de Docker."""

from __future__ import annotations

PROJECT = "stacklab.project"
"""Etiqueta: de qué laboratorio es (`Folder.label`, única en la máquina)."""

SERVICE = "stacklab.service"
"""Etiqueta: qué servicio es."""

SPEC = "stacklab.spec-hash"
"""Etiqueta: la huella de su descripción; si cambia, se rehace."""

PORTS = "stacklab.ports"
"""Etiqueta: dónde publica cada puerto, en JSON; un contenedor parado ya no lo dice de otra manera."""

HOME = "stacklab.home"
"""Etiqueta: la carpeta del laboratorio. Si ya no existe, lo que la lleve es un resto de otra vez."""


def container(project: str, service: str) -> str:
    """El nombre del contenedor de `service` en `project`."""
    return f"stacklab-{project}-{service}"


def network(project: str) -> str:
    """El nombre de la red de `project`."""
    return f"stacklab-{project}"


def volume(label: str, service: str) -> str:
    """El nombre del volumen con los datos de `service`.

    Lleva la etiqueta entera, y no solo el proyecto: crear un volumen que ya existe no falla, y dos laboratorios
    con el mismo nombre y distintas credenciales compartirían los datos sin saberlo.
    """
    return f"stacklab-{label}-{service}"


def interface(label: str) -> str:
    """El nombre de la interfaz de red en esta máquina: fijo, para que una regla del cortafuegos siga valiendo.

    Linux no admite más de 15 letras; el final de la etiqueta del laboratorio ya es único.
    """
    return f"sl-{label[-10:]}"
