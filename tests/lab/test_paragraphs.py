"""Cómo se parte un párrafo: nunca dentro de un número, ni entre él y su unidad, ni por mitad de una dirección."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some
from rich.cells import cell_len
from rich.text import Text

from lab.render.terminal import megabytes, order, wrap, write
from stack.spanish import number
from tests.support.screens import lines, screen

LINK = "http://127.0.0.1:8000/api/avatars/ana-5e6441a2/a446765bd9a5446eb00809596643a0ab.png"


@pytest.mark.parametrize("width", range(14, 60))
def test_a_number_is_never_split_nor_its_unit(width: int) -> None:
    text = f"se guardaron {number(16_857)} bytes en 14 ms, de {number(1_234_567)} que caben · caduca en 3600 s"
    found = [line.plain for line in wrap(Text(text), width)]
    assert any("16\u202f857 bytes" in line for line in found)
    assert any("1\u202f234\u202f567" in line for line in found)
    assert any("14 ms," in line for line in found)
    assert any("3600 s" in line for line in found)
    assert not [line for line in found if line.startswith("·")]
    assert max(map(cell_len, found)) <= width


def test_a_link_is_left_whole_and_as_near_the_margin_as_it_needs() -> None:
    console = screen(80)
    write(console, f"200 · {LINK} devuelve la misma foto", indent=4, hang=11)
    assert lines(console) == ["    200 ·", LINK, "               devuelve la misma foto"]
    fits = screen(90)
    write(fits, f"200 · {LINK} devuelve la misma foto", indent=4, hang=11)
    assert lines(fits)[1] == f"       {LINK}"


def test_an_order_inside_a_sentence_is_not_split_and_is_copied_with_plain_spaces() -> None:
    console = screen(40)
    write(console, f"El sistema está parado. Puedes mirar: {order('stacklab open minio')}")
    assert lines(console) == ["El sistema está parado. Puedes mirar:", "stacklab open minio"]


def test_the_second_line_hangs_unless_there_is_no_room() -> None:
    wide, narrow = screen(40), screen(30)
    for console in (wide, narrow):
        write(console, "✔ probado  una frase que ocupa dos líneas en cualquiera de las dos", hang=11)
    assert lines(wide)[1] == " " * 11 + "líneas en cualquiera de las"
    assert lines(narrow)[1].startswith("  dos líneas")


@given(some.text(some.sampled_from("aé字 ·9\u202f"), max_size=80), some.integers(2, 30), some.integers(0, 8))
def test_nothing_is_lost_and_nothing_sticks_out(text: str, width: int, hang: int) -> None:
    found = wrap(Text(text, "bold"), width + hang, hang)
    assert "".join("".join(line.plain.split(" ")) for line in found) == text.replace(" ", "")
    assert all(line.cell_len <= (width if position else width + hang) for position, line in enumerate(found))


def test_styles_survive_the_cut() -> None:
    text = Text.assemble("uno dos ", ("tres cuatro", "bold"))
    second = wrap(text, 12)[1]
    assert second.plain == "cuatro"
    assert [(span.start, span.end, span.style) for span in second.spans] == [(0, 6, "bold")]


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [(0.14, 1, "0,1"), (4821, 0, "4821"), (48_213, 0, "48\u202f213"), (1_234_567.5, 1, "1\u202f234\u202f567,5")],
)
def test_numbers_as_they_are_written_in_spanish(value: float, decimals: int, text: str) -> None:
    assert number(value, decimals) == text


def test_memory_fits_its_column() -> None:
    assert [megabytes(value) for value in (6.2, 353, 999, 1234)] == ["6 MB", "353 MB", "999 MB", "1,2 GB"]
