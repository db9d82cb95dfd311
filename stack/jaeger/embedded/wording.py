"""Números, duraciones e instantes escritos para una persona, en español."""

from __future__ import annotations

from datetime import datetime

from stack.spanish import number as number

_MONTHS = ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic")
_NBSP = "\N{NO-BREAK SPACE}"


def duration(ns: float) -> str:
    """Una duración dada en nanosegundos, con tres cifras: «350 µs», «12,3 ms», «1,24 s», «2 min 5 s»."""
    if ns < 0:
        return "−" + duration(-ns)
    # Se redondea en la unidad siguiente si al escribirlo llegaría a 1000: mejor «1 ms» que «1000 µs».
    for unit, size in (("ns", 1), ("µs", 10**3), ("ms", 10**6)):
        if ns < 999.5 * size:
            return f"{_three_digits(ns / size)}{_NBSP}{unit}"
    seconds = ns / 10**9
    if seconds < 59.95:
        return f"{_three_digits(seconds)}{_NBSP}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}{_NBSP}h {minutes}{_NBSP}min"
    return f"{minutes}{_NBSP}min {rest}{_NBSP}s"


def count(amount: int, singular: str, plural: str = "") -> str:
    """«1 span», «20 spans»."""
    return f"{number(amount)}{_NBSP}{singular if amount == 1 else plural or singular + 's'}"


def percent(fraction: float) -> str:
    """«37 %»; lo que no es cero no se enseña como cero."""
    whole = round(fraction * 100)
    return f"<{_NBSP}1{_NBSP}%" if whole == 0 and fraction > 0 else f"{whole}{_NBSP}%"


def moment(ns: int) -> str:
    """Un instante en la hora de esta máquina: «24 nov 2026, 10:32:07,125»."""
    at = datetime.fromtimestamp(ns / 10**9)
    return f"{at.day}{_NBSP}{_MONTHS[at.month - 1]}{_NBSP}{at.year}, {at:%H:%M:%S},{at.microsecond // 1000:03}"


def ago(ns: int, now_ns: int) -> str:
    """Hace cuánto: «ahora mismo», «hace 40 s», «hace 3 min», «hace 2 h», «hace 4 días»."""
    seconds = (now_ns - ns) // 10**9
    if seconds < 5:
        return "ahora mismo"
    if seconds < 60:
        return f"hace {seconds}{_NBSP}s"
    if seconds < 3600:
        return f"hace {seconds // 60}{_NBSP}min"
    if seconds < 48 * 3600:
        return f"hace {seconds // 3600}{_NBSP}h"
    return f"hace {count(seconds // 86400, 'día')}"


def _three_digits(amount: float) -> str:
    decimals = 0 if amount >= 99.95 else 1 if amount >= 9.995 else 2
    text = f"{amount:.{decimals}f}"
    if decimals:
        text = text.rstrip("0").rstrip(".")
    return text.replace(".", ",")
