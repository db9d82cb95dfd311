"""Los flujos en fila: qué pasó en cada uno y quién contestó, en un resumen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scenarios.engine.flow import Flow
    from scenarios.engine.runner import RunResult

ALL = "all"
"""Cómo se piden todos: `stacklab run all`."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Cómo acabó un flujo de la fila."""

    flow: Flow
    result: RunResult

    def as_json(self) -> dict[str, Any]:
        """Para el objeto `all.finished` de `--json`; `failed` son los pasos que no se probaron."""
        finished = self.result.finished
        return {
            "flow": self.flow.id,
            "status": finished.status,
            "proven": finished.proven,
            "total": finished.total,
            "failed": [hop.hop.id for hop in self.result.hops if hop.status != "proven"],
            "fidelities": fidelities(self.result),
            "duration_ms": round(finished.duration_ms, 1),
        }


def fidelities(result: RunResult) -> Mapping[str, int]:
    """En cuántos pasos contestó cada clase: `{"docker": 9, "embedded": 7}`."""
    return dict(Counter(str(hop.fidelity) for hop in result.hops))


OURS = "microservice"


def answerers(result: RunResult) -> Mapping[str, int]:
    """Lo mismo para contarlo, con los microservicios aparte: son de verdad, pero no son de nadie de fuera."""
    own = (hop.product.startswith("microservicio") for hop in result.hops)
    return dict(Counter(OURS if ours else str(hop.fidelity) for ours, hop in zip(own, result.hops, strict=True)))


def finished(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """El último objeto de `run all --json`."""
    rows = [outcome.as_json() for outcome in outcomes]
    return {
        "type": "all.finished",
        "status": "passed" if all(row["status"] == "passed" for row in rows) else "failed",
        "proven": sum(row["proven"] for row in rows),
        "total": sum(row["total"] for row in rows),
        "flows": rows,
        "duration_ms": round(sum(row["duration_ms"] for row in rows), 1),
    }
