"""Los registros en una terminal: legibles, sin perder nada que haga falta y sin obedecer a lo que llega."""

from __future__ import annotations

import json
import re
from datetime import date, datetime

import pytest

from lab.render.logs import LogView, quote
from tests.support.screens import lines, screen, written

TRACE = "badfb36c774530f5ff2693a09eb8f2d0"
LINE = {
    "time": "2026-11-24T17:53:01.610+00:00",
    "level": "info",
    "service": "uploads",
    "message": "avatar guardado",
    "trace_id": TRACE,
    "span_id": "7e9b6325b5d07c27",
    "object": "ana-5e6441a2/a446765bd9a5446eb00809596643a0ab.png",
    "bytes": 15777,
    "sizes": [64, 128, 256],
}
WHEN = datetime.fromisoformat(str(LINE["time"])).astimezone()


def shown(*entries: dict[str, object] | str, width: int = 80, terminal: bool = False) -> list[str]:
    console = screen(width, terminal=terminal)
    view = LogView(console, WHEN.date())
    for one in entries:
        view(one if isinstance(one, str) else json.dumps(one, ensure_ascii=False))
    return lines(console)


def test_a_line_has_its_time_here_its_message_its_fields_and_a_short_trace() -> None:
    first, *rest = shown(LINE)
    assert first == f"{WHEN:%H:%M:%S},610  avatar guardado ·"
    assert [line[:14] for line in rest] == [" " * 14] * len(rest)
    text = " ".join(" ".join(rest).split())
    assert text == f"object={LINE['object']} · bytes=15777 · sizes=[64, 128, 256] · traza badfb36c…"
    assert max(map(len, shown(LINE))) <= 80


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_no_line_sticks_out_and_a_list_is_not_split(width: int) -> None:
    found = shown(LINE, width=width)
    assert max(map(len, found)) <= width
    assert any("[64, 128, 256]" in line for line in found)
    assert any("traza badfb36c…" in line for line in found)


@pytest.mark.parametrize(
    ("level", "word"), [("warning", "aviso: "), ("error", "error: "), ("critical", "grave: "), ("info", "")]
)
def test_only_what_is_not_usual_says_its_level(level: str, word: str) -> None:
    (line,) = shown({"time": LINE["time"], "level": level, "message": "algo"})
    assert line == f"{WHEN:%H:%M:%S},610  {word}algo"


def test_an_exception_is_shown_below_line_by_line() -> None:
    trace = 'Traceback (most recent call last):\n  File "x.py"\nKeyError: 1'
    found = shown({"time": LINE["time"], "level": "error", "message": "se rompió", "exception": trace})
    assert found[1:] == ["  │ Traceback (most recent call last):", '  │   File "x.py"', "  │ KeyError: 1"]


def test_another_day_is_said_once() -> None:
    def at(day: int) -> dict[str, object]:
        moment = datetime(2026, 11, day, 12).astimezone()
        return {"time": moment.isoformat(), "level": "info", "message": "hola"}

    console = screen()
    view = LogView(console, date(2026, 11, 24))
    for day in (24, 25, 25, 26):
        view(json.dumps(at(day)))
    assert [line for line in lines(console) if "/" in line] == ["25/11/2026", "26/11/2026"]


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-24 17:52:35.458 UTC [19908] LOG:  listening",
        "{no es JSON",
        '{"sin": "mensaje"}',
        "[1, 2]",
        "  con sangría",
    ],
)
def test_what_another_program_writes_is_left_as_it_is(line: str) -> None:
    assert shown(line) == [line]


def test_what_would_move_the_cursor_is_seen_and_not_obeyed() -> None:
    console = screen(terminal=True)
    LogView(console, WHEN.date())(json.dumps(LINE | {"message": "hola\x1b[2Jadiós", "object": "a\rb\u202ec"}))
    assert "\x1b[2J" not in written(console)
    assert "\r" not in written(console)
    text = " ".join(lines(console))
    assert "hola\\x1b[2Jadiós" in text
    assert "object=a\\rb\\u202ec" in text


@pytest.mark.parametrize("when", ["", "ayer", None, 7])
def test_without_a_time_that_is_understood_the_rest_is_still_read(when: object) -> None:
    assert shown({"time": when, "level": "info", "message": "hola"}) == ["hola"]


def test_in_an_error_what_is_repeated_is_said_once_with_what_happened() -> None:
    def at(second: int, message: str) -> str:
        trace = "Traceback (most recent call last):\n  File…\nKeyError: 'x'\n"
        return json.dumps(
            {"time": f"2026-11-24T17:53:0{second}+00:00", "level": "error", "message": message, "exception": trace}
        )

    console = screen()
    quote(
        console,
        [at(1, "se rompió\n"), at(2, "se rompió\n"), at(3, "se rompió\n"), at(4, "otra cosa"), "fin", "fin"],
        2,
    )
    found = [re.sub(r"\d\d:\d\d:", "", line) for line in lines(console)]
    assert found == [
        "  │ 01,000  error: se rompió · KeyError: 'x' · y 2 más",
        "  │ 04,000  error: otra cosa · KeyError: 'x'",
        "  │ fin",
        "  │ fin",
    ]
