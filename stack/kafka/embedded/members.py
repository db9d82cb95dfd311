"""Lo que se guarda de un grupo de consumidores: sus miembros y hasta dónde ha confirmado cada partición."""

from __future__ import annotations

from asyncio import Future
from dataclasses import dataclass, field
from enum import StrEnum

from stack.kafka.embedded.errors import ErrorCode


class GroupState(StrEnum):
    """El estado de un grupo, con el nombre que viaja en el protocolo."""

    EMPTY = "Empty"
    PREPARING = "PreparingRebalance"
    COMPLETING = "CompletingRebalance"
    STABLE = "Stable"
    DEAD = "Dead"


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """Lo que pide un consumidor al entrar. `protocols` va de estrategia de reparto a suscripción, en orden."""

    member_id: str
    instance_id: str | None
    client_id: str
    client_host: str
    session_timeout_ms: int
    rebalance_timeout_ms: int
    protocol_type: str
    protocols: dict[str, bytes]
    needs_known_id: bool = True


@dataclass(frozen=True, slots=True)
class JoinResult:
    """Lo que recibe: su identificador, la generación y, si es quien reparte (`leader`), los demás miembros."""

    error: ErrorCode
    member_id: str
    generation: int = -1
    protocol: str = ""
    leader: str = ""
    members: tuple[tuple[str, str | None, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class SyncResult:
    """Las particiones que le tocan a un miembro, tal como las codificó quien repartió."""

    error: ErrorCode
    assignment: bytes = b""


@dataclass(slots=True)
class Member:
    """Un consumidor del grupo. `deadline` es cuándo se le da por muerto si no late (reloj del bucle).

    `joining`, `syncing` y `beating` son las respuestas que está esperando, si espera alguna.
    """

    id: str
    request: JoinRequest
    deadline: float = 0.0
    assignment: bytes = b""
    joining: Future[JoinResult] | None = None
    syncing: Future[SyncResult] | None = None
    beating: set[Future[ErrorCode]] = field(default_factory=set)

    @property
    def session_s(self) -> float:
        """Cuánto puede callar sin que se le dé por muerto."""
        return self.request.session_timeout_ms / 1000

    def waiting(self) -> bool:
        """Si espera nuestra respuesta: mientras tanto no puede latir, y no por eso está muerto."""
        return self.joining is not None or self.syncing is not None or bool(self.beating)


@dataclass(frozen=True, slots=True)
class CommittedOffset:
    """El próximo mensaje que leerá el grupo en una partición, con la nota que dejó quien confirmó."""

    offset: int
    leader_epoch: int
    metadata: str
