"""El suplente lee su tope del mismo fichero que Jaeger."""

from __future__ import annotations

from pathlib import Path

import pytest

from stack.jaeger.embedded.models import MAX_TRACES
from stack.jaeger.embedded.settings import SettingsProblem, max_traces
from stack.jaeger.service import JAEGER

EXAMPLE = """extensions:
  jaeger_query: {storage: {traces: una}}
  jaeger_storage: {backends: {otra: {memory: {max_traces: 3}}, una: {memory: {max_traces: %s}}}}
"""


def test_the_limit_is_that_of_the_memory_that_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "jaeger.yaml"
    path.write_text(EXAMPLE % 7, "utf-8")

    assert max_traces(path) == 7


def test_our_own_file_has_a_limit_and_one_without_it_takes_ours(tmp_path: Path) -> None:
    (file,) = JAEGER.config
    assert max_traces(file.sources[0]) == 20_000
    path = tmp_path / "jaeger.yaml"
    path.write_text("extensions: {}\n", "utf-8")
    assert max_traces(path) == MAX_TRACES


@pytest.mark.parametrize("written", ["-1", "muchas", "true", "[", "0"])
def test_a_limit_that_is_no_number_is_told(tmp_path: Path, written: str) -> None:
    path = tmp_path / "jaeger.yaml"
    path.write_text(EXAMPLE % written, "utf-8")

    with pytest.raises(SettingsProblem, match=r"jaeger\.yaml"):
        max_traces(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsProblem, match="no se puede leer"):
        max_traces(tmp_path / "jaeger.yaml")
