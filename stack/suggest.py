"""Cuando un nombre no existe: los que más se le parecen."""

from __future__ import annotations

from collections.abc import Iterable

from stack.errors import UsageError


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Hasta tres nombres de `known` parecidos a `name`, del más al menos.

    Han de compartir tres quintas partes de sus letras, en el mismo orden: con la mitad, «nada» se parecía a
    «finanzas».
    """
    from difflib import get_close_matches

    return get_close_matches(name.lower(), sorted(known), n=3, cutoff=0.6)


def unknown_service(name: str, known: Iterable[str]) -> UsageError:
    """El error de un servicio que no existe."""
    names = list(known)
    near = nearest(name, names)
    meaning = f"¿Querías decir {' o '.join(near)}?" if near else f"Los que hay: {', '.join(names)}."
    return UsageError(f"no hay ningún servicio que se llame «{name}»", meaning, "stacklab status")
