"""Las imágenes según llegan: barras en una terminal, dos líneas por imagen sin ella."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from lab.render.pulls import about, size
from lab.render.services import ServicesView
from stack.containers.images import load
from stack.events import Event, ImagePulled, ImagePulling, ImagesMissing, ImageTrying, Layer

KAFKA = load()["kafka"]
LAYERS = {
    "aaaaaaaaaaaa": Layer(12_100_000, 40_000_000, "Downloading"),
    "bbbbbbbbbbbb": Layer(3_000_000, 3_000_000, "Extracting"),
    "cccccccccccc": Layer(500_000, 500_000, "Pull complete"),
}
VISIT: tuple[Event, ...] = (
    ImagesMissing((KAFKA.reference, "redis:8"), 265),
    ImagePulling("kafka", KAFKA.pinned, {}, 0, 0),
    ImagePulling("kafka", KAFKA.pinned, LAYERS, 15_600_000, 43_500_000),
    ImageTrying("kafka", KAFKA.references()[1], "el registro no deja bajar más por ahora"),
    ImagePulling("kafka", KAFKA.references()[1], {}, 0, 0),
    ImagePulled("kafka", KAFKA.references()[1], 217_500_000, 31.2),
)


def shown(events: tuple[Event, ...], *, terminal: bool = False, width: int = 80) -> str:
    screen = Console(file=io.StringIO(), force_terminal=terminal, width=width, highlight=False, markup=False)
    with ServicesView(screen) as view:
        for event in events:
            view(event)
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def test_without_a_terminal_it_is_two_lines_per_image() -> None:
    text = shown(VISIT)
    assert "\x1b" not in text
    lines = " ".join(text.split())
    assert "Faltan 2 imágenes de Docker: hay que bajar unos 265 MB, solo esta vez." in lines
    assert "--runtime embedded" in lines
    assert text.count("↓") == 2
    assert "  ↓ apache/kafka:4.3.1 (unos 210 MB)…" in text
    assert "El registro no deja bajar más por ahora. Pruebo en mirror.gcr.io/apache/kafka:4.3.1." in lines
    assert "  ✔ mirror.gcr.io/apache/kafka:4.3.1  218 MB en 31,2 s" in text
    assert "sha256" not in text


@pytest.mark.parametrize("width", [80, 60])
def test_in_a_terminal_each_layer_has_its_bar_and_nothing_sticks_out(width: int) -> None:
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown(VISIT[:3], terminal=True, width=width))
    assert re.search(r"aaaaaaaaaaaa  bajando.*━.*12,1 MB de 40,0 MB", text)
    assert re.search(r"bbbbbbbbbbbb  desempa.*━", text)
    assert "cccccccccccc" not in text
    assert re.search(r"↓ apache/kafka.*━.*15,6 MB de 43,5 MB", text)
    assert max(map(len, re.split(r"[\r\n]", text))) <= width


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 kB"),
        (830_400, "830 kB"),
        (45_300_000, "45,3 MB"),
        (217_500_000, "218 MB"),
        (1_250_000_000, "1,2 GB"),
    ],
)
def test_sizes_are_written_in_spanish(count: int, text: str) -> None:
    assert size(count) == text


def test_what_is_only_known_roughly_is_said_so() -> None:
    assert (about(55), about(1450)) == ("unos 55 MB", "unos 1,4 GB")
