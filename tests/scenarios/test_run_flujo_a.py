"""El flujo A de principio a fin: con la foto de la casa, con la propia, con una mala y con un servicio caído."""

from __future__ import annotations

import gc
import json
import threading
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from scenarios.engine.events import HopDone, HopStatus, HopWaiting, RunEvent, RunFinished, RunStarted, as_json
from scenarios.engine.runner import RunResult, run
from scenarios.engine.stepping import Step
from scenarios.flows import FLOWS
from scenarios.flujo_a.proofs import door
from stack.errors import StacklabError, UsageError
from stack.laboratory import Laboratory
from tests.support.avatars import Person, picture

FLOW = FLOWS["flujo-a"]


def _statuses(result: RunResult) -> dict[str, HopStatus]:
    return {done.hop.id: done.status for done in result.hops}


def _reasons(result: RunResult) -> list[str]:
    return [f"{done.hop.id}: {done.reason}" for done in result.hops if done.status is not HopStatus.PROVEN]


def test_sixteen_of_sixteen(laboratory: Laboratory, person: Person) -> None:
    events: list[RunEvent] = []
    result = run(FLOW, laboratory, on_event=events.append)
    assert _reasons(result) == []
    assert result.passed
    assert isinstance(events[0], RunStarted)
    assert isinstance(events[-1], RunFinished)
    lines = [json.loads(json.dumps(as_json(event))) for event in events]
    assert [line["id"] for line in lines if line["type"] == "hop"] == [hop.id for hop in FLOW.hops]
    assert lines[0] | {"type": "run.started", "schema": 1, "flow": "flujo-a", "total": 16} == lines[0]
    assert (lines[-1]["status"], lines[-1]["proven"], lines[-1]["total"]) == ("passed", 16, 16)
    for line in lines[1:-1]:
        assert line["evidence"]["source"]
        assert line["evidence"]["summary"]
        assert line["evidence"]["details"]
        assert line["trace_id"] == lines[0]["trace_id"]
        assert line["duration_ms"] >= 0
    assert person.get(lines[-1]["trace_url"]).status == 200
    assert person.get(lines[-1]["dashboard_url"]).status == 200


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("foto.jpg", picture("JPEG", (1600, 900))),
        ("pequeña.webp", picture("WEBP", (90, 40))),
        ("grande.png", picture("PNG", (3000, 2000), "RGBA")),
    ],
    ids=["jpeg", "pequeña", "grande"],
)
def test_the_picture_of_the_person(laboratory: Laboratory, tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    result = run(FLOW, laboratory, inputs={"file": tmp_path / name})
    assert _reasons(result) == []


def test_a_bad_picture_shows_the_answer_of_the_service(laboratory: Laboratory, tmp_path: Path) -> None:
    (tmp_path / "carta.txt").write_text("hola", "utf-8")
    result = run(FLOW, laboratory, inputs={"file": tmp_path / "carta.txt"})
    statuses = _statuses(result)
    assert not result.passed
    assert [hop_id for hop_id, status in statuses.items() if status is HopStatus.PROVEN] == ["A1", "A2", "A3"]
    assert statuses["A4"] is HopStatus.FAILED
    assert "415 · Solo se aceptan fotos PNG, JPEG o WebP" in result.hops[3].reason
    assert result.finished.answer == "415 · Solo se aceptan fotos PNG, JPEG o WebP"
    assert result.finished.trace_url is not None
    assert "faltan los spans de thumbnails" in result.finished.trace_problem
    assert result.finished.dashboard_url is None
    assert "no llegó a hacerse" in result.finished.dashboard_problem
    assert result.finished.duration_ms < 6000


def test_a_file_that_is_not_there_is_said_before_anything_starts(laboratory: Laboratory, tmp_path: Path) -> None:
    events: list[RunEvent] = []
    with pytest.raises(StacklabError, match="no se puede leer") as error:
        run(FLOW, laboratory, inputs={"file": tmp_path / "nada.jpg"}, on_event=events.append)
    assert error.value.exit_code == 1
    assert events == []


def test_unknown_names_are_wrong_usage(laboratory: Laboratory) -> None:
    with pytest.raises(UsageError, match="«foto»"):
        run(FLOW, laboratory, inputs={"foto": "x"})
    with pytest.raises(UsageError, match="«A17»"):
        run(FLOW, laboratory, sabotage="A17")


def test_a_dead_service_is_named_with_its_last_lines(laboratory: Laboratory) -> None:
    laboratory.down(["thumbnails"])
    try:
        impatient = dict.fromkeys(["A10", *FLOW.dependents("A10")], 1.5)
        result = run(FLOW, laboratory, patience_s=20, patience_by_hop=impatient)
    finally:
        laboratory.up(["thumbnails"])
    statuses = _statuses(result)
    assert [hop_id for hop_id, status in statuses.items() if status is HopStatus.FAILED] == ["A10"]
    (failed,) = (done for done in result.hops if done.hop.id == "A10")
    assert failed.trouble is not None
    assert failed.trouble.service == "thumbnails"
    assert failed.trouble.log
    assert all(statuses[f"A{number}"] is HopStatus.PROVEN for number in range(1, 10))


def test_no_panel_is_offered_if_grafana_gets_no_data(laboratory: Laboratory, tmp_path: Path) -> None:
    """Prometheus va bien y el tablero está, pero la fuente de datos de Grafana busca donde no hay nadie."""
    grafana = next(service for service in laboratory.services if service.name == "grafana")
    (file,) = (file for file in grafana.config if file.target.endswith("datasources/stacklab.yaml"))
    bad = tmp_path / "stacklab.yaml"
    bad.write_text(file.sources[0].read_text("utf-8").replace("${PROMETHEUS_HTTP_URL}", "http://127.0.0.1:9"))
    config = tuple(replace(one, sources=(bad,)) if one is file else one for one in grafana.config)
    services = [replace(one, config=config) if one is grafana else one for one in laboratory.services]
    try:
        laboratory.with_services(services).up(["grafana"])
        result = run(FLOW, laboratory, patience_s=3)
    finally:
        laboratory.up(["grafana"])
    assert (result.finished.status, result.finished.dashboard_url) == ("passed", None)
    assert "Grafana no consigue preguntar" in result.finished.dashboard_problem


def test_one_run_after_another_without_growing(laboratory: Laboratory) -> None:
    run(FLOW, laboratory)
    process = psutil.Process()
    # Las conexiones de los clientes se cierran al recogerlas Python, que lo hace cuando quiere.
    gc.collect()
    before = (threading.active_count(), process.num_fds())
    for _ in range(3):
        assert _reasons(run(FLOW, laboratory)) == []
    gc.collect()
    after = (threading.active_count(), process.num_fds())
    assert after[0] <= before[0] + 1
    assert after[1] <= before[1] + 4


def test_the_limit_of_calls_on_demand(laboratory: Laboratory) -> None:
    from scenarios.engine.context import Run

    context = Run(FLOW, laboratory, {})
    try:
        context.plan = FLOW.prepare(context)
        assert "429" in door.provoke_limit(context).summary
    finally:
        context.close()


@pytest.mark.parametrize("where", ["A1", "A6", "A12"])
def test_interrupting_lets_everything_go(laboratory: Laboratory, where: str) -> None:
    def interrupt(waiting: HopWaiting) -> Step:
        if waiting.hop.id == where:
            raise KeyboardInterrupt
        return Step.NEXT

    with pytest.raises(KeyboardInterrupt):
        run(FLOW, laboratory, stepper=interrupt)
    assert _reasons(run(FLOW, laboratory)) == []


def test_every_done_hop_says_who_answered(laboratory: Laboratory) -> None:
    done: list[HopDone] = []
    run(FLOW, laboratory, on_event=lambda event: done.append(event) if isinstance(event, HopDone) else None)
    rows = {row.name: row for row in laboratory.status()}
    assert {event.hop.id: event.fidelity for event in done} == {
        hop.id: rows[hop.service].fidelity for hop in FLOW.hops
    }
