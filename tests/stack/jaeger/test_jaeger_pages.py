"""Las páginas de trazas: qué enseñan y que se pueden leer sin JavaScript."""

from __future__ import annotations

import re
from typing import Any

import pytest

from stack.jaeger.embedded.models import Kind, Store
from stack.jaeger.embedded.urls import query_app
from tests.support.asgi import get
from tests.support.spans import span, trace_id


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def app(store: Store) -> Any:
    return query_app(store)


def results(text: str) -> list[str]:
    """Las trazas que salen en la lista, en orden, por su operación raíz."""
    return re.findall(r'<a class="title".*?<span>(.*?)</span>', text)


def test_the_first_visit_says_where_to_send_spans(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACKLAB_PORT_OTLP", "14318")

    answer = get(app, "/search")

    assert "Todavía no ha llegado ninguna traza" in answer.text
    assert "http://localhost:14318" in answer.text
    assert "Jaeger 2.13" in answer.text
    assert get(app, "/").headers["location"] == "/search"


def test_results_say_services_errors_and_duration(app: Any, store: Store) -> None:
    store.add(
        [
            span("POST /pago <b>", id=1, ms=154, service="kong"),
            span("cobra", id=2, parent=1, service="pagos", error=True),
            span("cobra", id=3, parent=1, service="pagos"),
        ]
    )

    text = get(app, "/search").text

    assert results(text) == ["POST /pago &lt;b&gt;"]
    assert re.search(r"pagos <b>2</b>", text)
    assert "1\N{NO-BREAK SPACE}error<" in text
    assert "154\N{NO-BREAK SPACE}ms" in text
    assert "hace 1\N{NO-BREAK SPACE}min" in text
    assert f'href="/trace/{trace_id(1)}"' in text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["corta", "larga"]),
        ("sort=largas", ["larga", "corta"]),
        ("service=tienda&operation=larga", ["larga"]),
        ("minDuration=1,5+s", ["larga"]),
        ("maxDuration=100ms", ["corta"]),
        ("tags=color%3Dazul", ["corta"]),
        ("tags=color%3D%22rojo+vivo%22", ["larga"]),
        ("tags=%7B%22color%22%3A%22azul%22%7D", ["corta"]),
        ("lookback=5m", ["corta"]),
        ("limit=1", ["corta"]),
        ("service=nadie", []),
    ],
)
def test_the_form_finds_what_it_asks_for(app: Any, store: Store, query: str, expected: list[str]) -> None:
    store.add([span("larga", trace=1, ms=2000, start_ms=-600_000, attributes={"color": "rojo vivo"})])
    store.add([span("corta", trace=2, ms=3, attributes={"color": "azul"})])

    assert results(get(app, f"/search?{query}").text) == expected


@pytest.mark.parametrize("query", ["minDuration=rápido", "tags=suelto", "limit=x", "tags=a%3D%22", "start=ayer"])
def test_a_form_that_is_not_understood_says_why(app: Any, query: str) -> None:
    answer = get(app, f"/search?{query}")

    assert answer.status == 400
    assert "No se entiende" in answer.text


def test_the_trace_page_holds_every_span_with_its_details(app: Any, store: Store) -> None:
    store.add(
        [
            span("POST /avatar", id=1, ms=60, service="uploads", kind=Kind.SERVER, attributes={"user": "<ana>"}),
            span("send subido", id=2, parent=1, ms=5, service="uploads", kind=Kind.PRODUCER),
            span(
                "process subido", id=3, parent=2, start_ms=80, service="thumbnails", kind=Kind.CONSUMER, error=True
            ),
        ]
    )

    text = get(app, f"/trace/{trace_id(1).lstrip('0')}").text

    assert text.count('<details class="span') == 3
    assert "&lt;ana&gt;" in text
    assert "recoge un mensaje y lo atiende" in text
    assert 'data-from="0000000000000002"' in text
    assert "thumbnails recoge este mensaje en «process subido»" in text
    assert re.search(r'<details class="span c\d bad" id="span-0000000000000003"', text)


def test_two_hundred_spans_are_all_there(app: Any, store: Store) -> None:
    store.add([span("raíz", id=1, ms=500)])
    store.add(span(f"paso {number}", parent=1, start_ms=number, service=f"s{number % 9}") for number in range(199))

    text = get(app, f"/trace/{trace_id(1)}").text

    assert text.count('<details class="span') == 200
    assert len(text) < 1_000_000


def test_a_trace_that_is_not_there_says_why_it_may_be(app: Any) -> None:
    assert get(app, f"/trace/{trace_id(1)}").status == 404
    assert "pueden tardar" in get(app, f"/trace/{trace_id(1)}").text
    assert get(app, "/trace/esto-no").status == 400
    assert get(app, "/search?traceID=+1f+").headers["location"] == "/trace/1f"


def test_who_calls_whom(app: Any, store: Store) -> None:
    store.add([span(id=1, service="kong"), span(parent=1, service="uploads"), span(parent=1, service="kong")])

    rows = re.findall(r"<tr>\s*<td>.*?</tr>", get(app, "/dependencies").text, re.S)

    assert len(rows) == 1
    assert "kong" in rows[0]
    assert "uploads" in rows[0]


def test_what_is_not_imitated_is_a_501(app: Any) -> None:
    assert get(app, "/api/metrics/calls?service=x").status == 501
