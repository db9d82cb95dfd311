"""Observar → planear → ejecutar: el plan es un dato, se puede leer antes de hacer nada y se prueba sin procesos.

`plan` no mira la máquina: le dan lo observado (`Seen`) y maneras de preguntar (`choose`, `prepare`, `free`).
Con los mismos datos sale siempre el mismo plan.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from stack.errors import ConfigError
from stack.model import Fidelity, Service
from stack.ports import allocate, key
from stack.prepare import Prepared


class Action(StrEnum):
    """Qué se hace con un servicio. `WAIT`: ya arrancó y aún está dentro de su plazo; solo hay que esperarlo."""

    KEEP = "dejar"
    WAIT = "esperar"
    START = "arrancar"
    RESTART = "reiniciar"


@dataclass(frozen=True, slots=True)
class Seen:
    """Lo que se ha visto de un servicio en marcha.

    `problem` es lo que contestó mal a su sonda (`None`: contesta). `young` es cierto si todavía está en plazo.
    """

    runtime: str
    spec_hash: str
    ports: Mapping[str, int]
    alive: bool = True
    young: bool = False
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """Lo elegido para un servicio: qué runtime, qué producto y con qué fidelidad."""

    runtime: str
    product: str
    fidelity: Fidelity


@dataclass(frozen=True, slots=True)
class Step:
    """Un paso del plan.

    `after` son los servicios del plan que han de estar listos antes. `replaces` es el runtime donde queda algo
    suyo (el de antes, o sus restos) que hay que quitar primero.
    """

    action: Action
    service: Service
    choice: Choice
    ports: Mapping[str, int]
    prepared: Prepared
    after: tuple[str, ...] = ()
    reason: str = ""
    replaces: str | None = None

    @property
    def name(self) -> str:
        """El nombre de su servicio."""
        return self.service.name

    def __str__(self) -> str:
        ports = " ".join(f"{name}:{number}" for name, number in self.ports.items())
        line = f"{self.action:<10}{self.name:<12}{self.choice.product} ({self.choice.fidelity}) · {ports}"
        if self.after and self.action in (Action.START, Action.RESTART):
            line += f" · después de {', '.join(self.after)}"
        return line + (f" · {self.reason}" if self.reason else "")


@dataclass(frozen=True, slots=True)
class Plan:
    """Los pasos, con cada servicio después de aquellos de los que depende, y los puertos de todo el catálogo."""

    steps: tuple[Step, ...]
    ports: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        return "\n".join(map(str, self.steps))


def plan(
    names: Iterable[str],
    catalog: Sequence[Service],
    *,
    seen: Mapping[str, Seen],
    choose: Callable[[Service, str | None], Choice],
    prepare: Callable[[Service, str, Mapping[str, int]], Prepared],
    kept: Mapping[str, int],
    forced: Mapping[str, int],
    free: Callable[[int], bool],
    avoid: Collection[int] = (),
) -> Plan:
    """El plan para que `names`, y aquello de lo que dependen, quede en marcha.

    Args:
        seen: lo que hay ahora, por nombre.
        choose: el runtime de un servicio, dado el que tiene ahora (o `None`).
        prepare: el servicio resuelto para un runtime con los puertos dados («servicio.puerto» → número).
        kept, forced, free, avoid: véase `stack.ports.allocate`.

    Se reinicia lo que cambió y, detrás, lo que depende de ello. Arrancar lo que faltaba, o reiniciar lo que no
    contesta, no molesta a nadie más: el resto sigue, como seguiría en producción. Un servicio en marcha que nadie
    ha nombrado solo se toca si depende de algo que se reinicia, o si se ha movido un puerto que él usa.

    Raises:
        PortTaken, UsageError, StartError: véanse `allocate` y `stack.runtimes.choice.choose`.
        ConfigError: dos servicios dependen uno del otro.
    """
    ordered = in_order(catalog)
    wanted = closure(names, ordered)
    involved = [service for service in ordered if service.name in wanted or _lives(seen.get(service.name))]
    choices = {service.name: choose(service, _runtime(seen.get(service.name))) for service in involved}
    running = {
        key(name, port): number
        for name, one in seen.items()
        if one.alive and (name not in choices or choices[name].runtime == one.runtime)
        for port, number in one.ports.items()
    }
    ports = allocate(ordered, starting=wanted, running=running, kept=kept, forced=forced, avoid=avoid, free=free)
    moved = {name for name, number in ports.items() if (running.get(name) or kept.get(name, number)) != number}
    prepared = {s.name: prepare(s, choices[s.name].runtime, ports) for s in involved}
    steps: dict[str, Step] = {}
    spreading: set[str] = set()
    for service in involved:
        name = service.name
        before = seen.get(name)
        changed = _change(before, choices[name], prepared[name])
        cause = next((one for one in service.depends_on if one in spreading), None)
        if name not in wanted and not cause and not (changed and moved):
            continue
        if not changed and cause and before is not None and before.alive:
            changed = f"se reinicia {cause}, de quien depende"
        if changed:
            spreading.add(name)
        action, reason = (Action.RESTART, changed) if changed else _repair(before)
        steps[name] = Step(
            action=action,
            service=service,
            choice=choices[name],
            ports={port.name: ports[key(name, port.name)] for port in service.ports},
            prepared=prepared[name],
            after=tuple(one for one in service.depends_on if one in steps),
            reason=reason,
            replaces=before.runtime if before and action in (Action.START, Action.RESTART) else None,
        )
    return Plan(tuple(steps.values()), ports)


def closure(names: Iterable[str], catalog: Iterable[Service]) -> set[str]:
    """`names` y todo aquello de lo que dependen, directa o indirectamente."""
    services = {service.name: service for service in catalog}
    result: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in result and name in services:
            result.add(name)
            pending.extend(services[name].depends_on)
    return result


def in_order(catalog: Sequence[Service]) -> list[Service]:
    """El catálogo con cada servicio después de aquellos de los que depende y, si da igual, en su orden.

    Raises:
        ConfigError: hay un círculo.
    """
    result: list[Service] = []
    done: set[str] = set()
    known = {service.name for service in catalog}
    pending = list(catalog)
    while pending:
        ready = next((s for s in pending if all(one in done or one not in known for one in s.depends_on)), None)
        if ready is None:
            names = ", ".join(service.name for service in pending)
            raise ConfigError(f"estos servicios dependen en círculo unos de otros: {names}", "", "stacklab doctor")
        result.append(ready)
        done.add(ready.name)
        pending.remove(ready)
    return result


def stop_levels(names: Collection[str], catalog: Sequence[Service]) -> list[list[str]]:
    """Por tandas, en qué orden parar `names`: nadie antes que quien depende de él. Lo desconocido, primero."""
    services = {service.name: service for service in catalog}
    depth: dict[str, int] = {}
    for service in in_order(catalog):
        depth[service.name] = 1 + max((depth.get(one, 0) for one in service.depends_on), default=0)
    levels: dict[int, list[str]] = {}
    for name in names:
        level = depth.get(name, 0) if name in services else len(depth) + 1
        levels.setdefault(level, []).append(name)
    return [sorted(levels[level]) for level in sorted(levels, reverse=True)]


def _change(seen: Seen | None, choice: Choice, prepared: Prepared) -> str:
    """En qué se diferencia lo que hay en marcha de lo que se pide; vacío si en nada (o no hay nada)."""
    if seen is None or not seen.alive:
        return ""
    if seen.runtime != choice.runtime:
        return f"pasa de {seen.runtime} a {choice.runtime}"
    if not seen.spec_hash:
        return "no se sabe con qué configuración arrancó"
    return "cambió su configuración o algún puerto" if seen.spec_hash != prepared.spec_hash else ""


def _repair(seen: Seen | None) -> tuple[Action, str]:
    """Qué hacer con un servicio que no ha cambiado, y por qué."""
    if seen is None:
        return Action.START, ""
    if not seen.alive:
        return Action.START, "quedan restos de un proceso que murió"
    if seen.problem is None:
        return Action.KEEP, ""
    if seen.young:
        return Action.WAIT, "acaba de arrancar"
    return Action.RESTART, f"no contesta: {seen.problem}"


def _lives(seen: Seen | None) -> bool:
    return seen is not None and seen.alive


def _runtime(seen: Seen | None) -> str | None:
    return seen.runtime if seen is not None else None
