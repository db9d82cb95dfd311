"""`year`, `month`, `hour`…: las partes de una fecha dada en segundos, en UTC.

Son las de Go también fuera de lo que abarca el calendario de Python: a un valor que no es un número, o que no cabe
en 64 bits, un procesador x86 lo convierte en el menor entero, y su fecha sale igual de rara que allí.
"""

from __future__ import annotations

from collections.abc import Callable

_DAY = 86_400
_ERA_DAYS = 146_097  # cuatrocientos años
_YEARS_BEFORE = 292_277_022_400
"""Go cuenta los días desde el 1 de marzo de hace tantos años."""
_EPOCH_DAYS = _YEARS_BEFORE // 400 * _ERA_DAYS + 719_468  # de entonces al 1 de enero de 1970
_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _seconds(value: float) -> int:
    whole = int(value) if -(2.0**63) <= value < 2.0**63 else -(2**63)
    return (whole + _EPOCH_DAYS * _DAY) % 2**64


def _date(value: float) -> tuple[int, int, int]:
    """`(año, mes, día)`, con el calendario gregoriano de siempre llevado hacia atrás y hacia delante."""
    era, day_of_era = divmod(_seconds(value) // _DAY, _ERA_DAYS)
    year = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year + year // 4 - year // 100)  # desde el 1 de marzo
    month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    return year + era * 400 - _YEARS_BEFORE + (month <= 2), month, day


def _length(year: int, month: int) -> int:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return _LENGTHS[month - 1] + (month == 2 and leap)


def _day_of_year(value: float) -> int:
    year, month, day = _date(value)
    return sum(_length(year, one) for one in range(1, month)) + day


DATES: dict[str, Callable[[float], float]] = {
    "minute": lambda value: _seconds(value) % 3600 // 60,
    "hour": lambda value: _seconds(value) % _DAY // 3600,
    "day_of_week": lambda value: (_seconds(value) // _DAY + 3) % 7,  # aquel 1 de marzo fue miércoles
    "day_of_month": lambda value: _date(value)[2],
    "day_of_year": _day_of_year,
    "days_in_month": lambda value: _length(*_date(value)[:2]),
    "month": lambda value: _date(value)[1],
    "year": lambda value: _date(value)[0],
}
"""De nombre de función a lo que hace con unos segundos desde 1970."""
