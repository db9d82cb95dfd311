"""Las trazas que hay en memoria: se guardan, se buscan y se olvidan las más viejas. Nada de HTTP."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import islice
from typing import NamedTuple

MAX_TRACES = 20_000
MAX_BYTES = 64 * 2**20
MAX_SPANS_PER_TRACE = 10_000
# Lo que ocupa un span en Python además de su mensaje: identificadores, instantes e índices (medido con 58 000).
_SPAN_OVERHEAD = 800


class Kind(IntEnum):
    """El papel de un span (`SpanKind` de OTLP)."""

    UNSPECIFIED = 0
    INTERNAL = 1
    SERVER = 2
    CLIENT = 3
    PRODUCER = 4
    CONSUMER = 5


class Status(IntEnum):
    """Cómo acabó un span (`StatusCode` de OTLP)."""

    UNSET = 0
    OK = 1
    ERROR = 2


class SpanId(NamedTuple):
    """La dirección completa de un span, en hexadecimal."""

    trace_id: str
    span_id: str


class Operation(NamedTuple):
    """Algo que hace un servicio: un nombre de span y su papel."""

    name: str
    kind: int


@dataclass(frozen=True, slots=True)
class Span:
    """Un span: lo que hace falta para buscar y ordenar, y el mensaje OTLP entero sin abrir.

    Los instantes son nanosegundos desde 1970. `parent_id` está vacío si no tiene padre. `resource`, `scope` y
    `message` son protobuf; los primeros los comparten muchos spans.
    """

    trace_id: str
    span_id: str
    parent_id: str
    service: str
    name: str
    kind: int
    status: int
    start_ns: int
    end_ns: int
    links: tuple[SpanId, ...]
    resource: bytes = field(repr=False)
    scope: bytes = field(repr=False)
    message: bytes = field(repr=False)

    @property
    def id(self) -> SpanId:
        """Su dirección completa."""
        return SpanId(self.trace_id, self.span_id)

    @property
    def duration_ns(self) -> int:
        """Cuánto duró, en nanosegundos; siempre mayor que cero."""
        return self.end_ns - self.start_ns

    @property
    def failed(self) -> bool:
        """Si acabó en error."""
        return self.status == Status.ERROR


@dataclass(slots=True)
class Trace:
    """Los spans que comparten un identificador de traza, por su `span_id`."""

    id: str
    spans: dict[str, Span] = field(default_factory=dict)
    size: int = 0

    @property
    def start_ns(self) -> int:
        """Cuándo empezó el primero."""
        return min(span.start_ns for span in self.spans.values())

    @property
    def end_ns(self) -> int:
        """Cuándo acabó el último."""
        return max(span.end_ns for span in self.spans.values())

    def parent_of(self, span: Span) -> Span | None:
        """De quién cuelga `span`: su padre, o el span de esta traza al que sigue por un enlace."""
        if span.parent_id:
            return self.spans.get(span.parent_id)
        for link in span.links:
            if link.trace_id == self.id and link.span_id != span.span_id and link.span_id in self.spans:
                return self.spans[link.span_id]
        return None

    def in_order(self) -> list[Span]:
        """Los spans por orden de comienzo."""
        return sorted(self.spans.values(), key=lambda span: (span.start_ns, -span.end_ns))


@dataclass(frozen=True, slots=True)
class Query:
    """Qué se busca: una traza sirve si *un* span suyo lo cumple todo. Lo que está vacío no filtra.

    `accepts` recibe un span que ya cumple lo demás y decide por sus atributos.
    """

    service: str = ""
    operation: str = ""
    start_ns: int = 0
    end_ns: int = 0
    min_duration_ns: int = 0
    max_duration_ns: int = 0
    limit: int = 100
    accepts: Callable[[Span], bool] | None = None

    def matches(self, span: Span) -> bool:
        """Si `span` cumple todas las condiciones."""
        return (
            (not self.service or span.service == self.service)
            and (not self.operation or span.name == self.operation)
            and span.start_ns >= self.start_ns
            and (not self.end_ns or span.start_ns <= self.end_ns)
            and span.duration_ns >= self.min_duration_ns
            and (not self.max_duration_ns or span.duration_ns <= self.max_duration_ns)
            and (self.accepts is None or self.accepts(span))
        )


class Store:
    """La memoria del suplente, con tope de trazas y de bytes: al llegar a uno se olvida la traza más vieja.

    No tiene cerrojos: todo corre en un solo hilo, el del bucle de eventos.
    """

    def __init__(self, max_traces: int = MAX_TRACES, max_bytes: int = MAX_BYTES) -> None:
        self.max_traces, self.max_bytes = max_traces, max_bytes
        self.reset()

    def reset(self) -> None:
        """Olvida todo."""
        self.size = 0
        self._traces: dict[str, Trace] = {}
        self._operations: dict[str, Counter[Operation]] = {}
        self._followers: dict[SpanId, set[SpanId]] = defaultdict(set)
        self._colours: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._traces)

    def add(self, spans: Iterable[Span]) -> int:
        """Guarda los spans y devuelve cuántos no han cabido (una traza desbocada no puede echar a las demás).

        Un span que ya estaba —quien exporta no supo si llegó y lo repite— sigue siendo uno.
        """
        return sum(not self._add(span) for span in spans)

    def _add(self, span: Span) -> bool:
        trace = self._traces.get(span.trace_id)
        known = trace.spans.get(span.span_id) if trace else None
        if known == span:
            return True
        if (
            trace
            and known is None
            and (len(trace.spans) >= MAX_SPANS_PER_TRACE or trace.size > self.max_bytes // 4)
        ):
            return False
        if trace is None:
            trace = self._traces[span.trace_id] = Trace(span.trace_id)
        if known:
            self._forget(trace, known)
        trace.spans[span.span_id] = span
        self._count(trace, span, +1)
        for link in span.links:
            self._followers[link].add(span.id)
        while len(self._traces) > 1 and (len(self._traces) > self.max_traces or self.size > self.max_bytes):
            self._evict(next(iter(self._traces)))
        return True

    def _evict(self, trace_id: str) -> None:
        trace = self._traces.pop(trace_id)
        for span in list(trace.spans.values()):
            self._forget(trace, span)

    def _forget(self, trace: Trace, span: Span) -> None:
        del trace.spans[span.span_id]
        self._count(trace, span, -1)
        for link in span.links:
            self._followers[link].discard(span.id)
            if not self._followers[link]:
                del self._followers[link]

    def _count(self, trace: Trace, span: Span, sign: int) -> None:
        size = sign * (len(span.message) + _SPAN_OVERHEAD)
        self.size += size
        trace.size += size
        operations = self._operations.setdefault(span.service, Counter())
        operation = Operation(span.name, span.kind)
        operations[operation] += sign
        if not operations[operation]:
            del operations[operation]
        if not operations:
            del self._operations[span.service]

    def services(self) -> list[str]:
        """Los servicios con algún span, por orden alfabético."""
        return sorted(self._operations)

    def operations(self, service: str) -> list[Operation]:
        """Lo que hace `service`, por orden alfabético; vacío si no se le conoce."""
        return sorted(self._operations.get(service, ()))

    def get(self, trace_id: str) -> Trace | None:
        """La traza de identificador `trace_id` (32 cifras hexadecimales), si está."""
        return self._traces.get(trace_id)

    def span(self, where: SpanId) -> Span | None:
        """El span de esa dirección, si está."""
        trace = self._traces.get(where.trace_id)
        return trace.spans.get(where.span_id) if trace else None

    def followers(self, where: SpanId) -> list[Span]:
        """Los spans que tienen un enlace hacia `where`, estén en la traza que estén."""
        found = (self.span(follower) for follower in self._followers.get(where, ()))
        return sorted((span for span in found if span), key=lambda span: span.start_ns)

    def search(self, query: Query) -> list[Trace]:
        """Las trazas con un span que cumple `query`; primero las que llegaron más tarde."""
        return list(islice(self._matching(query), query.limit))

    def _matching(self, query: Query) -> Iterator[Trace]:
        for trace in reversed(self._traces.values()):
            if any(query.matches(span) for span in trace.spans.values()):
                yield trace

    def dependencies(self, start_ns: int, end_ns: int) -> dict[tuple[str, str], int]:
        """Cuántas veces llamó cada servicio a cada otro en las trazas de ese intervalo: `(padre, hijo) → veces`.

        Como en Jaeger, también cuenta los spans de un servicio que cuelgan de otro suyo.
        """
        calls: Counter[tuple[str, str]] = Counter()
        for trace in self._traces.values():
            if start_ns < trace.start_ns and trace.end_ns < end_ns:
                for span in trace.spans.values():
                    parent = trace.spans.get(span.parent_id)
                    if parent:
                        calls[parent.service, span.service] += 1
        return dict(calls)

    def colour(self, service: str) -> int:
        """El número de color (1 a 8) de un servicio: el mismo en todas las páginas."""
        if len(self._colours) > 10_000:
            self._colours.clear()
        return self._colours.setdefault(service, len(self._colours) % 8 + 1)
