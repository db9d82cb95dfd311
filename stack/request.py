"""Lo que pide una orden `up`, ya comprobado, y el plan que sale de ello."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType

from stack import neighbours, ports
from stack.addresses import Endpoint
from stack.credentials import as_variables
from stack.errors import StartError
from stack.folder import Folder
from stack.model import Fidelity, Kind, Service
from stack.observe import Observation, seen
from stack.plan import Choice, Plan, closure, plan
from stack.prepare import Prepared
from stack.runtimes.base import Offer, Runtime
from stack.runtimes.choice import AUTO, BINARY, EMBEDDED, choose, require_known
from stack.runtimes.local import FROM_CONTAINER
from stack.state import State
from stack.suggest import unknown_service


class Request:
    """Qué servicios, en qué runtime y en qué puertos.

    Sin nombres, todos los que se puedan arrancar aquí menos los microservicios. `network` es el nombre de la
    interfaz por la que los contenedores llegan a esta máquina (véase `stack.bridge`).

    Raises:
        UsageError: hay un nombre que no existe, o un número que no puede ser.
        StartError: se pide un runtime que aquí no se puede usar.
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
        network: str,
    ) -> None:
        self._services, self._runtimes = services, runtimes
        self._runtime = runtime
        self._per_service, self._network = per_service, network
        self._without: dict[str, set[str]] = {}
        known = [service.name for service in services]
        self.names = list(dict.fromkeys(names))
        for name in (*self.names, *per_service):
            if name not in known:
                raise unknown_service(name, known)
        for wanted in (self._runtime, *per_service.values()):
            require_known(wanted, runtimes)
            if wanted != AUTO and (refusal := runtimes[wanted].unavailable()) is not None:
                raise refusal
        self._forced = ports.parse_forced(forced, services)
        if not self.names:
            kinds = (Kind.SERVICE, Kind.CONSOLE)
            self.names = [
                one.name for one in services if one.kind in kinds and (one.name in per_service or self._can(one))
            ]

    def plan(
        self,
        current: Observation,
        state: State,
        credentials: Mapping[str, str],
        avoid: Collection[int] = (),
        claimed: Mapping[int, Folder] = MappingProxyType({}),
    ) -> Plan:
        """El plan para lo que se ve ahora (`current`).

        `avoid` son los puertos que ya fallaron; `claimed`, los que guardan otros laboratorios en marcha (véase
        `stack.neighbours`): no se usan, aunque estén libres, salvo los que un servicio nuestro ya tenga puestos.

        Si algún contenedor nombra a un proceso de esta máquina, o un proceso se anuncia a un contenedor, el plan
        lleva también el puente por el que llega.
        """
        ours = {number for one in current.alive().values() for number in one.ports.values()}
        theirs = {number: folder for number, folder in claimed.items() if number not in ours}
        for name, number in self._forced.items():
            if number in theirs:
                raise neighbours.refused(name, number, theirs[number])
        where = self._everywhere(current)
        bridges = [service.name for service in self._services if service.kind is Kind.BRIDGE]
        answers = seen(current, self._services, self._runtimes, closure([*self.names, *bridges], self._services))
        values = as_variables(credentials)
        done: dict[tuple[str, str, tuple[tuple[str, int], ...]], Prepared] = {}

        def prepare(service: Service, runtime: str, numbers: Mapping[str, int]) -> Prepared:
            # Con el puente se hace el plan dos veces; lo que no cambia de una a otra no se prepara otra vez.
            key = (service.name, runtime, tuple(numbers.items()))
            if key not in done:
                done[key] = self._prepare(service, runtime, numbers, values, where)
            return done[key]

        def made(names: Sequence[str]) -> Plan:
            return plan(
                names,
                self._services,
                seen=answers,
                choose=self._choose,
                prepare=prepare,
                kept=state.ports,
                forced=self._forced,
                free=ports.is_free,
                avoid={*avoid, *theirs},
            )

        first = made(self.names)
        contained = any(step.choice.runtime == "docker" for step in first.steps) or any(
            one.alive and one.runtime == "docker" for one in current.instances.values()
        )
        crossing = contained and any(_reaches_host(step.prepared) for step in first.steps)
        return made([*self.names, *bridges]) if crossing and bridges else first

    def offers(self) -> list[Offer]:
        """Lo que se arrancaría para lo pedido y aquello de lo que depende, si no hubiera nada en marcha."""
        wanted = closure(self.names, self._services)
        chosen = [(one, self._pick(one, None)) for one in self._services if one.name in wanted]
        return [offer for service, runtime in chosen if (offer := runtime.offer(service)) is not None]

    def instead(self) -> list[str]:
        """Por qué contestará lo que trae pip en lugar del programa real que se pidió para todos, uno a uno."""
        if self._runtime != BINARY:
            return []
        wanted = closure(self.names, self._services)
        binary = self._runtimes[BINARY]
        return [
            f"{one.title}: {binary.why_not(one)}"
            for one in self._services
            if one.name in wanted
            and one.kind is Kind.SERVICE
            and one.name not in self._per_service
            and binary.offer(one) is None
        ]

    def without(self, runtime: str, names: Iterable[str]) -> bool:
        """Deja de usar `runtime` para `names`. Falso si la persona lo pidió para alguno: entonces no hay otro."""
        if any(self._wanted(name) != AUTO for name in names):
            return False
        for name in names:
            self._without.setdefault(name, set()).add(runtime)
        return True

    def _wanted(self, name: str) -> str:
        return self._per_service.get(name, self._runtime)

    def _pick(self, service: Service, current: str | None) -> Runtime:
        return choose(
            service,
            self._wanted(service.name),
            current,
            self._runtimes,
            strict=service.name in self._per_service,
            without=self._without.get(service.name, ()),
        )

    def _can(self, service: Service) -> bool:
        try:
            self._pick(service, None)
        except StartError:
            return False
        return True

    def _choose(self, service: Service, current: str | None) -> Choice:
        runtime = self._pick(service, current)
        offer = runtime.offer(service)
        assert offer is not None, "`choose` solo elige a quien sabe arrancarlo"
        return Choice(runtime.name, offer.product, offer.fidelity)

    def _everywhere(self, current: Observation) -> dict[str, Runtime]:
        """El runtime de cada servicio del catálogo: hay que saber dónde estaría también el que no se arranca."""
        result = {}
        for service in self._services:
            instance = current.instances.get(service.name)
            try:
                result[service.name] = self._pick(service, instance.runtime if instance is not None else None)
            except StartError:
                result[service.name] = self._runtimes[EMBEDDED]
        return result

    def _prepare(
        self,
        service: Service,
        runtime: str,
        numbers: Mapping[str, int],
        names: Mapping[str, str],
        where: Mapping[str, Runtime],
    ) -> Prepared:
        places = dict(where) | {service.name: self._runtimes[runtime]}
        endpoints = [
            places[other.name].endpoint(other, port.name, numbers[ports.key(other.name, port.name)])
            for other in self._services
            for port in other.ports
        ]
        local = sorted((one.network_number, one.number) for one in endpoints if one.network_host == FROM_CONTAINER)
        extra = {
            **_answering((other.name, places[other.name].offer(other)) for other in self._services),
            **_own((one for one in endpoints if one.service == service.name), places),
            "HOST_PORTS": " ".join(f"{door}:{number}" for door, number in local),
            "NETWORK_INTERFACE": self._network,
        }
        return self._runtimes[runtime].prepare(service, endpoints, {**names, **extra})


def _reaches_host(prepared: Prepared) -> bool:
    """Si en la orden, el entorno o los ficheros sale el nombre que los contenedores dan a esta máquina."""
    texts = (*prepared.argv, *prepared.env.values(), *prepared.files.values())
    return any(FROM_CONTAINER in text for text in texts)


def _answering(offers: Iterable[tuple[str, Offer | None]]) -> dict[str, str]:
    """Quién contesta por cada servicio, y qué programa es."""
    names: dict[str, str] = {}
    for service, offer in offers:
        names[f"{_upper(service)}_FIDELITY"] = offer.fidelity if offer is not None else Fidelity.EMBEDDED
        names[f"{_upper(service)}_PRODUCT"] = offer.product if offer is not None else ""
    return names


def _own(endpoints: Iterable[Endpoint], places: Mapping[str, Runtime]) -> dict[str, str]:
    """Los puertos de un servicio, como los ve cada uno de los demás desde donde corre."""
    names: dict[str, str] = {}
    for endpoint in endpoints:
        for other, runtime in places.items():
            host, number = endpoint.address(runtime.viewpoint)
            prefix = f"{_upper(endpoint.port)}_FROM_{_upper(other)}"
            names[f"{prefix}_ADDRESS"] = f"{host}:{number}"
            names[f"{prefix}_URL"] = f"{endpoint.scheme}://{host}:{number}"
    return names


def _upper(name: str) -> str:
    return name.upper().replace("-", "_")
