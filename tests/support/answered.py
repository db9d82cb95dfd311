"""Quién contestó en cada prueba de contrato: lo que `docs/verificado.md` dice después."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stack.model import Fidelity, Kind, Service
from stack.status import Running

_SEEN: dict[str, set[str]] = {}


def note(started: Iterable[Running]) -> None:
    """Apunta los servicios que ha arrancado un contrato, con su producto y su fidelidad."""
    for one in started:
        if one.kind is Kind.SERVICE:
            _SEEN.setdefault(one.name, set()).add(f"{one.product} · {one.fidelity}")


def seen() -> dict[str, str]:
    """Por servicio, quién ha contestado hasta ahora: «Redis 7.0.15 · docker»."""
    return {name: "; ".join(sorted(products)) for name, products in sorted(_SEEN.items())}


def replaced(started: Iterable[Running], catalog: Mapping[str, Service]) -> list[str]:
    """Los servicios que tienen programa real y por los que ha contestado un suplente, y cuál.

    Sin esto, un programa que falta se cambiaría por el suplente sin decir nada, y el contrato «con programas
    reales» seguiría verde sin haber visto ninguno.
    """
    return [
        f"por {one.name} contesta {one.product} y no el programa real"
        for one in started
        if one.fidelity is Fidelity.EMBEDDED and catalog[one.name].binaries
    ]
