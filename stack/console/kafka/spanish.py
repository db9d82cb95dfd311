"""Cómo se escriben en español los números, los bytes y las fechas de estas páginas."""

from __future__ import annotations

import time
from datetime import datetime

_MONTHS = ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic")
_STATES = {
    "STABLE": ("ok", "estable"),
    "EMPTY": ("warn", "sin miembros"),
    "PREPARING_REBALANCING": ("info", "preparando un reparto"),
    "COMPLETING_REBALANCING": ("info", "repartiendo"),
    "ASSIGNING": ("info", "repartiendo"),
    "RECONCILING": ("info", "repartiendo"),
    "DEAD": ("bad", "desaparecido"),
}


def number(value: int) -> str:
    """1234567 → «1 234 567», con espacios finos que no se parten; hasta 9999, todo junto."""
    return str(value) if abs(value) < 10_000 else f"{value:,}".replace(",", "\u202f")


def size(count: int) -> str:
    """Bytes para una persona: «512 bytes», «3,4 kB»."""
    if count < 1000:
        return "1 byte" if count == 1 else f"{count} bytes"
    value, unit = count / 1000, "kB"
    if value >= 1000:
        value, unit = value / 1000, "MB"
    return f"{value:.1f} {unit}".replace(".", ",")


def moment(milliseconds: int) -> str:
    """La fecha y hora de aquí: «24 nov 2026, 10:17:05,123»."""
    when = datetime.fromtimestamp(milliseconds / 1000).astimezone()
    return f"{when.day} {_MONTHS[when.month - 1]} {when.year}, {when:%H:%M:%S},{when.microsecond // 1000:03d}"


def ago(milliseconds: int, now: float | None = None) -> str:
    """Cuánto hace: «hace 12 s», «hace 3 min», «hace 2 h», «hace 5 días»; una fecha futura se dice entera."""
    seconds = (time.time() if now is None else now) - milliseconds / 1000
    if seconds < -1:
        return moment(milliseconds)
    if seconds < 1:
        return "ahora mismo"
    for limit, unit, name in ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h")):
        if seconds < limit:
            return f"hace {int(seconds // unit)} {name}"
    days = int(seconds // 86_400)
    return "hace 1 día" if days == 1 else f"hace {number(days)} días"


def state(name: str) -> tuple[str, str]:
    """El color y el nombre en español del estado de un grupo."""
    return _STATES.get(name, ("", name.lower()))


def plural(count: int, one: str, many: str) -> str:
    """«1 mensaje», «12 mensajes»."""
    return f"{number(count)} {one if count == 1 else many}"
