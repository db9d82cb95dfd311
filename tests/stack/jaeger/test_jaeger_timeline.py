"""El árbol de una traza: quién cuelga de quién, de quién es el tiempo y qué mensajes hay."""

from __future__ import annotations

from stack.jaeger.embedded.models import Kind, Span, Store
from stack.jaeger.embedded.timeline import Timeline, timeline
from tests.support.spans import MS, span, trace_id

BASE = 1_700_000_000 * 10**9


def draw(*spans: Span) -> Timeline:
    store = Store()
    store.add(spans)
    trace = store.get(trace_id(1))
    assert trace is not None
    return timeline(trace, store)


def shape(view: Timeline) -> list[tuple[str, int]]:
    return [(row.span.name, row.depth) for row in view.rows]


def test_children_hang_below_their_parent_in_order_of_start() -> None:
    view = draw(
        span("segunda", id=3, parent=1, start_ms=5, ms=2, base_ns=BASE),
        span("nieta", id=4, parent=2, start_ms=2, ms=1, base_ns=BASE),
        span("raíz", id=1, ms=10, base_ns=BASE),
        span("primera", id=2, parent=1, start_ms=1, ms=3, base_ns=BASE),
    )

    assert shape(view) == [("raíz", 0), ("primera", 1), ("nieta", 2), ("segunda", 1)]
    assert [row.descendants for row in view.rows] == [3, 1, 0, 0]
    assert view.depth == 3
    assert [text.replace("\N{NO-BREAK SPACE}", " ") for _, text in view.ticks(2)] == ["0", "5 ms", "10 ms"]


def test_own_time_leaves_out_the_time_of_children_even_if_they_overlap() -> None:
    view = draw(
        span("raíz", id=1, ms=10, service="a", base_ns=BASE),
        span("uno", id=2, parent=1, start_ms=1, ms=4, service="b", base_ns=BASE),
        span("dos", id=3, parent=1, start_ms=3, ms=4, service="b", base_ns=BASE),
        span("sale", id=4, parent=1, start_ms=9, ms=5, service="b", base_ns=BASE),
    )

    assert view.rows[0].self_ns == (1 + 2) * MS
    shares = {share.service: share.self_ns for share in view.summary.services}
    assert shares == {"a": 3 * MS, "b": 13 * MS}


def test_a_span_without_its_parent_is_shown_and_said() -> None:
    view = draw(span("raíz", id=1, base_ns=BASE), span("huérfana", id=2, parent=99, start_ms=1, base_ns=BASE))

    assert shape(view) == [("raíz", 0), ("huérfana", 0)]
    assert [row.orphan for row in view.rows] == [False, True]
    assert not view.summary.complete


def test_a_circle_of_parents_does_not_hang_the_page() -> None:
    view = draw(span("uno", id=1, parent=2), span("dos", id=2, parent=1), span("yo", id=3, parent=3))

    assert sorted(name for name, _ in shape(view)) == ["dos", "uno", "yo"]


def test_a_message_joins_its_two_ends_in_the_same_trace() -> None:
    view = draw(
        span("send", id=1, kind=Kind.PRODUCER, ms=5, service="a", base_ns=BASE),
        span(
            "process", id=2, parent=1, kind=Kind.CONSUMER, start_ms=12, service="b", links=((1, 1),), base_ns=BASE
        ),
    )

    sent, received = view.rows
    (target,), (source,) = sent.targets, received.sources
    assert (sent.sources, received.targets) == ([], [])
    assert (target.url, target.is_message) == (f"#span-{received.span.span_id}", True)
    assert (source.url, source.is_message) == (f"#span-{sent.span.span_id}", True)
    assert "12\N{NO-BREAK SPACE}ms después" in source.text
    assert received.waited_from == sent.span.span_id


def test_a_message_joins_two_traces() -> None:
    store = Store()
    store.add(
        [
            span("send", trace=1, id=1, kind=Kind.PRODUCER),
            span("process", trace=2, id=2, kind=Kind.CONSUMER, links=((1, 1), (7, 7))),
        ]
    )
    first, second = (store.get(trace_id(number)) for number in (1, 2))
    assert first is not None
    assert second is not None

    (sent,), (received,) = timeline(first, store).rows, timeline(second, store).rows

    assert [thread.url for thread in sent.targets] == [f"/trace/{trace_id(2)}#span-{(2).to_bytes(8, 'big').hex()}"]
    known, missing = received.sources
    assert known.url == f"/trace/{trace_id(1)}#span-{(1).to_bytes(8, 'big').hex()}"
    assert missing.span is None
    assert "no está aquí" in missing.text
    assert received.waited_from == ""


def test_a_span_that_only_follows_another_hangs_from_it() -> None:
    view = draw(span("antes", id=1), span("después", id=2, links=((1, 1),), start_ms=20))

    assert shape(view) == [("antes", 0), ("después", 1)]


def test_two_thousand_nested_spans_are_cut_and_said() -> None:
    view = draw(*(span(f"n{level}", id=level, parent=level - 1, base_ns=BASE) for level in range(1, 2001)))

    assert (len(view.rows), view.hidden, view.depth) == (1000, 1000, 2000)
