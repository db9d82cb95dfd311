"""Las tablas de `status`, `up` y `up --plan`: alineadas, sin nada cortado y sin nada que se salga."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.render import plan as plan_view
from lab.render import status
from lab.render.services import ServicesView
from stack.events import ServiceReady, ServiceStarting, ServiceUnchanged
from stack.model import Fidelity, Kind
from stack.plan import Action, Choice, Plan, Step
from stack.prepare import Prepared
from stack.status import Condition, ServiceStatus
from tests.support.fakes import SERVE, fake
from tests.support.screens import lines, screen


def row(title: str, *, state: Condition = Condition.RUNNING, **other: object) -> ServiceStatus:
    values = {
        "name": title.lower(),
        "title": title,
        "kind": Kind.SERVICE,
        "runtime": "embedded",
        "fidelity": Fidelity.EMBEDDED,
        "product": "suplente",
        "state": state,
        "url": "http://127.0.0.1:26686",
        "memory_mb": 13.0,
    }
    return ServiceStatus(**(values | other))  # type: ignore[arg-type]


ROWS = [
    row("Kafka", url="kafka://127.0.0.1:19092"),
    row("Base de datos", fidelity=Fidelity.BINARY, product="PostgreSQL 15.18", memory_mb=1234.0),
    row("Jaeger", fidelity=Fidelity.DOCKER, product="Jaeger 2.20.0 (imagen local)"),
    row(
        "n8n",
        state=Condition.STOPPED,
        runtime="",
        fidelity=None,
        product="aquí no se puede arrancar",
        memory_mb=None,
    ),
    row("Buzón", state=Condition.STOPPED, memory_mb=None),
    row(
        "Kong", state=Condition.FAILED, memory_mb=None, problem="no contesta a GET /status desde hace un buen rato"
    ),
    row("Páginas de stacklab", kind=Kind.CONSOLE, fidelity=Fidelity.BINARY, product="stacklab"),
    row("Puente", kind=Kind.BRIDGE, state=Condition.STOPPED),
]


def table(width: int) -> list[str]:
    console = screen(width)
    status.show(console, ROWS)
    return lines(console)


@pytest.mark.parametrize("width", [80, 100])
def test_each_service_is_one_aligned_line(width: int) -> None:
    titles, *rows = table(width)[:8]
    assert max(map(len, table(width))) <= width
    assert [line[4:24].rstrip() for line in rows] == [one.title for one in ROWS[:7]]
    where = titles.index("Dirección")
    running = [rows[position] for position in (0, 1, 2, 6)]
    assert [line[where:] for line in running] == ["127.0.0.1:19092", *["http://127.0.0.1:26686"] * 3]
    end = titles.index("Memoria") + len("Memoria")
    assert [line[:end].rpartition("  ")[2].strip()[-6:].strip() for line in running] == [
        "13 MB",
        "1,2 GB",
        "13 MB",
        "13 MB",
    ]
    assert {line[titles.index("Quién")] for line in running} == set("erip")
    assert not [line for line in table(width) if line != line.rstrip()]


def test_what_is_not_running_says_why_in_full() -> None:
    found = table(80)
    assert "  – n8n                 aquí no se puede arrancar" in found
    assert "  – Buzón               parado" in found
    assert "  ✘ Kong                falla" in found
    text = " ".join(" ".join(found).split())
    assert "✘ Kong: no contesta a GET /status desde hace un buen rato. Mira: stacklab logs kong" in text
    assert any("stacklab logs kong" in line for line in found)
    assert "Puente" not in text
    assert "4 en marcha · 1,3 GB en total" in text


@pytest.mark.parametrize("width", [40, 60])
def test_in_a_narrow_terminal_who_answers_is_shortened_and_seen_to_be(width: int) -> None:
    found = table(width)
    assert max(map(len, found)) <= width
    assert "Dirección" not in found[0]
    (line,) = [one for one in found if "Base de datos" in one]
    assert line.endswith("real · PostgreSQL 15.18" if width == 60 else "…")


def test_nothing_running_says_how_to_begin() -> None:
    console = screen()
    status.show(console, [row("Buzón", state=Condition.STOPPED, memory_mb=None)])
    assert lines(console)[-1] == "No hay nada en marcha. Para empezar: stacklab run flujo-a"


def test_a_long_reason_to_restart_is_read_to_the_end() -> None:
    console = screen()
    reason = "no contesta: GET /status (puerto 8100) dio 503, y se esperaba un 200 o un 204"
    with ServicesView(console) as view:
        view(ServiceStarting("kong", "Kong", "suplente", Fidelity.EMBEDDED, "embedded", reason))
        view(ServiceUnchanged("redis", "Redis", "Valkey 9.1", Fidelity.BINARY, "binary", "redis://127.0.0.1:6379"))
    first, second, last = lines(console)
    assert " ".join(f"{first} {second}".split()) == f"↻ Kong {reason}"
    assert second.startswith(" " * 24)
    assert (last[24:].split(), max(map(len, lines(console))) <= 80) == (
        ["real", "·", "Valkey", "9.1", "sigue", "127.0.0.1:6379"],
        True,
    )


def step(title: str, action: Action, ports: dict[str, int], **other: object) -> Step:
    service = fake(title, SERVE)
    prepared = Prepared(service, (), (), {}, {}, Path(), Path(), "")
    choice = Choice("embedded", "suplente", Fidelity.EMBEDDED)
    return Step(action, service, choice, ports, prepared, **other)  # type: ignore[arg-type]


KONG = step(
    "kong",
    Action.START,
    {"proxy": 8000, "admin": 18_001, "status": 8100},
    after=("consul", "jaeger"),
    reason="quedan restos",
)
CONSUL, JAEGER = (step(name, Action.KEEP, {"http": 8500}) for name in ("consul", "jaeger"))


@pytest.mark.parametrize("width", [40, 80, 100])
def test_the_plan_hangs_and_says_ports_reasons_and_order(width: int) -> None:
    console = screen(width)
    plan_view.show(console, Plan((CONSUL, JAEGER, KONG)))
    found = lines(console)
    assert max(map(len, found)) <= width
    (start,) = [position for position, line in enumerate(found) if line.startswith("  arrancar")]
    margin = " " * (32 if width >= 80 else 12)
    rest = found[start + 1 : found.index("")]
    assert rest
    assert all(line.startswith(margin) for line in rest)
    text = " ".join(" ".join(found[start : found.index("")]).split())
    assert "embebido · proxy 8000, admin 18001, status 8100 · quedan restos · después de Consul, Jaeger" in text
    assert found[-1] == "Esto haría. Todavía no ha hecho nada."
    assert "embedded" not in text


def test_a_plan_with_nothing_to_do_says_so() -> None:
    console = screen()
    plan_view.show(console, Plan((CONSUL, JAEGER)))
    assert lines(console)[-1] == "No hay nada que hacer: todo está ya en marcha."


def test_the_measure_of_a_service_that_starts_is_in_its_column() -> None:
    console = screen()
    with ServicesView(console) as view:
        for name, spent in (("Redis", 0.082), ("Kafka", 12.3)):
            view(ServiceReady(name.lower(), name, spent, "", Fidelity.EMBEDDED, "embedded", "http://127.0.0.1:1"))
    assert [line.index("http") for line in lines(console)] == [57, 57]
