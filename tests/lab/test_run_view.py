"""Una ejecución en la pantalla, con los textos de verdad de cada flujo y sin arrancar nada."""

from __future__ import annotations

import json
import re

import pytest

from lab.cli import _closest
from lab.render.marked import marked
from lab.render.run import RunView, intro
from lab.render.summary import answered
from lab.stepping import KeyStepper, help_for
from scenarios.engine.events import HopDone, HopPending, HopStatus, HopWaiting, RunFinished, RunStarted, Trouble
from scenarios.engine.facts import Evidence
from scenarios.engine.flow import Flow, Hop
from scenarios.engine.stepping import Step
from scenarios.flows import FLOWS
from stack.model import Fidelity
from tests.support.screens import lines, screen, written

LINK = "http://127.0.0.1:16686/trace/8618f8bcf1556de7359dbb827258da4a"
PHOTO = "avatares/ana-d8469ba9/9631458f26c8465b9a64ca6ae846ec87.png"
SUMMARY = f"{PHOTO} · 16\u202f857 bytes · sha256 7e91a4d7… = lo enviado"
DIGEST = "9b8977b88c17fc40616e7bc862e68f49541fb90c81fa8fab98c560800b7f38f4"


def done(hop: Hop, **other: object) -> HopDone:
    values = {
        "hop": hop,
        "position": 1,
        "total": 16,
        "status": HopStatus.PROVEN,
        "fidelity": Fidelity.BINARY,
        "product": "SeaweedFS 4.48",
        "evidence": Evidence("MinIO", SUMMARY, {"sha256 guardado": DIGEST, "tamaño": 16857, "repetido": False}),
        "reason": "",
        "trouble": None,
        "duration_ms": 12.0,
        "trace_id": "",
    }
    return HopDone(**(values | other))  # type: ignore[arg-type]


def visit(flow: Flow, width: int, *, terminal: bool = False) -> list[str]:
    """Todo lo que se puede enseñar de `flow`: paso a paso, con el texto largo y la prueba entera de cada paso."""
    console = screen(width, terminal=terminal)
    intro(console, flow)
    view = RunView(console)
    view(RunStarted(flow, "d8469ba9", "", True, None, "", "una foto: avatar.png, 16\u202f857 bytes"))
    for hop in flow.hops:
        view(HopWaiting(hop, 1, 16, True, ""))
        view.more(hop)
        view(HopPending(hop, "La prueba se podrá leer después de A9."))
        view(done(hop))
        view.evidence()
    view(RunFinished(flow, "", "passed", 16, 16, LINK, "", f"{LINK}/panel", "", "200", 11_100.0, False))
    return lines(console)


@pytest.mark.parametrize("flow", FLOWS.values(), ids=list(FLOWS))
@pytest.mark.parametrize("width", [40, 80, 100])
def test_nothing_sticks_out_and_no_number_is_split(flow: Flow, width: int) -> None:
    found = visit(flow, width)
    assert max(len(line) for line in found if "://" not in line) <= width
    text = "\n".join(found)
    assert text.count("16\u202f857 bytes") == 1 + len(flow.hops)
    assert not re.search(r"\d\n +(?:bytes|ms|s|MB|€)\b", text)
    assert f"Traza  {LINK}" in text
    assert not [line for line in found if line.lstrip().startswith("· ")]
    if width >= 80:
        assert text.count(DIGEST) == len(flow.hops)


@pytest.mark.parametrize("width", range(40, 100, 3))
def test_every_order_it_suggests_is_on_one_line(width: int) -> None:
    for flow in FLOWS.values():
        for hop in flow.hops:
            console = screen(width)
            RunView(console)(HopWaiting(hop, 1, 16, True, ""))
            (order,) = re.findall(r"stacklab\s+(?:open|logs)\s+\S+", written(console))
            assert "\n" not in order


def test_the_evidence_hangs_under_its_name() -> None:
    found = visit(FLOWS["flujo-a"], 80)
    (position, *_) = [number for number, line in enumerate(found) if line == "      sha256 guardado:"]
    assert found[position + 1] == f"        {DIGEST}"
    assert "      repetido: no" in found


def test_marks_are_painted_in_a_terminal_and_left_alone_without_one() -> None:
    text = "Son dos *plugins* de `kong.yaml`: `jwt` y 2 * 3 * 4."
    assert marked(text, screen()).plain == text
    painted = marked(text, screen(terminal=True))
    assert painted.plain == "Son dos plugins de kong.yaml: jwt y 2 * 3 * 4."
    assert [painted.plain[span.start : span.end] for span in painted.spans] == ["plugins", "kong.yaml", "jwt"]


@pytest.mark.parametrize("flow", FLOWS.values(), ids=list(FLOWS))
def test_no_mark_of_markdown_is_left_in_a_terminal(flow: Flow) -> None:
    console = screen(terminal=True)
    for hop in flow.hops:
        for text in (hop.what, hop.why, hop.without, hop.more, flow.intro):
            assert not set("`*") & set(marked(text, console).plain)


@pytest.mark.parametrize("flow", FLOWS.values(), ids=list(FLOWS))
def test_in_a_terminal_without_utf8_every_letter_has_something_like_it(flow: Flow) -> None:
    def ascii_of(text: str) -> str:
        return "".join(
            letter if letter.isascii() else _closest(UnicodeEncodeError("ascii", letter, 0, 1, ""))[0]
            for letter in text
        )

    for line in visit(flow, 80):
        assert ascii_of(line).count("?") == line.count("?")


def test_who_is_to_blame_comes_with_its_log_put_for_reading() -> None:
    hop = FLOWS["flujo-a"].hop("A12")
    entry = {
        "time": "2026-11-24T17:53:01.610+00:00",
        "level": "error",
        "service": "thumbnails",
        "message": "no pude leer",
    }
    trouble = Trouble(
        "thumbnails",
        "Servicio Thumbnails",
        "se murió",
        (json.dumps(entry), json.dumps(entry | {"time": "2026-11-24T17:53:02.000+00:00"}), "Segmentation fault"),
    )
    console = screen()
    RunView(console)(
        done(hop, status=HopStatus.FAILED, evidence=None, reason="En MinIO no hay miniaturas.", trouble=trouble)
    )
    text = written(console)
    assert re.search(r"│ \d\d:\d\d:\d\d,610  error: no pude leer · y 1 más\n", text)
    assert "    │ Segmentation fault\n    Más: stacklab logs thumbnails\n" in text
    assert "✘ no probado  En MinIO no hay miniaturas." in text
    assert '"level"' not in text


@pytest.mark.parametrize("room", range(22, 100))
def test_the_keys_fit_in_one_line_that_can_be_erased(room: int) -> None:
    keys = help_for(room)
    assert len(keys) < room
    assert all(key in keys.split() for key in ("Enter", "c", "?", "e", "q"))


@pytest.mark.parametrize(("dumb", "end"), [(False, "\r\r\x1b[2K"), (True, "\n")])
def test_the_keys_are_erased_only_where_they_can_be(dumb: bool, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb" if dumb else "xterm")
    console = screen(terminal=True)
    stepper = KeyStepper(console, RunView(console), read_key=lambda: "q")
    assert stepper(HopWaiting(FLOWS["flujo-a"].hop("A4"), 4, 16, True, "")) is Step.STOP
    assert re.sub(r"\x1b\[[0-9;]*m", "", written(console)) == f"    {help_for(76)}{end}"


def test_our_own_programs_are_not_counted_as_somebody_elses() -> None:
    text = answered({"embedded": 4, "microservice": 2, "simulated": 1}).plain
    assert text == "contestaron: embebido en 4 · microservicio en 2 · simulado en 1"


def test_who_answered_is_not_dimmed() -> None:
    console = screen(terminal=True)
    RunView(console)(done(FLOWS["flujo-a"].hop("A4"), fidelity=Fidelity.EMBEDDED))
    console.print(answered({"embedded": 3}))
    codes = re.findall(r"\x1b\[([0-9;]*)membebido", written(console))
    # rich recuerda cómo se escribe un estilo la primera vez que lo pinta: con 256 colores, o con 16.
    assert len(codes) == 2
    assert set(codes) <= {"38;5;130", "33"}
