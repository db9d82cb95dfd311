"""Los registros: las líneas JSON de los microservicios, puestas para leerlas; las demás, tal como son."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from lab.render.palette import BAD, NOTE, PLACE
from lab.render.terminal import ROOMY, order, write

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_LEVELS = {
    "debug": ("detalle", "dim"),
    "info": ("", ""),
    "warning": ("aviso", NOTE),
    "error": ("error", f"bold {BAD}"),
    "critical": ("grave", f"bold {BAD}"),
}
"""Cómo se dice cada nivel. El de casi todas las líneas no hace falta decirlo."""

_SHOWN_APART = ("time", "level", "service", "message", "trace_id", "span_id", "exception")
_TRACE_LETTERS = 8
_HANG, _CLOCK = 2, 14


class LogView:
    """Escribe líneas según llegan; cuando cambian de día, dice cuál es."""

    def __init__(self, screen: Console, today: date | None = None) -> None:
        self._screen = screen
        self._day = today or datetime.now().astimezone().date()

    def __call__(self, line: str) -> None:
        """Escribe `line`: si es de un microservicio, con hora, mensaje, campos y traza; si no, como está."""
        from rich.text import Text

        entry = parsed(line)
        if entry is None:
            self._screen.print(Text(line), soft_wrap=True)
            return
        when = _moment(entry)
        if when is not None and when.date() != self._day:
            self._day = when.date()
            write(self._screen, f"{when:%d/%m/%Y}", "dim")
        write(self._screen, one_line(entry), hang=_CLOCK if self._screen.width >= ROOMY else _HANG)
        for row in str(entry.get("exception") or "").splitlines():
            write(self._screen, f"│ {_printable(row)}", "dim", indent=_HANG, hang=_HANG)


def quote(screen: Console, lines: Sequence[str], indent: int) -> None:
    """Escribe `lines` como cita: lo que dijo un programa y ayuda a entender un error.

    Lo que un microservicio repite una y otra vez se dice una, con cuántas son.
    """
    from rich.text import Text

    for _, some in groupby(map(_said, lines), key=lambda said: said[0]):
        (_, text), *again = some
        body = Text.assemble("│ ", text, f" · y {len(again)} más" if again else "", style="dim")
        write(screen, body, indent=indent, hang=_HANG)


def _said(line: str) -> tuple[object, Text]:
    """Lo que dice `line` sin contar cuándo, para saber si se repite, y cómo se escribe."""
    from rich.text import Text

    entry = parsed(line)
    if entry is None:
        return object(), Text(line)
    text = one_line(entry)
    # De la traza entera de una excepción, lo que pasó: está al final.
    last = str(entry.get("exception") or "").strip().rpartition("\n")[2]
    if last:
        text.append(f" · {_printable(last)}")
    return (entry["message"], last), text


def parsed(line: str) -> Mapping[str, Any] | None:
    """Los campos de una línea de un microservicio; `None` si `line` es de otra clase."""
    if not line.startswith("{"):
        return None
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and "message" in entry else None


def one_line(entry: Mapping[str, Any]) -> Text:
    """«17:53:01,610  avatar guardado · object=ana/1.png · bytes=15777 · traza badfb36c…»."""
    from rich.text import Text

    when = _moment(entry)
    line = Text()
    if when is not None:
        line.append(f"{when:%H:%M:%S},{when.microsecond // 1000:03}  ", "dim")
    level = str(entry.get("level", "info"))
    word, style = _LEVELS.get(level, (level, NOTE))
    if word:
        line.append(f"{word}: ", style)
    line.append(_printable(str(entry["message"]).strip()), style or "bold")
    for name, value in entry.items():
        if name not in _SHOWN_APART:
            line.append(f" · {_printable(name)}=", "dim").append(_printable(value))
    trace = str(entry.get("trace_id") or "")
    if trace:
        line.append(order(" · traza "), "dim").append(f"{_printable(trace[:_TRACE_LETTERS])}…", PLACE)
    return line


def _moment(entry: Mapping[str, Any]) -> datetime | None:
    """Cuándo, en la hora de esta máquina: en el registro va la universal."""
    try:
        return datetime.fromisoformat(str(entry.get("time"))).astimezone()
    except (ValueError, OverflowError):
        return None


def _printable(value: object) -> str:
    """Un valor como texto. Lo que movería el cursor o cambiaría el sentido de la línea se ve, y no se obedece."""
    text = value if isinstance(value, str) else order(json.dumps(value, ensure_ascii=False))
    return "".join(
        letter.encode("unicode_escape").decode() if unicodedata.category(letter) in ("Cc", "Cf", "Cs") else letter
        for letter in text
    )
