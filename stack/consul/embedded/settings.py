"""`lab.json`: el mismo fichero de configuración que lee el programa real.

Sigue https://developer.hashicorp.com/consul/docs/agent/config/config-files.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from stack.consul.embedded.golang import BadDuration, parse_duration

_KNOWN = {"node_name", "session_ttl_min", "disable_update_check"}
_TEN_SECONDS_NS = 10 * 10**9


class SettingsProblem(Exception):
    """El fichero no se puede leer, o pide algo que este suplente no hace."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`session_ttl_min_ns`: el TTL más corto que puede tener una sesión, en nanosegundos (en Consul, 10 s)."""

    node_name: str = "lab"
    session_ttl_min_ns: int = _TEN_SECONDS_NS


def read(path: Path) -> Settings:
    """Lo que dice el fichero.

    Raises:
        SettingsProblem: no está, no es JSON o tiene un campo que el suplente no entiende.
    """
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsProblem(f"no se puede leer {path.name}: {error}") from error
    if not isinstance(data, dict):
        raise SettingsProblem(f"{path.name} tiene que ser un objeto JSON")
    if unknown := sorted(data.keys() - _KNOWN):
        raise SettingsProblem(f"{path.name}: el suplente no entiende «{unknown[0]}»")
    try:
        shortest = parse_duration(str(data.get("session_ttl_min", "10s")))
    except BadDuration as error:
        raise SettingsProblem(f"{path.name}: session_ttl_min: {error}") from error
    return Settings(str(data.get("node_name", "lab")), shortest or _TEN_SECONDS_NS)
