"""Cómo se escriben en español los números, los tamaños, las fechas y los plazos de estas páginas."""

from __future__ import annotations

import math
import time
from datetime import datetime

from stack.spanish import number as number

_MONTHS = ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic")
_UNITS = ("kB", "MB", "GB", "TB")


def decimal(value: float) -> str:
    """Un número con los decimales que tenga y coma: 1500 → «1500», 3.25 → «3,25»; Redis admite también «∞»."""
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return number(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value).replace(".", ",")


def plural(count: int, one: str, many: str) -> str:
    """«1 mensaje», «12 mensajes»."""
    return f"{number(count)} {one if count == 1 else many}"


def size(count: int) -> str:
    """Bytes para una persona: «512 bytes», «3,4 kB», «1,2 GB»."""
    if count < 1000:
        return plural(count, "byte", "bytes")
    power = next((power for power in range(1, len(_UNITS)) if count < 999.95 * 1000**power), len(_UNITS))
    return f"{count / 1000**power:.1f} {_UNITS[power - 1]}".replace(".", ",")


def moment(milliseconds: float) -> str:
    """La fecha y hora de aquí, de milisegundos desde 1970: «24 nov 2026, 10:17:05,123»."""
    when = datetime.fromtimestamp(milliseconds / 1000).astimezone()
    return f"{when.day} {_MONTHS[when.month - 1]} {when.year}, {when:%H:%M:%S},{when.microsecond // 1000:03d}"


def day(milliseconds: float) -> str:
    """La fecha y hora sin segundos: «24 nov 2026, 10:17»."""
    return moment(milliseconds)[:-7]


def ago(milliseconds: float, now: float | None = None) -> str:
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


def lasting(milliseconds: int) -> str:
    """Cuánto dura un plazo, con dos unidades como mucho: «850 ms», «42 s», «4 min 5 s», «1 h 3 min», «6 días»."""
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    seconds = milliseconds // 1000
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return _two(seconds, 60, "min", 1, "s")
    if seconds < 172_800:
        return _two(seconds, 3600, "h", 60, "min")
    return plural(seconds // 86_400, "día", "días")


def _two(seconds: int, big: int, big_name: str, small: int, small_name: str) -> str:
    rest = seconds % big // small
    head = f"{seconds // big} {big_name}"
    return f"{head} {rest} {small_name}" if rest else head
