"""Cada petición tiene su traza, aunque llegue por la conexión de otra."""

from __future__ import annotations

import asyncio
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext

from scenarios.kit.app import OwnTrace


def test_a_request_does_not_inherit_the_span_of_another() -> None:
    seen: list[bool] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(trace.get_current_span().get_span_context().is_valid)

    other = NonRecordingSpan(SpanContext(trace_id=1, span_id=2, is_remote=False))
    with trace.use_span(other):
        asyncio.run(application({}, None, None))
        asyncio.run(OwnTrace(application)({}, None, None))
        assert trace.get_current_span() is other
    assert seen == [True, False]
