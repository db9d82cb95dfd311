"""A quién tiene apuntado Consul."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from scenarios.engine.context import Run
from scenarios.engine.facts import NotProven
from scenarios.engine.read.http import ask


@dataclass(frozen=True, slots=True)
class InstanceFact:
    """Una instancia apuntada en Consul.

    `passing` es si pasa todas sus comprobaciones; `problem`, lo que contó la primera que no. `modified` es el
    índice del último cambio suyo o de sus comprobaciones: una respuesta de índice mayor o igual ya la vio así.
    """

    id: str
    address: str
    passing: bool
    problem: str
    modified: int


@dataclass(frozen=True, slots=True)
class ServiceFact:
    """Lo que Consul sabe ahora de un servicio, y su índice (`X-Consul-Index`)."""

    index: int
    instances: tuple[InstanceFact, ...]

    @property
    def healthy(self) -> tuple[InstanceFact, ...]:
        """Las que Consul daría a quien pida solo las sanas."""
        return tuple(one for one in self.instances if one.passing)


def registered(run: Run, name: str) -> ServiceFact:
    """Las instancias de `name`, sanas o no, preguntadas a Consul."""
    url = f"http://{run.env['CONSUL_HTTP_ADDR']}/v1/health/service/{quote(name, safe='')}"
    answer = ask(run, "GET", url)
    if not answer.ok:
        raise NotProven(f"Consul contestó {answer} al preguntarle por «{name}».")
    return ServiceFact(int(answer.headers["x-consul-index"]), tuple(map(_instance, answer.json())))


def _instance(entry: Mapping[str, Any]) -> InstanceFact:
    service, checks = entry["Service"], entry["Checks"]
    bad = next((check for check in checks if check["Status"] != "passing"), None)
    return InstanceFact(
        str(service["ID"]),
        f"{service['Address'] or entry['Node']['Address']}:{service['Port']}",
        bad is None,
        str(bad["Output"]) if bad is not None else "",
        max(int(one["ModifyIndex"]) for one in (service, *checks)),
    )
