"""Los colores: los mismos en una terminal clara y en una oscura.

Los dieciséis de siempre los pone cada terminal, y casi todas los eligen para fondo negro: su amarillo sobre blanco
no se lee. Estos salen de la tabla fija de 256 y están a media luz, que es la que contrasta con los dos fondos.
Donde solo hay dieciséis, rich usa el que más se le parece.

El color nunca dice nada él solo: siempre hay una marca o una palabra al lado.
"""

from __future__ import annotations

GOOD = "color(28)"
"""Verde: bien, o un programa real."""

NOTE = "color(130)"
"""Ámbar: un aviso, o un suplente."""

BAD = "color(160)"
"""Rojo: mal."""

PLACE = "color(30)"
"""Turquesa: una dirección o una orden, lo que se copia."""

IMAGE = "color(32)"
"""Azul: Docker."""

PRETEND = "color(163)"
"""Magenta: simulado, o estropeado a propósito."""
