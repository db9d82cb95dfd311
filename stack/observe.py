"""Mirar: qué servicios hay en marcha, con qué puertos, y si contestan. Nada de aquí cambia nada."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from stack import probes
from stack.addresses import Endpoint
from stack.model import Service
from stack.plan import Seen
from stack.ports import key
from stack.runtimes.base import Instance, Runtime
from stack.state import State

SETTLE_S = 2.0


@dataclass(frozen=True, slots=True)
class Observation:
    """Lo visto en la máquina en un momento: los servicios en marcha, completados con lo que recuerda el estado."""

    instances: Mapping[str, Instance]

    def alive(self) -> dict[str, Instance]:
        """Solo los que tienen a su proceso principal (o su contenedor) en marcha."""
        return {name: one for name, one in self.instances.items() if one.alive}

    def numbers(self, catalog: Iterable[Service], state: State) -> dict[str, int]:
        """El número de cada puerto: el que usa ahora, o el de la vez anterior, o el conocido."""
        result = {}
        for service in catalog:
            instance = self.instances.get(service.name)
            for port in service.ports:
                name = key(service.name, port.name)
                current = instance.ports.get(port.name) if instance is not None else None
                result[name] = current or state.ports.get(name, port.number)
        return result


def observe(runtimes: Iterable[Runtime], state: State) -> Observation:
    """Pregunta a cada runtime. De quien borró su entorno, los puertos y la configuración se sacan del estado."""
    instances: dict[str, Instance] = {}
    for runtime in runtimes:
        if runtime.unavailable() is None:
            for instance in runtime.observe():
                instances.setdefault(instance.service, _completed(instance, state))
    return Observation(instances)


def seen(
    observation: Observation,
    catalog: Sequence[Service],
    runtimes: Mapping[str, Runtime],
    wanted: Iterable[str],
) -> dict[str, Seen]:
    """Lo visto, como lo necesita el plan: a los de `wanted` se les pregunta además si contestan.

    A uno que lleva tiempo en marcha se le dan `SETTLE_S` segundos: reiniciarlo por una duda perdería lo que
    guarda en memoria.
    """
    services = {service.name: service for service in catalog}
    asked = set(wanted)
    problems: dict[str, str | None] = {}

    def ask(instance: Instance) -> None:
        service, runtime = services[instance.service], runtimes[instance.runtime]
        patience = 0.0 if _is_young(instance, service, runtime) else SETTLE_S
        problems[instance.service] = probes.wait(
            service.probe,
            endpoints_of(instance, service, runtime),
            deadline=time.monotonic() + patience,
            ended=lambda: runtime.ended(instance),
        )

    in_parallel(ask, [one for name, one in observation.alive().items() if name in asked & services.keys()])
    return {
        name: Seen(
            runtime=one.runtime,
            spec_hash=one.spec_hash,
            ports=one.ports,
            alive=one.alive,
            young=name in services and _is_young(one, services[name], runtimes[one.runtime]),
            problem=problems.get(name),
        )
        for name, one in observation.instances.items()
    }


def endpoints_of(instance: Instance, service: Service, runtime: Runtime) -> dict[str, Endpoint]:
    """Dónde están los puertos de un servicio en marcha (nombre → dirección)."""
    return {
        port.name: runtime.endpoint(service, port.name, instance.ports.get(port.name, port.number))
        for port in service.ports
    }


def in_parallel(work: Callable[[Instance], None], instances: Sequence[Instance]) -> None:
    """Hace `work` con todos a la vez y espera a que acaben (cada uno tiene su propio plazo)."""
    threads = [threading.Thread(target=work, args=(one,), daemon=True) for one in instances]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _is_young(instance: Instance, service: Service, runtime: Runtime) -> bool:
    offer = runtime.offer(service)
    return offer is not None and time.time() - instance.since < offer.ready_timeout_s


def _completed(instance: Instance, state: State) -> Instance:
    record = state.services.get(instance.service)
    if record is None or not record.identity:
        return instance
    if record.identity != instance.identity:
        # El que se apuntó ya no está: lo que se ve es algo que él dejó.
        return replace(instance, alive=False)
    if instance.spec_hash:
        return instance
    # Borró su entorno (Redis, PostgreSQL): lo que decía está también en el estado.
    prefix = f"{instance.service}."
    ports = {name.removeprefix(prefix): number for name, number in state.ports.items() if name.startswith(prefix)}
    return replace(instance, runtime=record.runtime, spec_hash=record.spec_hash, ports=ports)
