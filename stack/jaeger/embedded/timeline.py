"""Una traza convertida en la línea de tiempo que se dibuja: filas anidadas, tiempos propios y enlaces."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from stack.jaeger.embedded import otlp, responses
from stack.jaeger.embedded.models import Kind, Span, SpanId, Store, Trace
from stack.jaeger.embedded.wording import duration

MAX_ROWS = 1_000
# Una traza de mil spans ya pesa un mega en la página; más no la lee nadie de una vez.


@dataclass(frozen=True, slots=True)
class Thread:
    """El hilo que une dos spans que no se llaman: un mensaje, o un enlace cualquiera.

    `span` es el del otro extremo, o `None` si (todavía) no está aquí. `text` lo cuenta con palabras.
    """

    span: Span | None
    where: SpanId
    colour: int
    text: str
    label: str
    is_message: bool
    local: bool

    @property
    def url(self) -> str:
        """Dónde está: en esta página o en la de su traza."""
        anchor = f"#span-{self.where.span_id}"
        return anchor if self.local else f"/trace/{self.where.trace_id}{anchor}"


@dataclass(slots=True)
class Row:
    """Una fila: un span, dónde está en el árbol y qué hay que pintar. `left` y `right` van de 0 a 1."""

    span: Span
    depth: int
    colour: int
    left: float
    right: float
    self_ns: int
    descendants: int = 0
    orphan: bool = False
    sources: list[Thread] = field(default_factory=list)
    targets: list[Thread] = field(default_factory=list)
    tags: list[dict[str, Any]] = field(default_factory=list)
    logs: list[dict[str, Any]] = field(default_factory=list)
    process: list[dict[str, Any]] = field(default_factory=list)

    @property
    def label_side(self) -> str:
        """A qué lado de la barra cabe el tiempo: `after`, `before` o `inside`."""
        if self.right < 0.86:
            return "after"
        # Por la izquierda entra el hilo de los mensajes: si lo hay y la barra es ancha, mejor dentro.
        threaded = bool(self.waited_from) and self.right - self.left > 0.12
        return "before" if self.left > 0.14 and not threaded else "inside"

    @property
    def waited_from(self) -> str:
        """Los spans de esta traza de los que recoge un mensaje (para dibujar el hilo)."""
        return " ".join(thread.where.span_id for thread in self.sources if thread.local and thread.is_message)


@dataclass(slots=True)
class Share:
    """Lo que le toca a un servicio: sus spans, sus errores y el tiempo en que trabajaba él y no otro."""

    service: str
    colour: int
    spans: int = 0
    errors: int = 0
    self_ns: int = 0
    fraction: float = 0.0


@dataclass(slots=True)
class Summary:
    """Una traza en pocas palabras, para la lista de resultados y para la cabecera."""

    trace: Trace
    root: Span
    colour: int
    start_ns: int
    duration_ns: int
    errors: int
    services: list[Share]
    complete: bool

    @property
    def spans(self) -> int:
        """Cuántos spans tiene."""
        return len(self.trace.spans)


@dataclass(slots=True)
class Timeline:
    """Todo lo que enseña la página de una traza."""

    summary: Summary
    rows: list[Row]
    depth: int
    hidden: int

    def ticks(self, parts: int = 4) -> list[tuple[float, str]]:
        """Las marcas de la regla: dónde (0 a 1) y cuánto tiempo ha pasado."""
        total = self.summary.duration_ns
        return [(part / parts, duration(total * part / parts) if part else "0") for part in range(parts + 1)]


def summarize(trace: Trace, store: Store) -> Summary:
    """`trace` en pocas palabras. La raíz es el primer span sin padre; si no lo hay, el primero."""
    spans = trace.in_order()
    roots = [span for span in spans if not span.parent_id]
    start_ns, end_ns = trace.start_ns, trace.end_ns
    root = (roots or spans)[0]
    shares: dict[str, Share] = {}
    for span in spans:
        share = shares.setdefault(span.service, Share(span.service, store.colour(span.service)))
        share.spans += 1
        share.errors += span.failed
    return Summary(
        trace=trace,
        root=root,
        colour=store.colour(root.service),
        start_ns=start_ns,
        duration_ns=end_ns - start_ns,
        errors=sum(span.failed for span in spans),
        services=list(shares.values()),
        complete=all(not span.parent_id or span.parent_id in trace.spans for span in spans),
    )


def timeline(trace: Trace, store: Store) -> Timeline:
    """La línea de tiempo de `trace`: cada span debajo de su padre, los hermanos por orden de comienzo."""
    summary = summarize(trace, store)
    children: dict[str, list[Span]] = defaultdict(list)
    roots: list[Span] = []
    for span in trace.in_order():
        parent = trace.parent_of(span)
        if parent is None or parent is span:
            roots.append(span)
        else:
            children[parent.span_id].append(span)
    rows = [
        _row(span, depth, trace, store, summary, children[span.span_id])
        for span, depth in _walk(roots, children, trace)
    ]
    _count_descendants(rows)
    _share_time(rows, summary)
    shown = rows[:MAX_ROWS]
    for row in shown:
        _fill(row, store, children[row.span.span_id])
    return Timeline(
        summary=summary,
        rows=shown,
        depth=max(row.depth for row in rows) + 1,
        hidden=len(rows) - len(shown),
    )


def _walk(roots: Sequence[Span], children: dict[str, list[Span]], trace: Trace) -> list[tuple[Span, int]]:
    """El recorrido en profundidad. Un círculo de padres (datos rotos) no lo cuelga: se empieza por cualquiera."""
    order: list[tuple[Span, int]] = []
    seen: set[str] = set()
    for start in (*roots, *trace.in_order()):
        pending = [(start, 0)]
        while pending:
            span, depth = pending.pop()
            if span.span_id in seen:
                continue
            seen.add(span.span_id)
            order.append((span, depth))
            pending.extend((child, depth + 1) for child in reversed(children[span.span_id]))
    return order


def _row(span: Span, depth: int, trace: Trace, store: Store, summary: Summary, children: Iterable[Span]) -> Row:
    total = summary.duration_ns
    return Row(
        span=span,
        depth=depth,
        colour=store.colour(span.service),
        left=(span.start_ns - summary.start_ns) / total,
        right=(span.end_ns - summary.start_ns) / total,
        self_ns=_self_ns(span, children),
        orphan=bool(span.parent_id) and span.parent_id not in trace.spans,
    )


def _self_ns(span: Span, children: Iterable[Span]) -> int:
    """El tiempo del span en que no trabajaba ninguno de sus hijos."""
    free, reached = 0, span.start_ns
    for child in children:
        start, end = max(child.start_ns, span.start_ns), min(child.end_ns, span.end_ns)
        if start > reached:
            free += start - reached
        reached = max(reached, end)
    return free + max(0, span.end_ns - reached)


def _count_descendants(rows: Sequence[Row]) -> None:
    above: list[Row] = []
    for row in rows:
        del above[row.depth :]
        for ancestor in above:
            ancestor.descendants += 1
        above.append(row)


def _share_time(rows: Iterable[Row], summary: Summary) -> None:
    shares = {share.service: share for share in summary.services}
    for row in rows:
        shares[row.span.service].self_ns += row.self_ns
    total = sum(share.self_ns for share in summary.services) or 1
    for share in summary.services:
        share.fraction = share.self_ns / total


def _fill(row: Row, store: Store, children: Iterable[Span]) -> None:
    """Lo que cuesta más y solo hace falta en las filas que se enseñan."""
    span, message = row.span, otlp.message_of(row.span)
    row.tags, row.logs = responses.tags(span, message), responses.logs(message)
    row.process = responses.process_tags(span, message)
    sources = list(span.links)
    parent = store.span(SpanId(span.trace_id, span.parent_id))
    if parent and (parent.kind, span.kind) == (Kind.PRODUCER, Kind.CONSUMER):
        sources.insert(0, parent.id)
    row.sources = [_source(span, where, store) for where in dict.fromkeys(sources)]
    consumers = [child for child in children if (span.kind, child.kind) == (Kind.PRODUCER, Kind.CONSUMER)]
    row.targets = [_target(span, other, store) for other in dict.fromkeys([*consumers, *store.followers(span.id)])]


def _source(span: Span, where: SpanId, store: Store) -> Thread:
    other = store.span(where)
    local = where.trace_id == span.trace_id
    if other is None:
        text = f"Viene de un span que no está aquí, de la traza {where.trace_id}; quizá aún no ha llegado."
        return Thread(None, where, 8, text, "de un span que falta", is_message=False, local=local)
    is_message = span.kind == Kind.CONSUMER or other.kind == Kind.PRODUCER
    later = span.start_ns - other.start_ns
    when = f", {duration(later)} después" if later > 0 else ""
    if is_message:
        text = f"Recoge el mensaje que dejó {other.service} en «{other.name}»{when}."
    else:
        text = f"Sigue a «{other.name}», de {other.service}{when}."
    return Thread(other, where, store.colour(other.service), text, f"de {other.service}", is_message, local)


def _target(span: Span, other: Span, store: Store) -> Thread:
    is_message = other.kind == Kind.CONSUMER or span.kind == Kind.PRODUCER
    later = other.start_ns - span.start_ns
    when = f", {duration(later)} después" if later > 0 else ""
    if is_message:
        text = f"{other.service} recoge este mensaje en «{other.name}»{when}."
    else:
        text = f"«{other.name}», de {other.service}, sigue a este span{when}."
    local = other.trace_id == span.trace_id
    return Thread(other, other.id, store.colour(other.service), text, f"a {other.service}", is_message, local)
