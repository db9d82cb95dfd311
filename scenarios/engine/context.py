"""Todo lo que una prueba necesita saber de la ejecución a la que pertenece."""

from __future__ import annotations


class Run:
    """Una ejecución de un flujo."""
