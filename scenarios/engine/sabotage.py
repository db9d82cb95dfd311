"""Las maneras de estropear un paso, y solo ese."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sabotage:
    """Un fallo a propósito. `title` lo cuenta en una frase, para quien lo va a ver."""

    title: str
