"""Los números con unidad se leen en español, y el navegador y el servidor los escriben igual."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from stack.web import units
from stack.web.units import THIN_SPACE as THIN
from stack.web.units import format_number, format_value

NBSP = "\u00a0"
CASES = [
    (0.0125, "s", None, f"12,5{NBSP}ms"),
    (0, "s", None, f"0{NBSP}s"),
    (0, "ms", None, f"0{NBSP}ms"),
    (90, "s", None, f"1,5{NBSP}min"),
    (1.25e-5, "s", None, f"12,5{NBSP}µs"),
    (1500, "ms", None, f"1,5{NBSP}s"),
    (48213, "decbytes", None, f"48,2{NBSP}kB"),
    (65536, "bytes", None, f"64{NBSP}KiB"),
    (0.934, "percentunit", 0, f"93{THIN}%"),
    (93.4, "percent", None, f"93,4{THIN}%"),
    (12345, "short", None, f"12{THIN}345"),
    (1234, "short", None, "1234"),
    (2_500_000, "short", None, f"2,5{NBSP}M"),
    (1234567, "none", None, f"1{THIN}234{THIN}567"),
    (0.11, "reqps", None, f"0,11{NBSP}pet./s"),
    (-3.5, "short", None, "−3,5"),
    (-0.001, "none", 1, "0,0"),
    (7, "suffix:fotos", None, f"7{NBSP}fotos"),
    (2, "unidad-que-no-existe", None, "2"),
    (0.000123456, "none", None, "0,000123"),
]


@pytest.mark.parametrize(("value", "unit", "decimals", "text"), CASES)
def test_value_is_written_as_it_is_read(value: float, unit: str, decimals: int | None, text: str) -> None:
    assert format_value(value, unit, decimals) == text


def test_what_is_not_a_number_is_a_dash() -> None:
    assert [format_value(None), format_value(float("nan"))] == ["—", "—"]
    assert [format_value(float("inf")), format_value(float("-inf"))] == ["∞", "−∞"]


def test_decimals_win_over_the_significant_figures() -> None:
    assert format_number(3, 2) == "3,00"


@pytest.mark.skipif(shutil.which("node") is None, reason="sin Node no se puede ejecutar charts.js")
def test_browser_writes_the_same(tmp_path: Path) -> None:
    source = Path(units.__file__).with_name("static") / "charts.js"
    script = tmp_path / "prueba.cjs"
    script.write_text(
        f"""
        const nothing = {{ addEventListener() {{}} }};
        globalThis.window = globalThis; globalThis.document = nothing; globalThis.matchMedia = () => nothing;
        globalThis.stacklabUnits = {json.dumps(units.UNITS)};
        {source.read_text("utf-8")}
        const cases = {json.dumps([case[:3] for case in CASES])};
        console.log(JSON.stringify(cases.map((c) => stacklab.formatValue(...c))));
        """,
        "utf-8",
    )
    answer = subprocess.run(["node", str(script)], capture_output=True, text=True, check=True, timeout=20)
    assert json.loads(answer.stdout) == [case[3] for case in CASES]
