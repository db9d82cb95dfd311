"""Los fallos que Consul contesta, y lo que el suplente no cubre."""

from __future__ import annotations


class Refused(Exception):
    """Consul contesta `status` con esta frase, tal cual, como texto."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class NotCovered(Exception):
    """Consul lo haría y este suplente no: 501 y una frase que lo dice."""
