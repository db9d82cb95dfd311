"""Los avisos que Jaeger añade a un span al enseñarlo: acaba antes de empezar, falta su padre, su reloj no cuadra.

Jaeger compara cada span con su padre. Si uno se sale del otro supone que son máquinas con relojes distintos,
calcula cuánto habría que moverlo y, tal como viene, no lo mueve: solo avisa. Con mensajes es lo normal (quien lo
recoge empieza cuando quien lo dejó ya acabó). Sigue `querysvc/…/adjuster/clockskew.go`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

from stack.jaeger.embedded import attributes, otlp
from stack.jaeger.embedded.models import Span, Trace

_UNITS = ((10**6, 10**3, "µs"), (10**9, 10**6, "ms"))


def of_model(trace: Trace) -> dict[str, list[str]]:
    """Los avisos de cada span (por su identificador) en `/api/traces`, donde una máquina es su `ip`."""
    return _warnings(
        trace,
        lambda span: parent.span_id if (parent := trace.parent_of(span)) else span.parent_id,
        lambda resource: _attribute(resource, "ip"),
        "invalid parent span IDs={}; skipping clock skew adjustment",
    )


def of_otlp(trace: Trace) -> dict[str, list[str]]:
    """Lo mismo en `/api/v3`, donde una máquina es su `host.id`, `host.ip` o `host.name`."""
    return _warnings(
        trace,
        lambda span: span.parent_id,
        lambda resource: next(
            (found for name in ("host.id", "host.ip", "host.name") if (found := _attribute(resource, name))), ""
        ),
        "parent span ID={} is not in the trace; skipping clock skew adjustment",
    )


def _warnings(
    trace: Trace, parent_of: Callable[[Span], str], host_of: Callable[[bytes], str], missing: str
) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    children: dict[str, list[Span]] = defaultdict(list)
    pending: list[tuple[Span, Span | None, str, int]] = []
    host_of = cache(host_of)
    for span in trace.spans.values():
        if ended := _ended_too_soon(span):
            found[span.span_id].append(ended)
        parent_id = parent_of(span)
        if parent_id in trace.spans and parent_id != span.span_id:
            children[parent_id].append(span)
            continue
        if parent_id:
            found[span.span_id].append(missing.format(parent_id))
        pending.append((span, None, host_of(span.resource), 0))
    while pending:
        span, parent, host, delta = pending.pop()
        own = host_of(span.resource)
        if parent and (own != host or not own):
            host, delta = own, _delta(span, parent)
        if delta:
            found[span.span_id].append(
                f"clock skew adjustment disabled; not applying calculated delta of {go_duration(delta)}"
            )
        pending += [(child, span, host, delta) for child in children[span.span_id]]
    return found


def _delta(child: Span, parent: Span) -> int:
    """Cuántos nanosegundos habría que mover a `child` para que cupiera en su padre."""
    if child.duration_ns > parent.duration_ns:
        return max(0, parent.start_ns - child.start_ns)
    if child.start_ns >= parent.start_ns and child.end_ns <= parent.end_ns:
        return 0
    return parent.start_ns + (parent.duration_ns - child.duration_ns) // 2 - child.start_ns


def _ended_too_soon(span: Span) -> str:
    if span.duration_ns != 1:
        return ""
    end_ns = otlp.message_of(span).end_time_unix_nano
    if end_ns > span.start_ns:
        return ""
    return (
        "Negative duration detected, sanitizing end timestamp. "
        f"Original end timestamp: {_go_time(end_ns)}, adjusted to: {_go_time(span.end_ns)}"
    )


def _attribute(resource: bytes, name: str) -> str:
    value = attributes.find(otlp.resource_message(resource).attributes, name)
    if value is None:
        return ""
    if value.WhichOneof("value") == "array_value":
        return attributes.text(value.array_value.values[0]) if value.array_value.values else ""
    return value.string_value


def go_duration(ns: int) -> str:
    """Una duración como la escribe Go: `1.5ms`, `-750µs`, `2m3.5s`."""
    sign, ns = ("-", -ns) if ns < 0 else ("", ns)
    if ns < 1000:
        return f"{sign}{ns}ns"
    for limit, size, unit in _UNITS:
        if ns < limit:
            return f"{sign}{_decimal(ns, size)}{unit}"
    minutes, rest = divmod(ns, 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}h" if hours else ""
    return f"{sign}{text}{f'{minutes}m' if hours or minutes else ''}{_decimal(rest, 10**9)}s"


def _decimal(amount: int, size: int) -> str:
    whole, rest = divmod(amount, size)
    fraction = str(rest + size)[1:].rstrip("0")
    return f"{whole}.{fraction}" if fraction else str(whole)


def _go_time(ns: int) -> str:
    seconds, rest = divmod(ns, 10**9)
    fraction = f".{rest:09}".rstrip("0").rstrip(".")
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}{fraction} +0000 UTC"
