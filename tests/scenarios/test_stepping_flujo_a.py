"""Paso a paso de verdad: mientras se espera, lo que viene después no ha ocurrido en ningún servicio."""

from __future__ import annotations

import pytest

from scenarios.engine.events import HopDone, HopPending, HopStatus, HopWaiting, RunEvent, RunStarted
from scenarios.engine.runner import run
from scenarios.engine.stepping import Step
from scenarios.flows import FLOWS
from stack.laboratory import Laboratory
from tests.support.avatars import Person, eventually, picture

FLOW = FLOWS["flujo-a"]


class _Watcher:
    """Mira, en cada parada, qué hay en MinIO, en Kafka y en Redis de quien sube la foto."""

    def __init__(self, person: Person, decisions: dict[str, Step] | None = None) -> None:
        self.person = person
        self.decisions = decisions or {}
        self.events: list[RunEvent] = []
        self.seen: dict[str, tuple[int, int, int]] = {}
        self.held: dict[str, bool] = {}

    def on_event(self, event: RunEvent) -> None:
        self.events.append(event)
        if isinstance(event, RunStarted):
            self.person.name = f"ana-{event.run_id}"

    def __call__(self, waiting: HopWaiting) -> Step:
        person = self.person
        keys = len(list(person.redis.scan_iter(f"avatar:{person.name}*")))
        self.seen[waiting.hop.id] = (len(person.objects()), len(person.messages()), keys)
        self.held[waiting.hop.id] = waiting.held
        for base in ("UPLOADS_URL", "THUMBNAILS_URL"):
            assert person.get(f"{base}/health").status == 200
        return self.decisions.get(waiting.hop.id, Step.NEXT)


def test_the_system_stands_still_before_each_hop(laboratory: Laboratory, person: Person) -> None:
    watcher = _Watcher(person)
    result = run(FLOW, laboratory, stepper=watcher, on_event=watcher.on_event)
    assert [done.reason for done in result.hops if done.status is not HopStatus.PROVEN] == []
    assert watcher.seen == {
        # paso: (objetos en MinIO, mensajes en Kafka, claves en Redis)
        "A1": (0, 0, 0), "A2": (0, 0, 0), "A3": (0, 0, 0), "A4": (0, 0, 0),
        "A5": (1, 0, 0), "A6": (1, 0, 0), "A7": (1, 1, 0), "A8": (1, 1, 1), "A9": (1, 1, 1),
        "A10": (1, 1, 1), "A11": (1, 1, 1), "A12": (1, 1, 1), "A13": (4, 1, 1),
        "A14": (4, 1, 4), "A15": (4, 1, 4), "A16": (4, 1, 4),
    }  # fmt: skip
    not_held = [hop_id for hop_id, held in watcher.held.items() if not held]
    assert not_held == ["A2", "A3", "A9", "A14", "A15", "A16"]
    assert all(hop.unheld for hop in FLOW.hops if hop.id in not_held)


def test_a_proof_that_must_wait_is_announced_and_arrives(laboratory: Laboratory, person: Person) -> None:
    watcher = _Watcher(person)
    run(FLOW, laboratory, stepper=watcher, on_event=watcher.on_event)
    pending = [event.hop.id for event in watcher.events if isinstance(event, HopPending)]
    done = [event.hop.id for event in watcher.events if isinstance(event, HopDone)]
    assert pending == ["A1", "A2", "A3", "A10"]
    assert done.index("A9") < done.index("A1") < done.index("A2") < done.index("A3") < done.index("A11")
    assert sorted(done) == sorted(hop.id for hop in FLOW.hops)


@pytest.mark.parametrize(
    ("broken", "asked", "not_proven"),
    [("A1", 3, 16), ("A4", 4, 4), ("A12", 14, 1)],
)
def test_sabotage_while_stepping(
    laboratory: Laboratory, person: Person, broken: str, asked: int, not_proven: int
) -> None:
    """Tras el paso roto no se pregunta por los que dependen de él; de cada uno se dice lo que sin paradas."""
    watcher = _Watcher(person)
    result = run(FLOW, laboratory, sabotage=broken, stepper=watcher, on_event=watcher.on_event, patience_s=4)
    statuses = [done.status for done in result.hops]
    assert [done.hop.id for done in result.hops if done.status is HopStatus.FAILED] == [broken]
    assert len(watcher.seen) == asked
    assert (len(statuses), 16 - statuses.count(HopStatus.PROVEN)) == (16, not_proven)


def test_going_to_the_end_stops_asking(laboratory: Laboratory, person: Person) -> None:
    watcher = _Watcher(person, {"A5": Step.TO_END})
    result = run(FLOW, laboratory, stepper=watcher, on_event=watcher.on_event)
    assert result.passed
    assert list(watcher.seen) == ["A1", "A2", "A3", "A4", "A5"]


def test_leaving_it_lets_the_system_go_on(laboratory: Laboratory, person: Person) -> None:
    watcher = _Watcher(person, {"A6": Step.STOP})
    result = run(FLOW, laboratory, stepper=watcher, on_event=watcher.on_event)
    assert result.finished.stopped
    assert not result.passed
    assert [done.hop.id for done in result.hops] == ["A4", "A5"]
    assert len(eventually(person.thumbnails)) == 3


def test_what_others_do_meanwhile_is_told_apart(laboratory: Laboratory, person: Person) -> None:
    """Con la ejecución parada, otra persona sube tres fotos: los contadores suben cuatro, y se sabe por qué."""

    def meanwhile(waiting: HopWaiting) -> Step:
        if waiting.hop.id != "A4":
            return Step.NEXT
        assert [person.upload(picture(size=(size, size))).status for size in (80, 90, 100)] == [200] * 3
        return Step.TO_END

    result = run(FLOW, laboratory, stepper=meanwhile)
    assert [done.reason for done in result.hops if done.status is not HopStatus.PROVEN] == []
    counters = next(done.evidence.details for done in result.hops if done.hop.id == "A14" and done.evidence)
    before, after = next(text for name, text in counters.items() if name.startswith("avatar_uploads")).split(" → ")
    assert int(after) == int(before) + 4
