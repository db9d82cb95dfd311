"""La página de cada flujo dice dónde está cada paso, y es verdad."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import lab.context
from scenarios.engine.places import prover
from scenarios.flows import FLOWS
from scenarios.flujo_b import rotation
from stack.laboratory import Laboratory

ROOT = Path(__file__).parents[2]


def exists(place: str) -> bool:
    """Si en ese fichero hay una función con ese nombre («Auth.login») o, en uno de Kong, algo que se llame así."""
    path, _, name = place.partition(" · ")
    text = (ROOT / path).read_text("utf-8")
    if path.endswith(".yaml"):
        return f"- name: {name}\n" in text
    inside: list[ast.AST] = [ast.parse(text)]
    for part in name.split("."):
        kinds = (ast.FunctionDef, ast.ClassDef)
        inside = [one for top in inside for one in ast.walk(top) if isinstance(one, kinds) and one.name == part]
    return any(isinstance(one, ast.FunctionDef) for one in inside)


@pytest.mark.parametrize("name", FLOWS)
def test_the_page_says_where_each_hop_is(name: str) -> None:
    flow = FLOWS[name]
    page = (ROOT / "docs" / f"{name}.md").read_text("utf-8")
    for hop in flow.hops:
        made, proven = hop.made_by, prover(hop)
        assert f"| {hop.id} | `{made}` | `{proven}` |" in page
        assert exists(made), f"{hop.id}: no existe {made}"
        assert exists(proven)


@pytest.mark.parametrize(
    "place", ["scenarios/services/auth.py · Auth.sign", "scenarios/flujo_b/kong.yaml · salir"]
)
def test_a_place_that_is_not_there_is_noticed(place: str) -> None:
    assert not exists(place)


@pytest.mark.parametrize(
    ("hop", "place"),
    {
        "A3": "scenarios/flujo_a/kong.yaml · uploads",
        "A16": "scenarios/kit/telemetry.py · setup_telemetry",
        "B2": "scenarios/flujo_b/kong.yaml · auth",
        "B8": "scenarios/services/auth.py · Auth._announce",
        "B9": "scenarios/services/auth.py · Auth.login",
        "C6": "scenarios/kit/telemetry.py · setup_telemetry",
        "C7": "scenarios/kit/telemetry.py · setup_telemetry",
    }.items(),
)
def test_a_hop_is_made_where_a_person_would_look(hop: str, place: str) -> None:
    assert FLOWS[f"flujo-{hop[0].lower()}"].hop(hop).made_by == place


def test_a_hop_is_proven_where_a_person_would_look() -> None:
    assert prover(FLOWS["flujo-b"].hop("B9")) == "scenarios/flujo_b/proofs/session.py · b9"


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def orders(page: Path) -> list[str]:
    """Los bloques de órdenes de una página."""
    return re.findall(r"^```(?:bash|sh|console)\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def programs(page: Path) -> list[str]:
    """Lo que sus órdenes dan a `python -c`, tal como le llega a Python después de pasar por la terminal."""
    found = []
    for block in orders(page):
        words = shlex.split(block, comments=True) if " -c " in block else []
        found += [
            words[at + 2] for at, word in enumerate(words[:-2]) if "python" in word and words[at + 1] == "-c"
        ]
    return found


@pytest.mark.parametrize("page", [page for page in PAGES if orders(page)], ids=lambda page: page.name)
def test_the_commands_of_a_page_can_be_pasted(page: Path) -> None:
    for block in orders(page):
        done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{block}\n{done.stderr}"
    for program in programs(page):
        compile(program, page.name, "exec")


def test_the_rotation_of_the_page_is_the_real_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lab.context, "laboratory", lambda project: f"el de {project}")
    monkeypatch.setattr(rotation, "rotate", lambda laboratory: f"rotado: {laboratory}")
    (program,) = [one for one in programs(ROOT / "docs" / "flujo-b.md") if "rotat" in one]
    exec(compile(program, "flujo-b.md", "exec"), {})
    assert capsys.readouterr().out == "rotado: el de default\n"


def test_the_page_lets_a_learner_see_the_403(login_laboratory: Laboratory) -> None:
    (program,) = [one for one in programs(ROOT / "docs" / "flujo-b.md") if "uploads" in one]
    env = os.environ | login_laboratory.env(["vault"])
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["minio 200", "jwt 200", "database 403"]
