"""Lo que se escribe en español en las páginas de Kafka: lo de toda la consola y los estados de un grupo."""

from __future__ import annotations

from stack.console.spanish import ago, moment, plural, size
from stack.spanish import number as number

__all__ = ["ago", "moment", "number", "plural", "size", "state"]

_STATES = {
    "STABLE": ("ok", "estable"),
    "EMPTY": ("warn", "sin miembros"),
    "PREPARING_REBALANCING": ("info", "preparando un reparto"),
    "COMPLETING_REBALANCING": ("info", "repartiendo"),
    "ASSIGNING": ("info", "repartiendo"),
    "RECONCILING": ("info", "repartiendo"),
    "DEAD": ("bad", "desaparecido"),
}


def state(name: str) -> tuple[str, str]:
    """El color y el nombre en español del estado de un grupo."""
    return _STATES.get(name, ("", name.lower()))
