"""Lo que contestó el flujo a quien lo llamó."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """La respuesta HTTP que recibió el cliente. Sin respuesta, `status` es 0 y `problem` dice qué pasó.

    Las cabeceras van en minúsculas.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    problem: str = ""

    @property
    def ok(self) -> bool:
        """Si es un 2xx."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """El cuerpo como JSON, o `None` si no lo es."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def __str__(self) -> str:
        """Una línea para una persona: `415 · Solo se aceptan fotos…`."""
        if not self.status:
            return self.problem
        document = self.json()
        text = ""
        if isinstance(document, dict):
            text = document.get("detail") or document.get("message") or ""
        if isinstance(text, list):
            text = "; ".join(str(item.get("msg", item)) if isinstance(item, dict) else str(item) for item in text)
        return f"{self.status} · {text.rstrip('.')}" if text else str(self.status)
