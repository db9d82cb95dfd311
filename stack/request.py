"""Lo que pide una orden `up`, ya comprobado, y el plan que sale de ello."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from stack import ports
from stack.credentials import as_variables
from stack.model import Kind, Service
from stack.observe import Observation, seen
from stack.plan import Choice, Plan, closure, plan
from stack.prepare import Prepared
from stack.runtimes.base import Runtime
from stack.runtimes.choice import choose, require_known
from stack.state import State
from stack.suggest import unknown_service


class Request:
    """Qué servicios, en qué runtime y en qué puertos.

    Raises:
        UsageError: hay un nombre que no existe, o un número que no puede ser.
        StartError: se pide un runtime que esta versión no tiene.
    """

    def __init__(
        self,
        services: Sequence[Service],
        runtimes: Mapping[str, Runtime],
        *,
        names: Iterable[str],
        runtime: str,
        per_service: Mapping[str, str],
        forced: Mapping[str, int],
    ) -> None:
        self._services, self._runtimes = services, runtimes
        self._runtime, self._per_service = runtime, per_service
        known = [service.name for service in services]
        self.names = list(dict.fromkeys(names))
        for name in (*self.names, *per_service):
            if name not in known:
                raise unknown_service(name, known)
        for wanted in (runtime, *per_service.values()):
            require_known(wanted, runtimes)
        self._forced = ports.parse_forced(forced, services)
        if not self.names:
            self.names = [service.name for service in services if service.kind is not Kind.MICROSERVICE]

    def plan(
        self, current: Observation, state: State, credentials: Mapping[str, str], avoid: Collection[int] = ()
    ) -> Plan:
        """El plan para lo que se ve ahora (`current`); `avoid` son los puertos que ya fallaron."""
        values = as_variables(credentials)
        return plan(
            self.names,
            self._services,
            seen=seen(current, self._services, self._runtimes, closure(self.names, self._services)),
            choose=self._choose,
            prepare=lambda service, runtime, numbers: self._prepare(service, runtime, numbers, values),
            kept=state.ports,
            forced=self._forced,
            free=ports.is_free,
            avoid=avoid,
        )

    def _choose(self, service: Service, current: str | None) -> Choice:
        wanted = self._per_service.get(service.name, self._runtime)
        runtime = choose(service, wanted, current, self._runtimes)
        offer = runtime.offer(service)
        assert offer is not None, "`choose` solo elige a quien sabe arrancarlo"
        return Choice(runtime.name, offer.product, offer.fidelity)

    def _prepare(
        self, service: Service, runtime: str, numbers: Mapping[str, int], credentials: Mapping[str, str]
    ) -> Prepared:
        chosen = self._runtimes[runtime]
        endpoints = [
            chosen.endpoint(other, port.name, numbers[ports.key(other.name, port.name)])
            for other in self._services
            for port in other.ports
        ]
        return chosen.prepare(service, endpoints, credentials)
