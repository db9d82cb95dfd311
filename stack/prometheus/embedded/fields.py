"""Leer un YAML de Prometheus campo a campo: lo que no se conoce o no vale se dice con su ruta."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_DURATION = re.compile(
    r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII
)
_UNITS = (("y", 31_536_000_000), ("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000))
_ALL_UNITS = (*_UNITS, ("s", 1000), ("ms", 1))


class ConfigProblem(Exception):
    """La configuración no vale. El mensaje empieza por la ruta del campo (`scrape_configs[0].job_nam`)."""


def block(section: Any, fields: set[str], where: str) -> dict[str, Any]:
    """`section` como diccionario con solo esos campos; vacío si no hay nada escrito."""
    if section is None:
        return {}
    if not isinstance(section, dict):
        raise ConfigProblem(f"{where or 'prometheus.yml'}: se esperaba un bloque con campos")
    for name in section:
        if name not in fields:
            path = f"{where}.{name}" if where else str(name)
            raise ConfigProblem(f"{path}: este Prometheus didáctico no conoce ese campo")
    return section


def many(section: Mapping[str, Any], name: str, where: str) -> list[tuple[str, Any]]:
    """Los elementos de la lista `name`, cada uno con su ruta."""
    path = f"{where}.{name}" if where else name
    items = section.get(name)
    if items is None:
        return []
    if not isinstance(items, list):
        raise ConfigProblem(f"{path}: se esperaba una lista")
    return [(f"{path}[{index}]", item) for index, item in enumerate(items)]


def text(section: Mapping[str, Any], name: str, default: str, where: str) -> str:
    """El campo `name` como texto."""
    value = section.get(name, default)
    if value is None or isinstance(value, dict | list):
        raise ConfigProblem(f"{where}.{name}: se esperaba un texto")
    return str(value).lower() if isinstance(value, bool) else str(value)


def flag(section: Mapping[str, Any], name: str, default: bool, where: str) -> bool:
    """El campo `name` como sí o no."""
    value = section.get(name, default)
    if not isinstance(value, bool):
        raise ConfigProblem(f"{where}.{name}: se esperaba true o false, y pone «{value}»")
    return value


def whole(section: Mapping[str, Any], name: str, where: str) -> int:
    """El campo `name` como número entero, 0 si no está."""
    value = section.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ConfigProblem(f"{where}.{name}: se esperaba un número entero, y pone «{value}»")
    return value


def labels(section: Mapping[str, Any], name: str, where: str) -> dict[str, str]:
    """Un bloque de etiquetas: nombre y texto."""
    found = section.get(name) or {}
    if not isinstance(found, dict):
        raise ConfigProblem(f"{where}.{name}: se esperaban etiquetas (nombre: texto)")
    for label in found:
        if not isinstance(label, str) or not label:
            raise ConfigProblem(f"{where}.{name}: «{label}» no puede ser el nombre de una etiqueta")
    return {label: text(found, label, "", f"{where}.{name}") for label in found}


def duration_s(value: Any, where: str) -> float:
    """`1s`, `500ms`, `1m30s` en segundos; `ConfigProblem` si no es una duración."""
    written = str(value)
    match = _DURATION.fullmatch(written)
    if match is None or not written:
        if written == "0":
            return 0.0
        raise ConfigProblem(f"{where}: «{value}» no es una duración (se escriben así: 15s, 500ms, 1m)")
    return sum(int(part or 0) * size for part, (_, size) in zip(match.groups(), _ALL_UNITS, strict=True)) / 1000


def duration_text(seconds: float) -> str:
    """Una duración como la escribe Prometheus: `1m30s`, `500ms`, `0s`."""
    rest, parts = round(seconds * 1000), []
    for unit, size in _ALL_UNITS:
        # Prometheus solo escribe años y semanas cuando la cuenta sale exacta.
        if rest >= size and not (unit in "yw" and rest % size):
            parts.append(f"{rest // size}{unit}")
            rest %= size
    return "".join(parts) or "0s"
