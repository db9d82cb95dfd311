"""Lo que el agente tiene dado de alta, cómo está cada cosa y cuándo se lo cuenta al catálogo.

Sigue https://developer.hashicorp.com/consul/docs/concepts/catalog#anti-entropy. Un cambio de estado se apunta en
el catálogo enseguida; si solo cambia lo que se cuenta de él (`Output`), minutos después: así una comprobación que
dice la hora no despierta a todo el mundo cada vez. Lo que se da de alta igual que estaba aquí no se vuelve a
contar, aunque en el catálogo ya no esté igual (a cada comprobación le pone él las etiquetas de su servicio): eso
lo arregla el repaso de todo, cada minuto o dos.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from stack.consul.embedded.agent.check_definition import CheckDefinition, missing_service
from stack.consul.embedded.agent.monitors import Deadline, Monitor, watch
from stack.consul.embedded.agent.service_definition import ServiceDefinition
from stack.consul.embedded.errors import Refused
from stack.consul.embedded.golang import SECOND_NS, format_duration, quoted
from stack.consul.embedded.state.catalog import CRITICAL, Check, Service

OUTPUT_SYNC_S = 5 * 60.0
"""`check_update_interval`: lo que tarda en llegar al catálogo un `Output` nuevo, más o menos la mitad."""
FULL_SYNC_S = 60.0
"""Cada cuánto se repasa todo, y hasta otro tanto más."""
REAP_EVERY_S = 30.0
DEREGISTER_MIN_S = 60.0
NODE_MAINTENANCE = "_node_maintenance"
SERVICE_MAINTENANCE = "_service_maintenance:"
_NO_REASON = "Maintenance mode is enabled for this {what}, but no reason was provided. This is a default message."


class Registry(Protocol):
    """El catálogo, visto por el agente."""

    def register(self, service: Service, checks: list[Check]) -> None: ...
    def put_check(self, check: Check) -> None: ...
    def check(self, check_id: str) -> Check | None: ...
    def deregister(self, service_id: str) -> None: ...
    def delete_check(self, check_id: str) -> None: ...


@dataclass(slots=True)
class Watched:
    """Una comprobación del agente: su estado, quién la vigila y desde cuándo da crítico (reloj monótono).

    `at` es cuándo se supo de ella por última vez, en segundos desde 1970; cero si todavía no.
    """

    check: Check
    definition: CheckDefinition | None = None
    monitor: Monitor | None = None
    critical_since: float | None = None
    pending: asyncio.TimerHandle | None = field(default=None, repr=False)
    at: float = 0.0

    def stop(self) -> None:
        """Ni vigila ni tiene nada por apuntar."""
        if self.monitor is not None:
            self.monitor.stop()
        if self.pending is not None:
            self.pending.cancel()


class Agent:
    """Los servicios y las comprobaciones de esta máquina."""

    def __init__(self, registry: Registry, clock: Callable[[], float] = time.monotonic) -> None:
        self._registry = registry
        self._clock = clock
        self.services: dict[str, Service] = {}
        self.checks: dict[str, Watched] = {}

    # --- Servicios

    def register(self, definition: ServiceDefinition, *, replace_checks: bool = False) -> None:
        """Da de alta una instancia, o la cambia. Una comprobación que ya estaba conserva su estado.

        Con `replace_checks` desaparecen las que tenía y ahora no trae.
        """
        service = definition.service
        before = {one for one, watched in self.checks.items() if watched.check.service_id == service.id}
        known = self.services.get(service.id)
        self.services[service.id] = service
        checks: dict[str, Check] = {}
        changed: list[Check] = []
        for number, one in enumerate(definition.checks, start=1):
            check_id = one.id or f"service:{service.id}" + (f":{number}" if len(definition.checks) > 1 else "")
            check = Check(
                id=check_id,
                name=one.name or f"Service '{service.name}' check",
                notes=one.notes,
                type=one.type,
                interval=format_duration(one.interval_ns) if one.interval_ns else "",
                timeout=format_duration(one.timeout_ns) if one.timeout_ns else "",
            )
            old = self.checks.get(check_id)
            checks[check_id] = self._add(check, one, service)
            if _is_news(old, checks[check_id]):
                changed.append(checks[check_id])
        if known is None or not known.same_as(service):
            self._registry.register(service, changed)
        else:  # la instancia no ha cambiado: cada comprobación va por su cuenta
            for check in changed:
                self._registry.put_check(check)
        if replace_checks:
            for check_id in before - checks.keys():
                self._remove_check(check_id)

    def deregister(self, service_id: str) -> None:
        """Da de baja una instancia con sus comprobaciones; `Refused` si no existe."""
        self.require_service(service_id)
        del self.services[service_id]
        for check_id, watched in list(self.checks.items()):
            if watched.check.service_id == service_id:
                watched.stop()
                del self.checks[check_id]
        self._registry.deregister(service_id)

    def require_service(self, service_id: str) -> Service:
        """La instancia, o `Refused` si no existe."""
        if service_id in self.services:
            return self.services[service_id]
        raise Refused(
            404,
            f"Unknown service ID {quoted(service_id)}. "
            "Ensure that the service ID is passed, not the service name.",
        )

    # --- Comprobaciones

    def register_check(self, definition: CheckDefinition) -> None:
        """Añade una comprobación a un servicio o al nodo; `Refused` si el servicio no existe."""
        service = self.services.get(definition.service_id)
        if definition.service_id and service is None:
            raise missing_service(definition.service_id)
        check = Check(
            id=definition.id or definition.name,
            name=definition.name,
            notes=definition.notes,
            type=definition.type,
            interval=format_duration(definition.interval_ns),
            timeout=format_duration(definition.timeout_ns),
        )
        old = self.checks.get(check.id)
        added = self._add(check, definition, service)
        # Aquí Consul la da de alta como se pide y le devuelve su estado después: con otro, ya es una novedad.
        if _is_news(old, replace(added, status=definition.status or CRITICAL, output="")):
            self._registry.put_check(added)

    def deregister_check(self, check_id: str) -> None:
        """Quita una comprobación; `Refused` si no existe."""
        self.require_check(check_id)
        self._remove_check(check_id)

    def require_check(self, check_id: str) -> Watched:
        """La comprobación, o `Refused` si no existe."""
        if check_id in self.checks:
            return self.checks[check_id]
        raise Refused(
            404,
            f"Unknown check ID {quoted(check_id)}. Ensure that the check ID is passed, not the check name.",
        )

    def news(self, check_id: str, status: str, output: str) -> None:
        """Un servicio da señales de vida; `Refused` si la comprobación no existe o no es de TTL."""
        monitor = self.require_check(check_id).monitor
        if not isinstance(monitor, Deadline):
            raise Refused(500, f"CheckID {quoted(check_id)} does not have associated TTL")
        monitor.news(status, output)

    def _add(self, check: Check, definition: CheckDefinition, service: Service | None) -> Check:
        if service is not None:
            check = replace(check, service_id=service.id, service_name=service.name, service_tags=service.tags)
        old = self.checks.get(check.id)
        state = (old.check.status, old.check.output) if old else (definition.status or CRITICAL, "")
        watched = Watched(replace(check, status=state[0], output=state[1]), definition, at=old.at if old else 0.0)
        if old is not None:
            old.stop()
        self.checks[check.id] = watched
        watched.monitor = watch(definition, lambda status, output: self._update(check.id, watched, status, output))
        return watched.check

    def _remove_check(self, check_id: str) -> None:
        self.checks.pop(check_id).stop()
        self._registry.delete_check(check_id)

    def _update(self, check_id: str, watched: Watched, status: str, output: str) -> None:
        """Cómo está ahora una comprobación."""
        if self.checks.get(check_id) is not watched:
            return
        watched.at = time.time()
        if status != CRITICAL:
            watched.critical_since = None
        elif watched.critical_since is None:
            watched.critical_since = self._clock()
        before = watched.check
        watched.check = replace(before, status=status, output=output)
        if before.status != status:
            self._sync(watched)
        elif before.output != output and watched.pending is None:
            later_s = OUTPUT_SYNC_S / 2 + random.uniform(0, OUTPUT_SYNC_S)
            watched.pending = asyncio.get_running_loop().call_later(later_s, self._sync, watched)

    def _sync(self, watched: Watched) -> None:
        if watched.pending is not None:
            watched.pending.cancel()
            watched.pending = None
        self._registry.put_check(watched.check)

    # --- Mantenimiento

    def service_maintenance(self, service_id: str, *, enable: bool, reason: str) -> None:
        """Pone o quita en una instancia una comprobación que siempre falla; `Refused` si no existe."""
        service = self.require_service(service_id)
        check = Check(
            id=SERVICE_MAINTENANCE + service_id,
            name="Service Maintenance Mode",
            notes=reason or _NO_REASON.format(what="service"),
            type="maintenance",
            service_id=service.id,
            service_name=service.name,
            service_tags=service.tags,
        )
        self._maintain(check, enable)

    def node_maintenance(self, *, enable: bool, reason: str) -> None:
        """Lo mismo para todo lo de este nodo."""
        check = Check(
            id=NODE_MAINTENANCE,
            name="Node Maintenance Mode",
            notes=reason or _NO_REASON.format(what="node"),
            type="maintenance",
        )
        self._maintain(check, enable)

    def _maintain(self, check: Check, enable: bool) -> None:
        if enable and check.id not in self.checks:
            self.checks[check.id] = Watched(check, at=time.time())
            self._registry.put_check(check)
        elif not enable and check.id in self.checks:
            self._remove_check(check.id)

    # --- Bajas automáticas

    def reap(self) -> list[str]:
        """Da de baja lo que lleva en crítico más de lo que pidió (`DeregisterCriticalServiceAfter`); dice qué."""
        now = self._clock()
        doomed = {
            watched.check.service_id
            for watched in self.checks.values()
            if watched.check.service_id
            and watched.critical_since is not None
            and (allowed := _allowed_s(watched.definition)) is not None
            and now - watched.critical_since > allowed
        }
        for service_id in doomed:
            self.deregister(service_id)
        return sorted(doomed)

    async def keep_reaping(self) -> None:
        """`reap` cada medio minuto, hasta que se cancele."""
        while True:
            await asyncio.sleep(REAP_EVERY_S)
            self.reap()

    # --- Repaso

    def sync(self) -> None:
        """Apunta lo que en el catálogo esté de otra manera; un `Output` nuevo sigue esperando su turno."""
        for watched in self.checks.values():
            known, mine = self._registry.check(watched.check.id), watched.check
            if known is not None and watched.pending is not None:
                mine = replace(mine, output=known.output)
            if known is None or not known.same_as(mine):
                self._sync(watched)

    async def keep_syncing(self) -> None:
        """`sync` cada minuto o dos, hasta que se cancele."""
        while True:
            await asyncio.sleep(FULL_SYNC_S + random.uniform(0, FULL_SYNC_S))
            self.sync()

    def stop(self) -> None:
        """Deja de vigilar todo."""
        for watched in self.checks.values():
            watched.stop()


def _is_news(old: Watched | None, check: Check) -> bool:
    """Si `check` dice algo que no decía `old`, o si `old` tenía algo por apuntar."""
    return old is None or old.pending is not None or not old.check.same_as(check)


def _allowed_s(definition: CheckDefinition | None) -> float | None:
    """Cuánto puede estar en crítico, en segundos; Consul no admite menos de un minuto."""
    if definition is None or definition.deregister_after_ns <= 0:
        return None
    return max(DEREGISTER_MIN_S, definition.deregister_after_ns / SECOND_NS)
