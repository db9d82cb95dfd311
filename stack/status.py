"""Cómo está cada servicio, en datos: lo que devuelven `Laboratory.up` y `Laboratory.status`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from stack.model import Fidelity, Kind


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

    `memory_mb` es la memoria propia (PSS donde el sistema la da) del proceso y de sus hijos; `since` lleva zona
    horaria; ambos son `None` si no está en marcha. `container` es `None` salvo en Docker.
    """

    name: str
    title: str
    kind: Kind
    runtime: str
    fidelity: Fidelity
    product: str
    state: Condition
    url: str
    ports: Mapping[str, int] = field(default_factory=dict)
    pid: int | None = None
    container: str | None = None
    memory_mb: float | None = None
    since: datetime | None = None
    problem: str | None = None
