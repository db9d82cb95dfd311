"""Mandar los *spans* al recolector: OTLP/HTTP en protobuf, por lotes y sin hacer esperar a nadie.

Cada plugin `opentelemetry` tiene su cola, con los nombres y plazos de la de Kong (`queue.*`): espera
`max_coalescing_delay` segundos a que se junten, manda hasta `max_batch_size` de una vez y, si el recolector no
contesta, insiste cada vez más despacio durante `max_retry_time`. Una cola llena olvida lo más viejo.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stack.kong.embedded.product import VERSION
from stack.kong.embedded.proxy.upstream import UpstreamError, post

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan

    from stack.kong.embedded.models import PluginConfig
    from stack.kong.embedded.tracing import Span

_INTEGERS = frozenset({"http.status_code"})


def encode(spans: Sequence[Span], resource: Mapping[str, Any]) -> bytes:
    """El cuerpo de una petición de exportación (`ExportTraceServiceRequest`)."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    message = ExportTraceServiceRequest()
    resource_spans = message.resource_spans.add()
    resource_spans.resource.attributes.extend(_attribute(key, value) for key, value in resource.items())
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name, scope_spans.scope.version = "kong-internal", "0.1.0"
    for span in spans:
        _fill(scope_spans.spans.add(), span)
    return bytes(message.SerializeToString())


def _fill(wire: WireSpan, span: Span) -> None:
    wire.trace_id = bytes.fromhex(span.trace_id)
    wire.span_id = bytes.fromhex(span.span_id)
    wire.parent_span_id = bytes.fromhex(span.parent_id or "")
    wire.name = span.name
    wire.kind = span.kind  # type: ignore[assignment]
    wire.start_time_unix_nano, wire.end_time_unix_nano = span.start_ns, span.end_ns
    wire.attributes.extend(_attribute(key, value) for key, value in span.attributes.items() if value is not None)
    wire.status.code = span.status  # type: ignore[assignment]
    if span.error is not None:
        event = wire.events.add()
        event.name, event.time_unix_nano = "exception", span.end_ns
        event.attributes.append(_attribute("exception.message", span.error))


def _attribute(key: str, value: Any) -> KeyValue:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

    match value:
        case bool():
            typed = AnyValue(bool_value=value)
        case int() if key in _INTEGERS:
            typed = AnyValue(int_value=value)
        case int() | float():
            # En Lua todo número es de coma flotante, y así lo exporta Kong.
            typed = AnyValue(double_value=float(value))
        case _:
            typed = AnyValue(string_value=str(value))
    return KeyValue(key=key, value=typed)


class _Queue:
    """La cola de un plugin configurado."""

    def __init__(self, conf: Mapping[str, Any], resource: Mapping[str, Any]) -> None:
        self.conf, self.resource = conf, resource
        self.pending: deque[Span] = deque(maxlen=conf["queue"]["max_entries"])
        self.hurry, self.stopping = asyncio.Event(), asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def put(self, spans: Sequence[Span]) -> None:
        self.pending.extend(spans)
        if len(self.pending) >= self.conf["queue"]["max_batch_size"]:
            self.hurry.set()
        if self.task is None or self.task.done():
            self.task = asyncio.get_running_loop().create_task(self._drain())

    async def _drain(self) -> None:
        while self.pending:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.conf["queue"]["max_coalescing_delay"]):
                    await self.hurry.wait()
            self.hurry.clear()
            size = min(len(self.pending), self.conf["queue"]["max_batch_size"])
            await self._deliver(encode([self.pending.popleft() for _ in range(size)], self.resource))

    async def _deliver(self, body: bytes) -> None:
        queue, loop = self.conf["queue"], asyncio.get_running_loop()
        delay, deadline, warned = queue["initial_retry_delay"], loop.time() + queue["max_retry_time"], False
        while True:
            problem = await self._post(body)
            if problem is None or self.stopping.is_set():
                return
            if not warned:
                print(f"opentelemetry: {self.conf['traces_endpoint']}: {problem}", file=sys.stderr, flush=True)
                warned = True
            if loop.time() + delay > deadline:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self.stopping.wait()
            delay = min(delay * 2, queue["max_retry_delay"])

    async def _post(self, body: bytes) -> str | None:
        headers = {"Content-Type": "application/x-protobuf"} | dict(self.conf["headers"] or {})
        try:
            status = await post(
                self.conf["traces_endpoint"],
                body,
                headers,
                connect_timeout_s=self.conf["connect_timeout"] / 1000,
                send_timeout_s=self.conf["send_timeout"] / 1000,
                read_timeout_s=self.conf["read_timeout"] / 1000,
            )
        except (UpstreamError, OSError) as error:
            return f"no se pueden enviar los spans ({error})"
        return None if 200 <= status < 300 else f"el recolector contestó {status}"


class Exporters:
    """Las colas de todos los plugins `opentelemetry`."""

    def __init__(self, node_id: str) -> None:
        self._node_id = node_id
        self._queues: dict[str, _Queue] = {}

    def enqueue(self, plugin: PluginConfig, spans: Sequence[Span]) -> None:
        """Deja `spans` en la cola de `plugin`."""
        queue = self._queues.get(plugin.id)
        if queue is None or queue.conf is not plugin.config:
            queue = self._queues[plugin.id] = _Queue(plugin.config, self._resource(plugin))
        queue.put(spans)

    async def flush(self, timeout_s: float) -> None:
        """Manda ya lo que quede y no espera más de `timeout_s`; después, lo que falte se pierde."""
        tasks = [queue.task for queue in self._queues.values() if queue.task and not queue.task.done()]
        for queue in self._queues.values():
            queue.hurry.set()
            queue.stopping.set()
        if tasks:
            await asyncio.wait(tasks, timeout=timeout_s)
        for task in tasks:
            task.cancel()

    def _resource(self, plugin: PluginConfig) -> dict[str, Any]:
        own = {"service.name": "kong", "service.instance.id": self._node_id, "service.version": VERSION}
        return own | dict(plugin.config["resource_attributes"] or {})
