"""Lo que el laboratorio va contando mientras trabaja. Datos, sin formato: la línea de órdenes los dibuja.

Llegan a `on_event` siempre desde el hilo que llamó a `Laboratory`, de uno en uno y en el orden en que ocurren.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from stack.errors import StacklabError
from stack.model import Fidelity


@dataclass(frozen=True, slots=True)
class LockWaiting:
    """Otra orden tiene el laboratorio; esta espera. Llega una vez por cada dueño, no en bucle."""

    pid: int
    command: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Notice:
    """Algo que la persona debe saber y que no impide seguir (p. ej. un estado ilegible apartado)."""

    text: str


@dataclass(frozen=True, slots=True)
class ServiceStarting:
    """Empieza a arrancar `service`. `reason` dice por qué, si había uno en marcha que se ha cambiado."""

    service: str
    title: str
    product: str
    fidelity: Fidelity
    runtime: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ServiceReady:
    """`service` contestó a su sonda `seconds` segundos después de arrancar. `url` es para una persona."""

    service: str
    title: str
    seconds: float
    product: str
    fidelity: Fidelity
    runtime: str
    url: str


@dataclass(frozen=True, slots=True)
class ServiceUnchanged:
    """`service` ya estaba en marcha tal como se pide: no se ha tocado."""

    service: str
    title: str
    product: str
    fidelity: Fidelity
    runtime: str
    url: str


@dataclass(frozen=True, slots=True)
class ServiceFailed:
    """`service` no arrancó; `error` trae causa, significado, orden siguiente y las últimas líneas de su log."""

    service: str
    title: str
    error: StacklabError


@dataclass(frozen=True, slots=True)
class ServiceSkipped:
    """`service` no se ha intentado porque `missing`, de quien depende, no arrancó."""

    service: str
    title: str
    missing: str


@dataclass(frozen=True, slots=True)
class ServiceStopping:
    """Se ha pedido a `service` que termine."""

    service: str
    title: str


@dataclass(frozen=True, slots=True)
class ServiceStopped:
    """`service` terminó. `forced` es cierto si no atendió a SIGTERM y hubo que matarlo."""

    service: str
    title: str
    seconds: float
    forced: bool = False


@dataclass(frozen=True, slots=True)
class ImagesMissing:
    """Se van a bajar `references`, que no están en el motor: unos `size_mb` megabytes entre todas."""

    references: tuple[str, ...]
    size_mb: int


class Layer(NamedTuple):
    """Una capa de una imagen: bytes bajados, bytes en total (0 si no se sabe) y qué se está haciendo con ella."""

    current: int
    total: int
    status: str


@dataclass(frozen=True, slots=True)
class ImagePulling:
    """Cómo va la bajada de la imagen `image` (su clave en `images.toml`) desde `reference`, en bytes.

    Llega una vez al empezar, con `layers` vacío, y después según avanza.
    """

    image: str
    reference: str
    layers: Mapping[str, Layer]
    current: int
    total: int


@dataclass(frozen=True, slots=True)
class ImagePulled:
    """La imagen `image` ha llegado de `reference`: `total` bytes en `seconds` segundos."""

    image: str
    reference: str
    total: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ImageTrying:
    """La imagen `image` se intenta ahora en `reference`, porque en el sitio anterior no pudo ser (`reason`)."""

    image: str
    reference: str
    reason: str


Event = (
    LockWaiting
    | Notice
    | ServiceStarting
    | ServiceReady
    | ServiceUnchanged
    | ServiceFailed
    | ServiceSkipped
    | ServiceStopping
    | ServiceStopped
    | ImagesMissing
    | ImagePulling
    | ImagePulled
    | ImageTrying
)
