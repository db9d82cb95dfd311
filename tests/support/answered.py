"""Quién contestó en cada prueba de contrato: lo que `docs/verificado.md` dice después."""

from __future__ import annotations

from collections.abc import Iterable

from stack.model import Kind
from stack.status import Running

_SEEN: dict[str, set[str]] = {}


def note(started: Iterable[Running]) -> None:
    """Apunta los servicios que ha arrancado una prueba, con su producto y su fidelidad."""
    for one in started:
        if one.kind is Kind.SERVICE:
            _SEEN.setdefault(one.name, set()).add(f"{one.product} · {one.fidelity}")


def seen() -> dict[str, str]:
    """Por servicio, quién ha contestado hasta ahora: «Redis 7.0.15 · docker»."""
    return {name: "; ".join(sorted(products)) for name, products in sorted(_SEEN.items())}
