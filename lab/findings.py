"""Lo que encuentra un diagnóstico."""

from __future__ import annotations

from dataclasses import dataclass

OK, WARNING, BAD = "ok", "warning", "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """Qué se miró, cómo está (`ok`, `warning` o `bad`), qué significa y la orden que lo arregla o lo aclara.

    `details` son líneas sueltas que ayudan a entenderlo.
    """

    check: str
    status: str
    text: str
    fix: str | None = None
    details: tuple[str, ...] = ()
