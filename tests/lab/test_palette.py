"""Los colores se leen sobre blanco y sobre negro. La cuenta es la de WCAG 2: https://www.w3.org/TR/WCAG22/"""

from __future__ import annotations

import pytest
from rich.color import Color, ColorSystem

from lab.render import palette

COLOURS = {name: value for name, value in vars(palette).items() if name.isupper()}

ENOUGH = 3.8
"""Más que los 3 que se piden al texto grande y a los dibujos. Con los dos fondos a la vez nadie pasa de 4,58."""


def luminance(name: str) -> float:
    parts = [value / 255 for value in Color.parse(name).get_truecolor()]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("name", COLOURS)
def test_every_colour_is_read_on_white_and_on_black(name: str) -> None:
    light = luminance(COLOURS[name])
    assert 1.05 / (light + 0.05) >= ENOUGH
    assert (light + 0.05) / 0.05 >= ENOUGH


def test_the_usual_yellow_would_not_be_read_on_white() -> None:
    assert 1.05 / (luminance("#cdcd00") + 0.05) < ENOUGH


def test_with_sixteen_colours_good_and_bad_are_still_told_apart() -> None:
    def plain(name: str) -> int | None:
        return Color.parse(COLOURS[name]).downgrade(ColorSystem.STANDARD).number

    assert (plain("GOOD"), plain("BAD"), plain("NOTE")) == (2, 1, 3)
