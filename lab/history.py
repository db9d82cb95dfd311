"""Qué flujos se han probado y cuándo: un fichero pequeño junto al estado. Si falta o no se lee, no pasa nada."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stack.files import write_whole


def read(folder: Path) -> dict[str, Any]:
    """De flujo a su última ejecución: `{"at": ISO 8601, "proven": 16, "total": 16, "fidelities": {…}}`."""
    try:
        content = json.loads(_path(folder).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def remember(folder: Path, flow_id: str, proven: int, total: int, fidelities: Mapping[str, int]) -> None:
    """Apunta que `flow_id` acaba de ejecutarse, y en cuántos pasos contestó cada clase."""
    past = read(folder)
    past[flow_id] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "proven": proven,
        "total": total,
        "fidelities": dict(fidelities),
    }
    write_whole(_path(folder), json.dumps(past, indent=1))


def _path(folder: Path) -> Path:
    return folder / "historial.json"
