"""Paso a paso de verdad: mientras se espera, lo que viene después no ha ocurrido en ningún servicio."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from scenarios.engine.events import HopDone, HopPending, HopStatus, HopWaiting, RunEvent, RunStarted
from scenarios.engine.runner import run
from scenarios.engine.stepping import Step
from scenarios.flows import FLOWS
from scenarios.flujo_b.people import connect
from stack.laboratory import Laboratory
from tests.support.avatars import eventually
from tests.support.logins import School

FLOW = FLOWS["flujo-b"]


class _Watcher:
    """Mira, en cada parada, qué hay en PostgreSQL, en Redis y en Kafka de quien entra."""

    def __init__(self, school: School) -> None:
        self.school = school
        self.trace_id = self.user = ""
        self.events: list[RunEvent] = []
        self.seen: dict[str, tuple[int, int, int, int]] = {}
        self.held: dict[str, bool] = {}

    def on_event(self, event: RunEvent) -> None:
        self.events.append(event)
        if isinstance(event, RunStarted):
            self.trace_id = event.trace_id
            with connect(self.school.env["DATABASE_URL"]) as connection:
                query = "SELECT id FROM credentials WHERE email = %s"
                row = connection.execute(query, (f"eva-{event.run_id}@escuela.example",)).fetchone()
            self.user = f"user-{row[0]}"

    def __call__(self, waiting: HopWaiting) -> Step:
        with connect(self.school.env["DATABASE_URL"]) as connection:
            query = "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE %s"
            row = connection.execute(query, (f"%{self.trace_id}%",)).fetchone()
        redis = self.school.redis
        self.seen[waiting.hop.id] = (
            row[0],
            len(list(redis.scan_iter(match=f"session:{self.user}:*", count=1000))),
            sum(key == self.user for key, _, _ in self.school.messages()),
            int(redis.zscore("analytics:active", self.user) is not None),
        )
        self.held[waiting.hop.id] = waiting.held
        for base in ("AUTH_URL", "ANALYTICS_URL"):
            assert self.school.http.request("GET", f"{self.school.env[base]}/health").status == 200
        return Step.NEXT


@pytest.fixture
def watcher(login_laboratory: Laboratory) -> Iterator[_Watcher]:
    school = School(login_laboratory.env())
    yield _Watcher(school)
    school.close()


def test_the_system_stands_still_before_each_hop(login_laboratory: Laboratory, watcher: _Watcher) -> None:
    result = run(FLOW, login_laboratory, stepper=watcher, on_event=watcher.on_event)
    assert [done.reason for done in result.hops if done.status is not HopStatus.PROVEN] == []
    assert watcher.seen == {
        # paso: (consultas de esta traza, sesiones, sucesos, si está entre los activos)
        "B1": (0, 0, 0, 0), "B2": (0, 0, 0, 0), "B3": (0, 0, 0, 0), "B4": (0, 0, 0, 0), "B5": (0, 0, 0, 0),
        "B6": (1, 0, 0, 0), "B7": (1, 0, 0, 0), "B8": (1, 1, 0, 0), "B9": (1, 1, 1, 0), "B10": (1, 1, 1, 0),
        "B11": (1, 1, 1, 0), "B12": (1, 1, 1, 0),
    }  # fmt: skip
    not_held = [hop_id for hop_id, held in watcher.held.items() if not held]
    assert not_held == ["B2", "B11"]
    pending = [event.hop.id for event in watcher.events if isinstance(event, HopPending)]
    assert pending == ["B1", "B2", "B3", "B6", "B9", "B10"]
    done = [event.hop.id for event in watcher.events if isinstance(event, HopDone)]
    assert sorted(done) == sorted(hop.id for hop in FLOW.hops)


def test_what_others_do_meanwhile_is_told_apart(login_laboratory: Laboratory, watcher: _Watcher) -> None:
    """Con la ejecución parada entran otras dos personas: hay tres usuarios activos más, y se sabe por qué."""

    def meanwhile(waiting: HopWaiting) -> Step:
        if waiting.hop.id != "B5":
            return Step.NEXT
        others = [watcher.school.student() for _ in range(2)]
        assert [one.login().status for one in others] == [200, 200]
        for one in others:
            eventually(partial(watcher.school.redis.zscore, "analytics:active", one.user))
        return Step.TO_END

    result = run(FLOW, login_laboratory, stepper=meanwhile)
    assert [done.reason for done in result.hops if done.status is not HopStatus.PROVEN] == []
    counters = next(done.evidence.details for done in result.hops if done.hop.id == "B12" and done.evidence)
    before, after = next(text for name, text in counters.items() if name.startswith("usuarios_")).split(" → ")
    assert int(after) == int(before) + 3
