"""Los fallos que un microservicio sabe nombrar."""

from __future__ import annotations


class Unavailable(Exception):
    """Un servicio del que dependemos no hizo lo que se le pedía. Quien llamó puede volver a intentarlo (503)."""

    def __init__(self, who: str, problem: object) -> None:
        super().__init__(f"{who}: {problem}")
        self.who = who


class Missing(Exception):
    """Lo que se pedía no existe (404)."""
