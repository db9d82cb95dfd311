"""Planes dorados: con lo mismo delante sale siempre el mismo plan. Aquí no arranca ningún proceso."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from stack.errors import ConfigError
from stack.model import Embedded, Fidelity, HttpProbe, Port, Service
from stack.plan import Choice, Plan, Seen, closure, plan, stop_levels
from stack.ports import key
from stack.prepare import Prepared

MENTIONS = {"prometheus": ["uploads.http"], "kong": ["uploads.http"]}
"""Qué puertos de otros salen en la configuración de cada uno."""


def service(name: str, *numbers: int, after: tuple[str, ...] = ()) -> Service:
    ports = tuple(Port(f"p{index}" if index else "http", number) for index, number in enumerate(numbers))
    embedded = Embedded(("x",), f"Producto {name}", Fidelity.EMBEDDED, 1)
    return Service(name, name.title(), "", ports, HttpProbe("http", "/"), embedded, depends_on=after)


CATALOG = (
    service("grafana", 3000, after=("prometheus",)),
    service("prometheus", 9090),
    service("kong", 8000, 8001),
    service("uploads", 7101, after=("kafka", "minio")),
    service("kafka", 9092),
    service("minio", 9000),
)


def prepare(version: Mapping[str, str]) -> Any:
    def resolved(one: Service, runtime: str, numbers: Mapping[str, int]) -> Prepared:
        own = [key(one.name, port.name) for port in one.ports]
        spec = f"{version.get(one.name, 'v1')}" + "".join(
            f" {name}={numbers[name]}" for name in (*own, *MENTIONS.get(one.name, ())) if name in numbers
        )
        return Prepared(one, (), (), {}, {}, Path("c"), Path("d"), spec)

    return resolved


def planned(*names: str, catalog: tuple[Service, ...] = CATALOG, **given: Any) -> Plan:
    taken = given.pop("taken", ())
    version = given.pop("version", {})
    options: dict[str, Any] = {"seen": {}, "kept": {}, "forced": {}} | given
    return plan(
        names,
        catalog,
        choose=lambda one, current: Choice("embedded", one.embedded.product, one.embedded.fidelity),
        prepare=prepare(version),
        free=lambda number: number not in taken,
        **options,
    )


def up(*names: str, ports: Mapping[str, Mapping[str, int]] | None = None, **changes: Any) -> dict[str, Seen]:
    """Lo que se vería si `names` estuvieran en marcha tal como se pide."""
    steps = {step.name: step for step in planned(*names, kept=_flat(ports or {})).steps}
    seen = {
        name: Seen("embedded", steps[name].prepared.spec_hash, steps[name].ports)
        for name in names
        if name in steps
    }
    return seen | changes


def _flat(ports: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    return {key(name, port): number for name, some in ports.items() for port, number in some.items()}


def text(result: Plan) -> list[str]:
    return [" ".join(line.split()) for line in str(result).splitlines()]


def test_from_nothing() -> None:
    assert text(planned("uploads", "grafana")) == [
        "arrancar prometheus Producto prometheus (embedded) · http:9090",
        "arrancar grafana Producto grafana (embedded) · http:3000 · después de prometheus",
        "arrancar kafka Producto kafka (embedded) · http:9092",
        "arrancar minio Producto minio (embedded) · http:9000",
        "arrancar uploads Producto uploads (embedded) · http:7101 · después de kafka, minio",
    ]


def test_everything_is_there() -> None:
    assert text(planned("grafana", seen=up("grafana", "prometheus"))) == [
        "dejar prometheus Producto prometheus (embedded) · http:9090",
        "dejar grafana Producto grafana (embedded) · http:3000",
    ]


def test_a_missing_dependency_does_not_disturb_who_uses_it() -> None:
    assert text(planned("uploads", seen=up("uploads", "minio"))) == [
        "arrancar kafka Producto kafka (embedded) · http:9092",
        "dejar minio Producto minio (embedded) · http:9000",
        "dejar uploads Producto uploads (embedded) · http:7101",
    ]


def test_a_change_reaches_whoever_depends_on_it_even_if_not_named() -> None:
    seen = up("grafana", "prometheus", "kafka")
    assert text(planned("prometheus", seen=seen, version={"prometheus": "v2", "kafka": "v2"})) == [
        "reiniciar prometheus Producto prometheus (embedded) · http:9090 · cambió su configuración o algún puerto",
        "reiniciar grafana Producto grafana (embedded) · http:3000 · después de prometheus · "
        "se reinicia prometheus, de quien depende",
    ]


def test_a_port_that_moves_restarts_whoever_mentions_it() -> None:
    seen = up("prometheus", "kong", "grafana")
    result = planned("uploads", seen=seen, taken={7101}, kept={"uploads.http": 7101})
    assert text(result) == [
        "reiniciar prometheus Producto prometheus (embedded) · http:9090 · cambió su configuración o algún puerto",
        "reiniciar grafana Producto grafana (embedded) · http:3000 · después de prometheus · "
        "se reinicia prometheus, de quien depende",
        "reiniciar kong Producto kong (embedded) · http:8000 p1:8001 · cambió su configuración o algún puerto",
        "arrancar kafka Producto kafka (embedded) · http:9092",
        "arrancar minio Producto minio (embedded) · http:9000",
        "arrancar uploads Producto uploads (embedded) · http:17101 · después de kafka, minio",
    ]


_SAME = ("embedded", "v1 kafka.http=9092", {"http": 9092})


@pytest.mark.parametrize(
    ("seen", "line"),
    [
        (Seen("embedded", "", {}, alive=False), "arrancar kafka … · quedan restos de un proceso que murió"),
        (Seen(*_SAME, young=True, problem="no"), "esperar kafka … · acaba de arrancar"),
        (Seen(*_SAME, problem="timed out"), "reiniciar kafka … · no contesta: timed out"),
        (Seen("embedded", "", {"http": 9092}), "reiniciar kafka … · no se sabe con qué configuración arrancó"),
        (Seen("docker", *_SAME[1:]), "reiniciar kafka … · pasa de docker a embedded"),
    ],
    ids=["restos", "joven", "colgado", "sin etiqueta", "otro runtime"],
)
def test_what_is_wrong_decides_what_is_done(seen: Seen, line: str) -> None:
    dependent = up("uploads", "minio")
    result = planned("uploads", seen=dependent | {"kafka": seen})
    [kafka] = [one for one in text(result) if " kafka " in one[:18]]
    assert kafka == line.replace("…", "Producto kafka (embedded) · http:9092")
    changed = "sabe" in line or "pasa" in line
    assert ("reiniciar uploads" in " ".join(text(result))) is changed, "solo un cambio arrastra a quien depende"


def test_same_input_same_plan() -> None:
    given: dict[str, Any] = {"seen": up("kong"), "taken": {9000, 9092, 19092}, "kept": {"minio.http": 9001}}
    assert str(planned("uploads", **given)) == str(planned("uploads", **given))


def test_a_circle_is_our_own_fault() -> None:
    with pytest.raises(ConfigError, match="a, b"):
        planned("a", catalog=(service("a", 1100, after=("b",)), service("b", 1101, after=("a",))))


def test_closure_and_stop_order() -> None:
    assert closure(["grafana", "uploads"], CATALOG) == {"grafana", "prometheus", "uploads", "kafka", "minio"}
    names = ["kafka", "minio", "uploads", "prometheus", "grafana", "desconocido"]
    assert stop_levels(names, CATALOG) == [
        ["desconocido"],
        ["grafana", "uploads"],
        ["kafka", "minio", "prometheus"],
    ]
