"""Los *spans* de una petición, con los nombres y atributos de Kong 3.9 (`kong/observability/tracing`).

::

    kong                              (SERVER)   la petición entera
    ├── kong.router                              elegir la ruta
    ├── kong.access.plugin.jwt                   cada plugin que actúa
    ├── kong.dns                      (CLIENT)   averiguar la IP, si el servicio tiene nombre
    ├── kong.balancer                 (CLIENT)   cada intento de hablar con el servicio
    └── kong.header_filter.plugin.cors

El servicio recibe como padre el `kong.balancer` del último intento.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

INTERNAL, SERVER, CLIENT = 1, 2, 3
ERROR = 2

_TRACEPARENT = re.compile(r"00-([0-9a-fA-F]{32})-([0-9a-fA-F]{16})-([0-9a-fA-F]{2})\Z")


@dataclass(frozen=True, slots=True)
class SpanContext:
    """Lo que viaja en `traceparent` (https://www.w3.org/TR/trace-context/)."""

    trace_id: str
    span_id: str
    sampled: bool

    @classmethod
    def parse(cls, header: str | None) -> SpanContext | None:
        """El contexto de una cabecera; `None` si no está o no vale."""
        found = _TRACEPARENT.match((header or "").strip())
        if not found or not int(found.group(1), 16) or not int(found.group(2), 16):
            return None
        return cls(found.group(1).lower(), found.group(2).lower(), bool(int(found.group(3), 16) & 1))

    def header(self) -> str:
        """La cabecera que lo lleva."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


@dataclass(slots=True)
class Span:
    """Un tramo. Los tiempos son nanosegundos desde 1970; `end_ns` vale 0 mientras no acaba."""

    name: str
    trace_id: str
    parent_id: str | None
    kind: int = INTERNAL
    span_id: str = field(default_factory=lambda: secrets.token_hex(8))
    start_ns: int = field(default_factory=time.time_ns)
    end_ns: int = 0
    attributes: dict[str, Any] = field(default_factory=dict)
    status: int = 0
    error: str | None = None

    def finish(self, at_ns: int | None = None) -> None:
        """Termina ahora, o en `at_ns`."""
        self.end_ns = self.end_ns or at_ns or time.time_ns()


class Trace:
    """Los tramos de una petición. El identificador de la traza puede cambiar hasta que se exporta."""

    def __init__(self, start_ns: int, attributes: dict[str, Any]) -> None:
        self.trace_id = secrets.token_hex(16)
        self.sampled = True
        self.root = Span("kong", self.trace_id, None, SERVER, start_ns=start_ns, attributes=attributes)
        self.balancer_id = secrets.token_hex(8)
        self.spans = [self.root]

    def continue_from(self, parent: SpanContext) -> None:
        """La traza ya había empezado fuera: se sigue la misma."""
        self.trace_id = parent.trace_id
        self.root.parent_id = parent.span_id

    def outgoing(self) -> SpanContext:
        """Lo que se le pasa al servicio: su padre será el intento que salga bien."""
        return SpanContext(self.trace_id, self.balancer_id, self.sampled)

    @contextmanager
    def span(self, name: str, kind: int = INTERNAL) -> Iterator[Span]:
        """Un tramo hijo del de la petición, que dura lo que dure el bloque."""
        span = self.start(name, kind)
        try:
            yield span
        except BaseException as error:
            span.status, span.error = ERROR, str(error) or type(error).__name__
            raise
        finally:
            span.finish()

    def start(self, name: str, kind: int = INTERNAL, **details: Any) -> Span:
        """Un tramo hijo del de la petición, que acabará cuando se diga."""
        span = Span(name, self.trace_id, self.root.span_id, kind, **details)
        self.spans.append(span)
        return span

    def finish(self, at_ns: int | None = None) -> None:
        """Cierra lo que quede abierto y pone a todos el identificador definitivo."""
        self.root.finish(at_ns)
        for span in self.spans:
            span.trace_id = self.trace_id
            span.finish(at_ns)


def sampled(trace_id: str, rate: float) -> bool:
    """Si esta traza es de las que se guardan: decide el identificador, así que decide igual en todas partes."""
    if rate >= 1:
        return True
    return int.from_bytes(bytes.fromhex(trace_id)[:8], "little") < rate * 2**64
