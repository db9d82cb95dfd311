"""Lo que el motor va contando. Datos, sin formato: la línea de órdenes los dibuja y `--json` los escribe.

Llegan a `on_event` desde el hilo que llamó a `run`, de uno en uno. Los `HopDone` salen en el orden del diagrama;
al ir paso a paso, los que han de esperar (`HopPending`) salen en cuanto su prueba se puede leer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from scenarios.engine.facts import Evidence
from scenarios.engine.flow import Flow, Hop
from stack.model import Fidelity


class HopStatus(StrEnum):
    """Cómo acabó un paso. `SKIPPED`: no se pudo probar porque falló otro del que depende."""

    PROVEN = "proven"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class RunStarted:
    """Empieza la ejecución `run_id` de `flow`.

    `sabotage` es el paso que se estropea a propósito, o `None`; `sabotage_title` cuenta cómo. `input_summary` es
    una línea con lo que se va a mandar.
    """

    flow: Flow
    run_id: str
    trace_id: str
    stepping: bool
    sabotage: str | None
    sabotage_title: str
    input_summary: str


@dataclass(frozen=True, slots=True)
class HopWaiting:
    """El flujo espera antes de `hop` a que la persona decida.

    `held` es cierto si el sistema está de verdad parado justo antes de ese paso; si no, `note` dice por qué
    (p. ej. lo hace un programa que no controlamos) o qué pasó.
    """

    hop: Hop
    position: int
    total: int
    held: bool
    note: str


@dataclass(frozen=True, slots=True)
class HopPending:
    """`hop` ya se dejó pasar, pero su prueba no se puede leer todavía; `note` dice cuándo. Solo paso a paso."""

    hop: Hop
    note: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """El servicio que tiene la culpa de que un paso no se pruebe, con sus últimas líneas de log."""

    service: str
    title: str
    problem: str
    log: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HopDone:
    """`hop` terminó.

    `evidence` está si se probó. Si no, `reason` es la frase que dice qué se esperaba y qué se vio, y `trouble`
    señala al servicio caído, si lo hay. `duration_ms` es lo que duró el paso según la traza; si no está en ella,
    o si se iba paso a paso, lo que tardó en estar probado.
    """

    hop: Hop
    position: int
    total: int
    status: HopStatus
    fidelity: Fidelity
    product: str
    evidence: Evidence | None
    reason: str
    trouble: Trouble | None
    duration_ms: float
    trace_id: str


@dataclass(frozen=True, slots=True)
class RunFinished:
    """Fin. Los enlaces son `None` si no hay nada detrás de ellos; `*_problem` dice por qué, o qué les falta.

    `status` es `passed` o `failed`. `answer` es lo que contestó el flujo a quien lo llamó (`415 · Solo se…`).
    `stopped` es cierto si la persona lo dejó a medias.
    """

    flow: Flow
    run_id: str
    status: str
    proven: int
    total: int
    trace_url: str | None
    trace_problem: str
    dashboard_url: str | None
    dashboard_problem: str
    answer: str
    duration_ms: float
    stopped: bool


RunEvent = RunStarted | HopWaiting | HopPending | HopDone | RunFinished


def as_json(event: RunEvent) -> dict[str, object] | None:
    """El objeto JSON (esquema 1) de `event`, o `None` si ese suceso solo interesa a quien mira la pantalla."""
    match event:
        case RunStarted():
            return {
                "type": "run.started",
                "schema": 1,
                "flow": event.flow.id,
                "title": event.flow.title,
                "run_id": event.run_id,
                "trace_id": event.trace_id,
                "total": len(event.flow.hops),
                "services": list(event.flow.services),
                "sabotage": event.sabotage,
            }
        case HopDone():
            evidence: dict[str, object] | None = None
            if event.evidence is not None:
                evidence = {
                    "source": event.evidence.source,
                    "summary": event.evidence.summary,
                    "details": dict(event.evidence.details),
                }
            trouble: dict[str, object] | None = None
            if event.trouble is not None:
                trouble = {
                    "service": event.trouble.service,
                    "problem": event.trouble.problem,
                    "log": list(event.trouble.log),
                }
            return {
                "type": "hop",
                "id": event.hop.id,
                "from": event.hop.arrow.sender.name,
                "to": event.hop.arrow.receiver.name,
                "text": event.hop.arrow.text,
                "status": str(event.status),
                "fidelity": str(event.fidelity),
                "evidence": evidence,
                "reason": event.reason or None,
                "trouble": trouble,
                "duration_ms": round(event.duration_ms, 1),
                "trace_id": event.trace_id,
            }
        case RunFinished():
            return {
                "type": "run.finished",
                "status": event.status,
                "proven": event.proven,
                "total": event.total,
                "trace_url": event.trace_url,
                "dashboard_url": event.dashboard_url,
                "duration_ms": round(event.duration_ms, 1),
            }
        case _:
            return None
