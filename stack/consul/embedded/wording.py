"""Horas, tamaños y valores escritos para una persona."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from stack.consul.embedded.golang import SECOND_NS
from stack.web.units import format_value

_NBSP = "\N{NO-BREAK SPACE}"
_PREVIEW = 80


@dataclass(frozen=True, slots=True)
class Shown:
    """El valor de una clave y qué es: `texto`, `JSON` o `bytes` (en hexadecimal)."""

    kind: str
    text: str


def ago(at_s: float, now_s: float | None = None) -> str:
    """Hace cuánto: «ahora mismo», «hace 12 s», «hace 3 min»; «todavía no» si es cero."""
    if not at_s:
        return "todavía no"
    passed = max(0, int((time.time() if now_s is None else now_s) - at_s))
    if passed < 1:
        return "ahora mismo"
    if passed < 120:
        return f"hace {passed}{_NBSP}s"
    return f"hace {passed // 60}{_NBSP}min" if passed < 7200 else f"hace {passed // 3600}{_NBSP}h"


def duration(ns: int) -> str:
    """Una duración de la API: «500 ms», «15 s», «1 h 30 min»."""
    return format_value(ns / SECOND_NS, "s") if ns < SECOND_NS else span(ns / SECOND_NS)


def span(seconds: float) -> str:
    """Un rato, en sus dos unidades más grandes: «12 s», «3 min 20 s», «1 h 55 min»."""
    hours, minutes, left = int(seconds) // 3600, int(seconds) // 60 % 60, int(seconds) % 60
    parts = [(hours, "h"), (minutes, "min"), (left, "s")]
    kept = [f"{amount}{_NBSP}{unit}" for amount, unit in parts if amount][:2]
    return " ".join(kept) or f"0{_NBSP}s"


def size(data: bytes) -> str:
    """«48 B», «1,2 kB»."""
    return format_value(len(data), "decbytes")


def count(number: int, one: str, many: str) -> str:
    """«1 instancia», «3 instancias»."""
    return f"{number}{_NBSP}{one if number == 1 else many}"


def summary(total: int, healthy: int) -> str:
    """Qué se le da a quien pregunta por un servicio con `total` instancias, `healthy` de ellas sanas."""
    if total == 1:
        return (
            "Una sola instancia, y está sana."
            if healthy
            else "Una sola instancia, y no está sana: no se da a nadie."
        )
    if healthy == 0:
        return f"{total} instancias y ninguna sana: a quien pregunte no se le da ninguna."
    if healthy == total:
        return f"{total} instancias, todas sanas."
    given = "le da la sana" if healthy == 1 else f"le dan las {healthy} sanas"
    return f"{total} instancias; a quien pregunte solo se {given}."


def preview(value: bytes) -> str:
    """El principio de un valor, en una línea."""
    text = value[: _PREVIEW * 4].decode("utf-8", "replace")
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return f"{line[:_PREVIEW]}…" if len(line) > _PREVIEW or len(value) > _PREVIEW * 4 else line


def shown(value: bytes) -> Shown:
    """Un valor para leerlo: con sangría si es JSON, tal cual si es texto y en hexadecimal si no es ninguno."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return Shown("bytes", value[:4096].hex(" ", 2))
    if not all(char.isprintable() or char in "\r\n\t" for char in text):
        return Shown("bytes", value[:4096].hex(" ", 2))
    try:
        data = json.loads(text)
    except ValueError:
        return Shown("texto", text)
    if isinstance(data, dict | list):
        return Shown("JSON", json.dumps(data, indent=2, ensure_ascii=False))
    return Shown("texto", text)
