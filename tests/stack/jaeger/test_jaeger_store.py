"""Lo que la memoria guarda, cuenta y olvida."""

from __future__ import annotations

import pytest

from stack.jaeger.embedded import models
from stack.jaeger.embedded.models import Kind, Operation, Query, SpanId, Store
from tests.support.spans import MS, span, trace_id


def test_the_oldest_trace_is_forgotten_when_there_are_too_many() -> None:
    store = Store(max_traces=2)

    store.add([span(trace=1, service="vieja"), span(trace=2), span(trace=3)])

    assert store.get(trace_id(1)) is None
    assert len(store) == 2
    assert store.services() == ["tienda"]


def test_the_oldest_trace_is_forgotten_when_they_take_too_much_memory() -> None:
    store = Store(max_bytes=100_000)

    for number in range(1, 21):
        store.add([span(trace=number, attributes={"relleno": "x" * 9_000})])

    assert 5 <= len(store) <= 11
    assert store.size <= 100_000
    assert store.get(trace_id(20)) is not None


def test_forgetting_everything_leaves_nothing_counted() -> None:
    store = Store(max_traces=1)

    store.add([span(trace=1, id=7, links=((9, 9),)), span(trace=2, name="queda", service="otra")])

    assert store.services() == ["otra"]
    assert store.operations("otra") == [Operation("queda", Kind.INTERNAL)]
    assert store.operations("tienda") == []
    assert store.followers(SpanId(trace_id(9), (9).to_bytes(8, "big").hex())) == []
    kept = store.get(trace_id(2))
    assert kept is not None
    assert store.size == kept.size > 0
    store.reset()
    assert (len(store), store.size, store.services()) == (0, 0, [])


def test_a_runaway_trace_does_not_push_out_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "MAX_SPANS_PER_TRACE", 3)
    store = Store()
    store.add([span(trace=1)])

    rejected = store.add(span(trace=2) for _ in range(10))

    assert rejected == 7
    assert store.get(trace_id(1)) is not None


def test_a_repeated_span_is_one_and_a_newer_version_replaces_it() -> None:
    store = Store()
    first = span("primera", id=5)

    store.add([first, first, span("segunda", id=5)])

    trace = store.get(trace_id(1))
    assert trace is not None
    assert [found.name for found in trace.spans.values()] == ["segunda"]
    assert store.operations("tienda") == [Operation("segunda", Kind.INTERNAL)]
    assert store.size == trace.size


def test_followers_are_found_in_any_trace() -> None:
    store = Store()
    store.add([span(trace=1, id=5), span("otra traza", trace=2, links=((1, 5),), start_ms=9)])
    store.add([span("la misma", trace=1, links=((1, 5),), start_ms=3)])

    followers = store.followers(SpanId(trace_id(1), (5).to_bytes(8, "big").hex()))

    assert [found.name for found in followers] == ["la misma", "otra traza"]


def test_one_span_has_to_meet_every_condition() -> None:
    store = Store()
    store.add([span("a", ms=100), span("b", ms=1)])

    assert store.search(Query(operation="b", min_duration_ns=50 * MS)) == []
    assert len(store.search(Query(operation="a", min_duration_ns=50 * MS))) == 1


def test_dependencies_count_calls_between_services() -> None:
    store = Store()
    store.add([span(id=1, service="kong"), span(id=2, parent=1), span(id=3, parent=1), span(id=4, parent=2)])

    assert store.dependencies(0, 2**63) == {("kong", "tienda"): 2, ("tienda", "tienda"): 1}
    assert store.dependencies(0, 1) == {}
