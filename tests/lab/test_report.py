"""El informe para contar un fallo, en la lengua de quien lo lee."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import report
from stack.errors import NotReady
from stack.laboratory import Laboratory
from stack.status import Condition
from tests.support.fakes import DIE, fake
from tests.support.running import free_port


def test_how_each_service_is_is_said_in_spanish(tmp_path: Path) -> None:
    number = free_port()
    lab = Laboratory("prueba", tmp_path, [fake("uno", number=number), fake("dos"), fake("tres", DIE)])
    try:
        lab.up(["uno"])
        with pytest.raises(NotReady):
            lab.up(["tres"])
        lines = report.ports(lab).splitlines()
    finally:
        lab.down()
    assert lines[0] == f"- uno: en marcha, http {number}"
    assert lines[1].startswith("- dos: parado, http ")
    assert lines[2].startswith("- tres: falla, http ")
    assert lines[2].endswith("(no llegó a arrancar)")


def test_there_is_a_word_for_each_condition() -> None:
    assert set(report.WORDS) == set(Condition)
