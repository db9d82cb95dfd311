"""Cómo está cada servicio, en datos: lo que devuelven `Laboratory.up` y `Laboratory.status`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from stack.addresses import Endpoint
from stack.model import Fidelity, Kind, Service
from stack.runtimes.base import Instance, Offer
from stack.state import Record


class Condition(StrEnum):
    """En qué está un servicio.

    `STARTING`: su proceso vive y aún está dentro de su plazo para contestar. `FAILED`: se murió sin que nadie
    lo parase, o vive y no contesta; `ServiceStatus.problem` dice cuál de las dos.
    """

    RUNNING = "running"
    STARTING = "starting"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Running:
    """Un servicio que `up` deja en marcha.

    `started` es cierto si lo arrancó esta orden (falso: ya estaba); `seconds` lo que tardó en contestar.
    `url` es la dirección de su primer puerto.
    """

    name: str
    title: str
    kind: Kind
    runtime: str
    fidelity: Fidelity
    product: str
    url: str
    pid: int | None
    started: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """Una fila de `stacklab status`.

    `runtime` está vacío y `fidelity` es `None` si en esta máquina no hay con qué arrancarlo. `memory_mb` es la
    memoria propia (PSS donde el sistema la da) del proceso y de sus hijos, o la que el motor dice que usa su
    contenedor. `since` lleva zona horaria. Ambos son `None` si no está en marcha. `container` es `None` salvo en
    Docker.
    """

    name: str
    title: str
    kind: Kind
    runtime: str
    fidelity: Fidelity | None
    product: str
    state: Condition
    url: str
    ports: Mapping[str, int] = field(default_factory=dict)
    pid: int | None = None
    container: str | None = None
    memory_mb: float | None = None
    since: datetime | None = None
    problem: str | None = None


def row(
    service: Service,
    *,
    offer: Offer | None,
    runtime: str,
    endpoints: Sequence[Endpoint],
    instance: Instance | None,
    record: Record | None,
    problem: str | None,
    memory_mb: float | None,
) -> ServiceStatus:
    """La fila de `service`: `instance` si está en marcha, `record` lo último que se apuntó de él.

    `problem` es lo que contestó mal a su sonda (`None`: contesta, o no se le ha preguntado).
    """
    since = datetime.fromtimestamp(instance.since, UTC).astimezone() if instance is not None else None
    condition = Condition.STOPPED
    if since is not None:
        condition = Condition.RUNNING
        if problem is not None:
            patience = offer.ready_timeout_s if offer is not None else 0.0
            young = (datetime.now(UTC) - since).total_seconds() < patience
            condition = Condition.STARTING if young else Condition.FAILED
            problem = f"{'todavía arranca' if young else 'vive, pero no contesta'}: {problem}"
    elif record is not None:
        condition = Condition.FAILED
        problem = "terminó sin que nadie lo parase" if record.identity else "no llegó a arrancar"
    return ServiceStatus(
        name=service.name,
        title=service.title,
        kind=service.kind,
        runtime=runtime,
        fidelity=offer.fidelity if offer is not None else None,
        product=offer.product if offer is not None else "aquí no se puede arrancar",
        state=condition,
        url=next((f"{one.scheme}://{one.host}:{one.number}" for one in endpoints), ""),
        ports={one.port: one.number for one in endpoints},
        pid=instance.pid if instance is not None else None,
        container=instance.container if instance is not None else None,
        memory_mb=memory_mb,
        since=since,
        problem=problem,
    )
