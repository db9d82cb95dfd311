"""`stacklab doctor`: por escribir."""


def doctor() -> None:
    """Mira el equipo."""
