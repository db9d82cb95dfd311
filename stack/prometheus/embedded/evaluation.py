"""Calcular las reglas cada poco: guardar lo que dan las que guardan y seguir el estado de las que avisan."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from stack.prometheus.embedded.promql import BadQuery, ExecutionError, Sample, Scalar, String, Vector, query
from stack.prometheus.embedded.promql.options import DEFAULTS, Options
from stack.prometheus.embedded.rules import Group, Rule, expand
from stack.prometheus.embedded.storage import Labels, Storage, key_of

RESOLVED_S = 15 * 60.0


@dataclass(slots=True)
class Alert:
    """Un aviso: lo que la consulta contestó con unas etiquetas. `state` es `pending`, `firing` o `inactive`."""

    labels: dict[str, str]
    annotations: dict[str, str]
    state: str
    active_s: float
    value: float
    last_seen_s: float


@dataclass(slots=True)
class Watched:
    """Una regla y cómo le fue la última vez. `health` es `unknown`, `ok` o `err`, como en la API."""

    rule: Rule
    health: str = "unknown"
    error: str = ""
    at_s: float = 0.0
    took_s: float = 0.0
    alerts: dict[Labels, Alert] = field(default_factory=dict)
    written: set[Labels] = field(default_factory=set)

    @property
    def active(self) -> list[Alert]:
        """Los avisos vivos: esperando (`pending`) o dados (`firing`)."""
        return [one for one in self.alerts.values() if one.state != "inactive"]

    @property
    def state(self) -> str:
        """El más grave de sus avisos; `inactive` si no tiene."""
        states = {one.state for one in self.active}
        return next((one for one in ("firing", "pending") if one in states), "inactive")


class Evaluator:
    """Los grupos de reglas, cada uno con su bucle."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._tasks: list[asyncio.Task[None]] = []
        self.options = DEFAULTS
        self.groups: list[tuple[Group, list[Watched]]] = []

    def start(self, groups: Sequence[Group]) -> None:
        """Empieza a calcular esos grupos. Los que seguían igual conservan el estado de sus avisos."""
        for task in self._tasks:
            task.cancel()
        kept = dict.fromkeys(range(len(self.groups)))
        before = self.groups
        self.groups = []
        for group in groups:
            same = next((place for place in kept if before[place][0] == group), None)
            kept.pop(same, None) if same is not None else None
            self.groups.append((group, before[same][1] if same is not None else [Watched(r) for r in group.rules]))
        now = int(time.time() * 1000)
        for place in kept:
            for watched in before[place][1]:
                self._storage.mark_stale(watched.written, now)
        self._tasks = [asyncio.create_task(self._loop(group, rules)) for group, rules in self.groups]

    async def stop(self) -> None:
        """Deja de calcular."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _loop(self, group: Group, rules: list[Watched]) -> None:
        following = time.monotonic()
        while True:
            for one in rules:
                evaluate(one, self._storage, time.time(), self.options)
            following = max(following + group.interval_s, time.monotonic())
            await asyncio.sleep(following - time.monotonic())


def evaluate(one: Watched, storage: Storage, at_s: float, options: Options = DEFAULTS) -> None:
    """Calcula una regla en el instante `at_s` (segundos) y guarda las series que da."""
    began, at_ms = time.perf_counter(), int(at_s * 1000)
    one.at_s = at_s
    try:
        samples = _samples(one.rule, storage, at_ms, options)
        series = _alerting(one, samples, at_s) if one.rule.alert else _recording(one.rule, samples)
        one.health, one.error = "ok", ""
    except (BadQuery, ExecutionError) as error:
        one.health, one.error, series = "err", str(error), {}
    for key, value in series.items():
        storage.append_key(key, at_ms, value)
    storage.mark_stale(one.written - series.keys(), at_ms)
    one.written = set(series)
    one.took_s = time.perf_counter() - began


def _samples(rule: Rule, storage: Storage, at_ms: int, options: Options) -> list[Sample]:
    match query(rule.expr, storage, at_ms, options):
        case Scalar(_, value):
            return [Sample({}, at_ms, value)]
        case Vector(samples):
            return samples
        case String():
            raise ExecutionError("rule result is not a vector or scalar")
        case _:
            raise ExecutionError("rule result is not a vector or scalar")


def _recording(rule: Rule, samples: list[Sample]) -> dict[Labels, float]:
    found = {key_of({**one.labels, **rule.labels, "__name__": rule.name}): one.value for one in samples}
    if len(found) != len(samples):
        raise ExecutionError("vector contains metrics with the same labelset after applying rule labels")
    return found


def _alerting(one: Watched, samples: list[Sample], at_s: float) -> dict[Labels, float]:
    rule, now = one.rule, set[Labels]()
    for sample in samples:
        own = {name: value for name, value in sample.labels.items() if name != "__name__"}
        extra = {name: expand(text, own, sample.value) for name, text in rule.labels.items()}
        labels = {**own, **extra, "alertname": rule.name}
        key = key_of(labels)
        if key in now:
            raise ExecutionError("vector contains metrics with the same labelset after applying alert labels")
        now.add(key)
        known = one.alerts.get(key)
        if known is None or known.state == "inactive":
            known = one.alerts[key] = Alert(labels, {}, "pending", at_s, sample.value, at_s)
        known.value, known.last_seen_s = sample.value, at_s
        known.annotations = {name: expand(text, own, sample.value) for name, text in rule.annotations.items()}
    series: dict[Labels, float] = {}
    for key, alert in list(one.alerts.items()):
        if key not in now:
            if alert.state == "pending" or at_s - alert.last_seen_s > RESOLVED_S + rule.keep_s:
                del one.alerts[key]
                continue
            if at_s - alert.last_seen_s >= rule.keep_s:
                alert.state = "inactive"
        elif alert.state == "pending" and at_s - alert.active_s >= rule.hold_s:
            alert.state = "firing"
        if alert.state != "inactive":
            series[key_of({**alert.labels, "__name__": "ALERTS", "alertstate": alert.state})] = 1.0
            series[key_of({**alert.labels, "__name__": "ALERTS_FOR_STATE"})] = float(int(alert.active_s))
    return series
