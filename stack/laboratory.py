"""El laboratorio: la fachada con que los pisos de arriba arrancan, miran y paran servicios."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from stack import credentials as vault
from stack import logs, neighbours, probes
from stack import state as states
from stack.addresses import Endpoint, Viewpoint, render, variables
from stack.catalog import SERVICES
from stack.containers.names import interface
from stack.errors import ImageError, StacklabError, StartError, StateError
from stack.events import Event, LockWaiting, Notice
from stack.execute import Done, Execution, stop_error, url_of
from stack.faults import Faults, Undo
from stack.folder import Folder
from stack.interrupts import Interrupts
from stack.lock import Lock
from stack.model import Link, Service
from stack.observe import Observation, endpoints_of, in_parallel, observe
from stack.plan import Plan
from stack.ports import key
from stack.request import Request
from stack.runtimes.base import Instance, Runtime
from stack.runtimes.choice import AUTO, EMBEDDED, available, choose
from stack.seeding import plant
from stack.state import Journal, Record, State
from stack.status import Running, ServiceStatus, row
from stack.suggest import unknown_service

ATTEMPTS = 5
"""Cuántas veces planea `up` si otro programa se queda con un puerto entre mirarlo y usarlo.

Perder una carrera es raro y perder dos, más; pero varias personas pueden arrancar su laboratorio a la vez.
"""

_UNWRITTEN = (
    "Lo que se ha parado, parado está; pero no queda apuntado, y status dirá que terminó sin que nadie lo parase."
)

OnEvent = Callable[[Event], None]


def _ignore(event: Event) -> None:
    """Para quien no quiere saber lo que va pasando."""


class Laboratory:
    """Un laboratorio: los servicios de un proyecto en esta máquina.

    Args:
        project: nombre del proyecto; cada uno tiene su carpeta, sus puertos y sus procesos.
        root: carpeta de estado (por defecto `STACKLAB_HOME` o la de estado de la persona en su sistema).
        services: el catálogo. Los microservicios y la configuración que aportan los flujos vienen de arriba,
            de `scenarios`: este piso solo ve datos.
        undos: cómo se deshacen las averías que provocan los pisos de arriba (véase `stack.faults`).
        reached: se llama al pasar por cada punto en que la orden podría morir; es para las pruebas.

    Construirlo no toca el disco ni los procesos. Cualquier método puede lanzar `StateError` si la carpeta no se
    puede leer o escribir.
    """

    def __init__(
        self,
        project: str = "default",
        root: Path | None = None,
        services: Sequence[Service] = SERVICES,
        *,
        undos: Mapping[str, Undo] | None = None,
        reached: Callable[[str], None] = lambda point: None,
    ) -> None:
        self.services = tuple(services)
        self._folder = Folder.of(project, root)
        self._lock = Lock(self._folder.lock)
        self._runtimes = available(self._folder)
        self._undos, self._reached = undos, reached
        self.faults = Faults(self._folder.faults, undos)

    @property
    def folder(self) -> Path:
        """La carpeta de este proyecto (modo 0700)."""
        return self._folder.path

    def with_services(self, services: Sequence[Service]) -> Laboratory:
        """El mismo laboratorio con otro catálogo: así se prueba una descripción distinta de un servicio."""
        other = Laboratory(
            self._folder.path.name, self._folder.path.parent, services, undos=self._undos, reached=self._reached
        )
        other._lock = self._lock
        return other

    def up(
        self,
        names: Iterable[str] = (),
        *,
        runtime: str = AUTO,
        per_service: Mapping[str, str] | None = None,
        ports: Mapping[str, int] | None = None,
        on_event: OnEvent = _ignore,
    ) -> list[Running]:
        """Deja en marcha `names` y todo aquello de lo que dependen; vuelve cuando todos contestan.

        Sin nombres, todo el catálogo menos los microservicios. Repetirla no cambia nada. `ports` fuerza puertos
        (`{"kafka.broker": 9092}`). Ctrl-C (o SIGTERM, SIGHUP) para lo que esta llamada arrancó y lanza
        `KeyboardInterrupt`; una segunda vez lo mata.

        Returns:
            Los servicios pedidos y sus dependencias, en el orden del catálogo.

        Raises:
            UsageError: nombre de servicio, puerto o runtime desconocido.
            PortTaken: un puerto forzado lo usa otro.
            StartError: algo no arrancó (`NotReady` si no llegó a contestar). Lo que sí arrancó sigue en marcha.
        """
        request = self._request(names, runtime, per_service, ports)
        self._folder.create()
        with Interrupts() as interrupts, self._held(on_event, interrupts):
            journal = self._recover(on_event)
            secrets, notices = vault.ensure(self._folder.credentials, self._credential_names())
            for notice in notices:
                on_event(Notice(notice))
            for service in self.services:
                logs.rotate(self._folder.log(service.name))
            for reason in request.instead():
                on_event(Notice(f"Contesta lo que trae pip. {reason}."))
            execution = self._execution(interrupts, journal, on_event, secrets.values())
            for attempt in range(1, ATTEMPTS + 1):
                current = observe(self._runtimes.values(), journal.state)
                claimed = neighbours.claimed(self._folder.label)
                plan = request.plan(current, journal.state, secrets, execution.lost_ports, claimed)
                self._reached("plan")
                journal.assign(plan.ports)
                self._reached("puertos")
                try:
                    errors = execution.run(plan, current.instances, last=attempt == ATTEMPTS)
                except ImageError as error:
                    # Sin las imágenes, lo que eligió stacklab (no la persona) puede correr de otra manera.
                    names = [step.name for step in plan.steps if step.choice.runtime == "docker"]
                    if not request.without("docker", names):
                        raise
                    on_event(Notice(f"{_sentence(error.cause)} Sigo sin Docker, con lo que hay en esta máquina."))
                    continue
                if not execution.retry:
                    break
            if errors:
                raise _joined(errors)
        return [_running(execution.done[one.name]) for one in self.services if one.name in execution.done]

    def plan(
        self,
        names: Iterable[str] = (),
        *,
        runtime: str = AUTO,
        per_service: Mapping[str, str] | None = None,
        ports: Mapping[str, int] | None = None,
    ) -> Plan:
        """Lo que haría `up` con esos mismos argumentos, sin hacerlo. Se puede imprimir."""
        state = self._state()
        request = self._request(names, runtime, per_service, ports)
        return self._planned(request, observe(self._runtimes.values(), state), state)

    def outdated(self) -> list[str]:
        """Los servicios en marcha que no corren con la configuración que les corresponde ahora.

        Puede que la descripción haya cambiado desde que arrancaron, o que una orden muriera a medias y dejara uno
        estropeado a propósito: contesta, pero no como debe. Quien nombra a otro que no está en marcha lleva
        escrito quién contestaría por él, y eso depende del runtime que se pidió: vale el que se pidiera.
        """
        state = self._state()
        current = observe(self._runtimes.values(), state)
        hashes = {name: one.spec_hash for name, one in current.alive().items()}
        left = [service.name for service in self.services if service.name in hashes]
        usable = (name for name, one in self._runtimes.items() if one.unavailable() is None)
        for runtime in (AUTO, *usable):
            if left:
                with suppress(StartError):
                    plan = self._planned(self._request(left, runtime, None, None), current, state)
                    right = {step.name for step in plan.steps if step.prepared.spec_hash == hashes.get(step.name)}
                    left = [name for name in left if name not in right]
        return left

    def memory_mb(
        self, names: Iterable[str], *, runtime: str = AUTO, per_service: Mapping[str, str] | None = None
    ) -> int:
        """Los megabytes que ocupará `up` con esos mismos argumentos, más o menos."""
        return sum(offer.memory_mb for offer in self._request(names, runtime, per_service, None).offers())

    def down(self, names: Iterable[str] = (), *, data: bool = False, on_event: OnEvent = _ignore) -> list[str]:
        """Para `names` (sin nombres, todo lo que lleve nuestra etiqueta) y devuelve los nombres que paró.

        No necesita el estado: busca los procesos vivos. Solo para lo nombrado, no a quien depende de ello. Con
        `data=True` borra también los datos guardados de esos servicios. Ctrl-C una vez sigue parando lo que ya
        había empezado y después lanza `KeyboardInterrupt`; dos veces, mata en lugar de esperar.

        Que no se pueda leer o escribir el estado no impide parar: se hace, y se avisa de lo que no se apuntó.

        Raises:
            StopError: algo no se pudo parar; lo demás sí. Trae las órdenes que faltan.
            StateError: lo demás está hecho, pero no se pudieron borrar los datos.
        """
        asked = list(dict.fromkeys(names))
        self._folder.create()
        with Interrupts() as interrupts, self._held(on_event, interrupts, read_only=True):
            journal = self._recovered(on_event)
            current = observe(self._runtimes.values(), journal.state).instances
            known = [service.name for service in self.services]
            for name in asked:
                if name not in known and name not in current:
                    raise unknown_service(name, known)
            chosen = {name: one.runtime for name, one in current.items() if not asked or name in asked}
            self._reached("mirado")
            stopped = self._execution(interrupts, journal, on_event, ()).stop(chosen)
            # Los datos, antes de apuntar nada: si el disco está lleno, dejan sitio.
            kept = self._clean([] if not data else asked or [*known, *chosen])
            try:
                for name in list(journal.state.services):
                    if not asked or name in asked:
                        journal.remember(name, None)
            except StateError as error:
                on_event(Notice(f"{_sentence(error.cause)} {_UNWRITTEN}"))
            if problems := [one for one in stopped if one.problems]:
                raise stop_error(problems)
            if kept is not None:
                raise StateError(
                    kept.cause, "Lo que se pidió parar lo está, pero esos datos siguen ahí.", kept.command
                )
            if interrupts.stopping:
                raise KeyboardInterrupt
        return [one.service for one in stopped]

    def status(self) -> list[ServiceStatus]:
        """Todos los servicios del catálogo, en su orden, con lo que se ve ahora mismo en la máquina."""
        state, _ = states.read(self._folder.state)
        current = observe(self._runtimes.values(), state)
        alive = current.alive()
        memory: dict[str, float] = {}
        for name, runtime in self._runtimes.items():
            memory |= runtime.memory_mb([one for one in alive.values() if one.runtime == name])
        problems: dict[str, str | None] = {}
        services = {service.name: service for service in self.services}

        def ask(instance: Instance) -> None:
            service, runtime = services[instance.service], self._runtimes[instance.runtime]
            problems[instance.service] = probes.check(service.probe, endpoints_of(instance, service, runtime))

        in_parallel(ask, [one for one in alive.values() if one.service in services])
        return [
            self._row(service, current, state, problems.get(service.name), memory.get(service.name))
            for service in self.services
        ]

    def logs(self, name: str, *, follow: bool = False, tail: int | None = None) -> Iterator[str]:
        """Las líneas del log de `name` sin el salto final; con `follow` no acaba y sobrevive a los reinicios.

        Ninguna credencial sale por aquí, aunque el servicio la haya escrito.

        Raises:
            UsageError: no hay un servicio que se llame así.
        """
        known = [service.name for service in self.services]
        if name not in known and not self._folder.log(name).exists():
            raise unknown_service(name, known)
        secrets = (vault.read(self._folder.credentials) or {}).values()
        lines = self._runtime_of(name).logs(name, follow=follow, tail=tail)
        return (vault.redact(line, secrets) for line in lines)

    def env(self, names: Iterable[str] = ()) -> dict[str, str]:
        """Direcciones y credenciales de los servicios en marcha, con los nombres de `stacklab env`.

        Raises:
            UsageError: uno de `names` no existe.
        """
        asked = self._known(names)
        current, values = self._values()
        alive = current.alive()
        return {
            variable: render(template, values, where=service.name)
            for service in self.services
            if service.name in alive and (not asked or service.name in asked)
            for variable, template in service.exports.items()
        }

    def links(self, name: str) -> list[Link]:
        """Las páginas de `name` que ahora mismo se pueden abrir, con su URL ya completa.

        Raises:
            UsageError: no hay un servicio que se llame así.
        """
        self._known([name])
        current, values = self._values()
        alive = current.alive()
        if name not in alive:
            return []
        addresses = {f"{e.host}:{e.number}": e.service for e in self._endpoints(current, self._state())}
        service = next(one for one in self.services if one.name == name)
        whole = [Link(link.title, render(link.url, values, where=name)) for link in service.links]
        return [link for link in whole if addresses.get(link.url.split("/")[2], name) in alive]

    def endpoints(self) -> list[Endpoint]:
        """Dónde está (o estará) cada puerto del catálogo."""
        state = self._state()
        return self._endpoints(observe(self._runtimes.values(), state), state)

    def credentials(self) -> dict[str, str]:
        """Las credenciales generadas, en mayúsculas (`MINIO_ACCESS_KEY`, `JWT_SECRET`…)."""
        return vault.as_variables(vault.read(self._folder.credentials) or {})

    @contextmanager
    def locked(self, *, on_event: OnEvent = _ignore) -> Iterator[None]:
        """Reserva el laboratorio mientras dure el bloque. `up` y `down` dentro de él no se esperan a sí mismos."""
        self._folder.create()
        with self._held(on_event, Interrupts()):
            yield

    @contextmanager
    def _held(self, on_event: OnEvent, interrupts: Interrupts, *, read_only: bool = False) -> Iterator[None]:
        with self._lock.held(
            read_only=read_only,
            waiting=lambda holder: on_event(LockWaiting(holder.pid, holder.command, holder.since)),
            interrupted=lambda: interrupts.stopping,
        ):
            yield

    def _recover(self, on_event: OnEvent) -> Journal:
        """El estado, con lo roto apartado y las averías de quien ya no está, deshechas."""
        self._reached("cerrojo")
        state, notice = states.repair(self._folder.state)
        if notice is not None:
            on_event(Notice(notice))
        for text in self.faults.recover():
            on_event(Notice(text))
        return Journal(self._folder.state, state)

    def _recovered(self, on_event: OnEvent) -> Journal:
        """Como `_recover`, pero sin estado si no se puede leer: para parar bastan los procesos vivos."""
        try:
            return self._recover(on_event)
        except StateError as error:
            on_event(Notice(f"{_sentence(error.cause)} Sigo sin él, con los procesos que hay en marcha."))
            return Journal(self._folder.state, State())

    def _clean(self, forgotten: Iterable[str]) -> StateError | None:
        """Quita lo que ya no sirve a nadie y los datos de `forgotten`; devuelve el primer fallo al borrarlos."""
        problem = None
        names = list(forgotten)
        for runtime in self._usable():
            runtime.tidy()
            for name in names:
                try:
                    runtime.forget(name)
                except StateError as error:
                    problem = problem or error
        return problem

    def _usable(self) -> list[Runtime]:
        return [one for one in self._runtimes.values() if one.unavailable() is None]

    def _runtime_of(self, name: str) -> Runtime:
        """El runtime de `name`: el que tiene, el que tuvo la última vez o, si nunca tuvo, el de siempre."""
        instance = observe(self._usable(), self._state()).instances.get(name)
        record = self._state().services.get(name)
        known = instance.runtime if instance is not None else record.runtime if record is not None else EMBEDDED
        return self._runtimes.get(known, self._runtimes[EMBEDDED])

    def _state(self) -> State:
        return states.read(self._folder.state)[0]

    def _credential_names(self) -> list[str]:
        return [name for service in self.services for name in service.credentials]

    def _known(self, names: Iterable[str]) -> set[str]:
        known = [service.name for service in self.services]
        asked = set(names)
        for name in asked:
            if name not in known:
                raise unknown_service(name, known)
        return asked

    def _endpoints(self, current: Observation, state: State) -> list[Endpoint]:
        numbers = current.numbers(self.services, state)
        result = []
        for service in self.services:
            instance = current.instances.get(service.name)
            runtime = self._runtimes[instance.runtime if instance is not None else EMBEDDED]
            result += [
                runtime.endpoint(service, port.name, numbers[key(service.name, port.name)])
                for port in service.ports
            ]
        return result

    def _values(self) -> tuple[Observation, dict[str, str]]:
        state = self._state()
        current = observe(self._runtimes.values(), state)
        return current, variables(self._endpoints(current, state), Viewpoint.HOST) | self.credentials()

    def _row(
        self, service: Service, current: Observation, state: State, problem: str | None, memory: float | None
    ) -> ServiceStatus:
        instance = current.alive().get(service.name)
        record = state.services.get(service.name)
        runtime = self._shown(service, instance, record)
        return row(
            service,
            offer=runtime.offer(service) if runtime is not None else None,
            runtime=runtime.name if runtime is not None else "",
            endpoints=[one for one in self._endpoints(current, state) if one.service == service.name],
            instance=instance,
            record=record,
            problem=problem,
            memory_mb=memory,
        )

    def _shown(self, service: Service, instance: Instance | None, record: Record | None) -> Runtime | None:
        """El runtime que se enseña: el que tiene, tuvo o tendría; `None` si aquí no puede arrancar."""
        name = instance.runtime if instance is not None else record.runtime if record is not None else AUTO
        try:
            return self._runtimes.get(name) or choose(service, AUTO, None, self._runtimes)
        except StartError:
            return None

    def _request(
        self,
        names: Iterable[str],
        runtime: str,
        per_service: Mapping[str, str] | None,
        forced: Mapping[str, int] | None,
    ) -> Request:
        return Request(
            self.services,
            self._runtimes,
            names=names,
            runtime=runtime,
            per_service=per_service or {},
            forced=forced or {},
            network=interface(self._folder.label),
        )

    def _planned(self, request: Request, current: Observation, state: State) -> Plan:
        known = vault.read(self._folder.credentials) or {}
        secrets = {name: known.get(name, "por-inventar") for name in self._credential_names()}
        return request.plan(current, state, secrets, claimed=neighbours.claimed(self._folder.label))

    def _execution(
        self, interrupts: Interrupts, journal: Journal, on_event: OnEvent, secrets: Iterable[str]
    ) -> Execution:
        return Execution(
            folder=self._folder,
            runtimes=self._runtimes,
            catalog=self.services,
            interrupts=interrupts,
            journal=journal,
            on_event=on_event,
            redact=lambda text: vault.redact(text, secrets),
            plant=self._plant,
            reached=self._reached,
        )

    def _plant(self, service: Service) -> None:
        names = self._values()[1]
        exports = {name: render(text, names, where=service.name) for name, text in service.exports.items()}
        plant(service, names | exports)


def _running(done: Done) -> Running:
    step = done.step
    return Running(
        name=step.name,
        title=step.service.title,
        kind=step.service.kind,
        runtime=step.choice.runtime,
        fidelity=step.choice.fidelity,
        product=step.choice.product,
        url=url_of(step),
        pid=done.instance.pid,
        started=done.started,
        seconds=done.seconds,
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _joined(errors: Sequence[StacklabError]) -> StacklabError:
    """El primero, que ya trae sus detalles, con la causa de los demás."""
    first = errors[0]
    if len(errors) > 1:
        also = "; ".join(error.cause for error in errors[1:])
        first.meaning = f"{first.meaning} Además, {also}.".strip()
    return first
