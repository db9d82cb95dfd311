"""Ejecutar un plan: cada servicio en cuanto están listos aquellos de los que depende, los demás a la vez."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from queue import SimpleQueue

from stack import ports, probes
from stack.errors import PortTaken, StacklabError, StartError, StopError
from stack.events import (
    Event,
    Notice,
    ServiceFailed,
    ServiceReady,
    ServiceSkipped,
    ServiceStarting,
    ServiceStopped,
    ServiceStopping,
    ServiceUnchanged,
)
from stack.folder import Folder
from stack.interrupts import Interrupts
from stack.model import Service
from stack.plan import Action, Plan, Step, stop_levels
from stack.runtimes.base import Ending, Instance, Runtime, Stopped
from stack.state import Journal, Record

LOG_LINES = 30
FAILED_GRACE_S = 1.0

_STARTING = (Action.START, Action.RESTART)

_IN_USE = re.compile(r"address (is )?already in use|address in use|EADDRINUSE|errno (98|48)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Done:
    """Un servicio que quedó listo: `started` si lo arrancó esta orden, en `seconds`."""

    step: Step
    instance: Instance
    started: bool
    seconds: float


@dataclass(slots=True)
class _Failure:
    step: Step
    error: StacklabError
    lost_port: bool = False
    lost: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Begun:
    step: Step


@dataclass(slots=True)
class _Board:
    """Por dónde va cada paso. `blocked` son los que fallaron y los que se quedan sin hacer por su culpa."""

    waiting: dict[str, Step]
    ready: set[str] = field(default_factory=set)
    failed: dict[str, _Failure] = field(default_factory=dict)
    blocked: dict[str, _Failure] = field(default_factory=dict)

    def missing(self, step: Step) -> str:
        """El nombre de alguien de quien depende `step` y que ya no llegará (vacío si no hay)."""
        return next((one for one in step.after if one in self.blocked), "")


_Message = Done | _Failure | _Begun | None
"""Lo que los hilos cuentan al principal; `None` es «ha llegado una señal»."""


class Execution:
    """Lo que hace una orden: puede ejecutar más de un plan, si otro programa le quita un puerto.

    Args:
        journal: donde se apunta cada servicio que queda listo, se para o no arranca.
        redact: quita los secretos de un texto.
        plant: deja en un servicio listo lo que los demás esperan encontrar (véase `stack.seeding`).
        reached: se llama al pasar por cada punto en que la orden podría morir (para las pruebas).
    """

    def __init__(
        self,
        *,
        folder: Folder,
        runtimes: Mapping[str, Runtime],
        catalog: Sequence[Service],
        interrupts: Interrupts,
        journal: Journal,
        on_event: Callable[[Event], None],
        redact: Callable[[str], str],
        plant: Callable[[Service], None],
        reached: Callable[[str], None],
    ) -> None:
        self._folder, self._runtimes, self._catalog = folder, runtimes, catalog
        self._interrupts, self._journal = interrupts, journal
        self._on_event, self._redact, self._reached = on_event, redact, reached
        self._plant = plant
        self._inbox: SimpleQueue[_Message] = SimpleQueue()
        interrupts.wake = lambda: self._inbox.put(None)
        self.done: dict[str, Done] = {}
        self.lost_ports: set[int] = set()
        self.retry = False
        self._last = True
        self._flying: dict[str, str] = {}
        self._spawned: list[tuple[str, str]] = []
        self._spawning = threading.Lock()
        self._replaced: dict[str, str] = {}

    def run(self, plan: Plan, seen: Mapping[str, Instance], *, last: bool) -> list[StacklabError]:
        """Ejecuta `plan`; `seen` es lo que ya había. Devuelve los errores.

        Si algo falló solo porque otro programa se quedó con su puerto, deja `retry` en cierto y los números en
        `lost_ports`: planear otra vez puede arreglarlo. Con `last` ya no hay otra vez, y se cuenta como fallo.

        Raises:
            KeyboardInterrupt: llegó una señal; lo que esta orden arrancó está parado. De lo que ya corría y se
                estaba cambiando por otro no se puede volver al de antes: se avisa de que queda parado.
            StopError: no se pudo parar lo que había que cambiar.
            StartError: falta algo para arrancar (una imagen, la red), y no se ha tocado nada.
        """
        self._last = last
        failures: list[_Failure] = []
        try:
            self._gather(plan)
            if not self._interrupts.stopping:
                self._clear_the_way(plan)
                failures = self._start_all(plan, seen)
            if not failures and not self._interrupts.stopping:
                self._verify(plan)
        finally:
            if self._interrupts.stopping:
                self.undo()
                self._tell_replaced()
        if self._interrupts.stopping:
            raise KeyboardInterrupt
        self.lost_ports |= {number for failure in failures for number in failure.lost}
        self.retry = not last and any(failure.lost_port for failure in failures)
        return [failure.error for failure in failures]

    def undo(self) -> None:
        """Para lo que arrancó esta orden, en orden inverso, aunque algo no se deje."""
        with self._spawning:
            spawned = list(reversed(self._spawned))
            self._spawned.clear()
        for runtime, name in spawned:
            self.stop({name: runtime})
            self.done.pop(name, None)
            self._journal.remember(name, None)

    def _tell_replaced(self) -> None:
        """Avisa de lo que corría antes de esta orden y ya no: se paró para cambiarlo."""
        if not self._replaced:
            return
        for name in self._replaced:
            self._journal.remember(name, None)
        titles, back = ", ".join(self._replaced.values()), f"stacklab up {' '.join(self._replaced)}"
        left = "ya estaba en marcha y queda parado" if len(self._replaced) == 1 else "ya estaban y quedan parados"
        self._on_event(Notice(f"{titles}: {left}; se iba a arrancar con otra configuración. Vuelve con: {back}"))

    def stop(self, names: Mapping[str, str]) -> list[Stopped]:
        """Para `names` (servicio → runtime), nadie antes que quien depende de él, y lo cuenta."""
        results: list[Stopped] = []
        for level in stop_levels(names, self._catalog):
            for runtime in {names[name] for name in level}:
                grace = {name: self._grace(name, runtime) for name in level if names[name] == runtime}
                for name in grace:
                    self._on_event(ServiceStopping(name, self._title(name)))
                    self._reached(f"parar {name}")
                results += self._runtimes[runtime].stop(
                    grace, hurry=lambda: self._interrupts.killing, on_stopped=self._tell_stopped
                )
        return results

    def _gather(self, plan: Plan) -> None:
        """Reúne lo que cada runtime necesita antes de tocar nada: si falta algo, lo que hay en marcha sigue."""
        for name, runtime in self._runtimes.items():
            starting = [one for one in plan.steps if one.choice.runtime == name and one.action in _STARTING]
            if starting:
                self._reached(f"reunir {name}")
                runtime.ready(
                    [step.prepared for step in starting],
                    on_event=self._on_event,
                    cancelled=lambda: self._interrupts.stopping,
                )

    def _verify(self, plan: Plan) -> None:
        """Con todo en marcha, lo que las sondas no ven; solo si esta orden ha arrancado algo."""
        if any(step.action in _STARTING for step in plan.steps):
            everything = [step.prepared for step in plan.steps]
            for name, runtime in self._runtimes.items():
                if own := [step.prepared for step in plan.steps if step.choice.runtime == name]:
                    runtime.verify(own, everything)

    def _clear_the_way(self, plan: Plan) -> None:
        """Quita lo que los pasos van a sustituir."""
        replaced = {step.name: step.replaces for step in plan.steps if step.replaces is not None}
        ours = {name for _, name in self._spawned}
        self._replaced |= {
            step.name: step.service.title
            for step in plan.steps
            if step.action is Action.RESTART and step.name not in ours
        }
        if problems := [one for one in self.stop(replaced) if one.problems]:
            raise stop_error(problems)

    def _start_all(self, plan: Plan, seen: Mapping[str, Instance]) -> list[_Failure]:
        # Primero aquello que más esperan los demás: acorta el camino más largo.
        awaited = Counter(one for step in plan.steps for one in step.after)
        board = _Board({step.name: step for step in sorted(plan.steps, key=lambda step: -awaited[step.name])})
        broken: Exception | None = None
        while board.waiting or self._flying:
            try:
                if not self._interrupts.stopping and broken is None:
                    self._skip(board)
                    self._launch(board, seen)
                if not self._flying:
                    break
                message = self._inbox.get()
                self._note(board, message)
                if message is not None and broken is None:
                    self._tell(message)
            except Exception as error:
                # No se puede apuntar, o ya nadie escucha: no se arranca nada más; lo que está a medias, acaba.
                broken = broken or error
        if broken is not None:
            raise broken
        return list(board.failed.values())

    def _skip(self, board: _Board) -> None:
        """Da por perdidos los pasos a los que les falta alguien que no arrancó."""
        while lost := next((one for one in board.waiting.values() if board.missing(one)), None):
            missing = board.missing(lost)
            failure = board.blocked[lost.name] = board.blocked[missing]
            del board.waiting[lost.name]
            if self._last or not failure.lost_port:
                self._on_event(ServiceSkipped(lost.name, lost.service.title, missing))

    def _launch(self, board: _Board, seen: Mapping[str, Instance]) -> None:
        """Lanza los pasos a los que ya no les falta nadie, mientras haya sitio."""
        for name, step in list(board.waiting.items()):
            if self._has_room(step.choice.runtime) and board.ready.issuperset(step.after):
                if step.action in _STARTING:
                    # Lo apuntado era de otro proceso; si esta orden muere ahora, el nuevo tiene su etiqueta.
                    self._journal.remember(name, None)
                del board.waiting[name]
                self._flying[name] = step.choice.runtime
                threading.Thread(target=self._work, args=(step, seen.get(name)), daemon=True).start()

    def _note(self, board: _Board, message: _Message) -> None:
        if isinstance(message, Done):
            board.ready.add(message.step.name)
            del self._flying[message.step.name]
        elif isinstance(message, _Failure):
            board.failed[message.step.name] = board.blocked[message.step.name] = message
            del self._flying[message.step.name]

    def _has_room(self, runtime: str) -> bool:
        return sum(one == runtime for one in self._flying.values()) < self._runtimes[runtime].parallel

    def _tell(self, message: Done | _Failure | _Begun) -> None:
        if isinstance(message, Done):
            self._finish(message)
            return
        if isinstance(message, _Failure):
            self._journal.remember(message.step.name, self._record(message))
            if (self._last or not message.lost_port) and not self._interrupts.stopping:
                self._on_event(ServiceFailed(message.step.name, message.step.service.title, message.error))
            return
        step, choice = message.step, message.step.choice
        self._on_event(
            ServiceStarting(
                step.name, step.service.title, choice.product, choice.fidelity, choice.runtime, step.reason
            )
        )

    def _finish(self, done: Done) -> None:
        step, choice = done.step, done.step.choice
        self._reached(f"listo {step.name}")
        self._journal.remember(step.name, self._record(done))
        self._reached(f"apuntado {step.name}")
        url = url_of(step)
        told = self.done.get(step.name)
        if done.started:
            self._on_event(
                ServiceReady(
                    service=step.name,
                    title=step.service.title,
                    seconds=done.seconds,
                    product=choice.product,
                    fidelity=choice.fidelity,
                    runtime=choice.runtime,
                    url=url,
                )
            )
        elif told is None:
            self._on_event(
                ServiceUnchanged(
                    step.name, step.service.title, choice.product, choice.fidelity, choice.runtime, url
                )
            )
        if told is None or done.started:
            self.done[step.name] = done

    def _record(self, message: Done | _Failure) -> Record | None:
        if isinstance(message, _Failure) and self._interrupts.stopping:
            return None
        identity, since = "", time.time()
        if isinstance(message, Done):
            identity, since = message.instance.identity, message.instance.since
        step = message.step
        return Record(step.choice.runtime, step.prepared.spec_hash, identity, round(since, 3))

    def _work(self, step: Step, instance: Instance | None) -> None:
        """En su hilo: hace un paso entero y deja el resultado en la cola, también si algo revienta."""
        try:
            if step.action is Action.KEEP and instance is not None:
                result: Done | _Failure = Done(step, instance, False, 0.0)
            elif step.action is Action.WAIT and instance is not None:
                result = self._await(step, instance, time.monotonic(), started=False)
            else:
                result = self._start(step)
            self._inbox.put(self._seeded(result) if isinstance(result, Done) else result)
        except PortTaken as error:
            lost = [one.number for one in step.prepared.endpoints if not ports.is_free(one.number)]
            self._inbox.put(_Failure(step, error, lost_port=True, lost=lost))
        except StacklabError as error:
            self._inbox.put(_Failure(step, error))
        except BaseException as error:
            problem = StartError(f"no se pudo arrancar {step.service.title}: {type(error).__name__}: {error}")
            self._inbox.put(_Failure(step, problem))

    def _seeded(self, done: Done) -> Done | _Failure:
        """Siembra lo que haga falta: lo recién arrancado, y lo que otra orden dejó a medias (no está apuntado)."""
        step = done.step
        record = self._journal.state.services.get(step.name)
        if not step.service.seed or (record is not None and record.identity == done.instance.identity):
            return done
        began = time.monotonic()
        try:
            self._plant(step.service)
        except StacklabError as error:
            self._runtimes[step.choice.runtime].stop(
                {step.name: FAILED_GRACE_S}, hurry=lambda: self._interrupts.killing
            )
            # Lo que dijo quien siembra puede llevar dentro lo que quería guardar.
            return _Failure(step, StartError(self._redact(error.cause), error.meaning, error.command))
        self._reached(f"sembrado {step.name}")
        return replace(done, seconds=done.seconds + time.monotonic() - began)

    def _start(self, step: Step) -> Done | _Failure:
        began = time.monotonic()
        self._inbox.put(_Begun(step))
        with self._spawning:
            if self._interrupts.stopping:
                return _Failure(step, StartError("se dejó de arrancar"))
            if (step.choice.runtime, step.name) not in self._spawned:
                self._spawned.append((step.choice.runtime, step.name))
        self._reached(f"arrancar {step.name}")
        instance = self._runtimes[step.choice.runtime].start(step.prepared)
        self._reached(f"arrancado {step.name}")
        return self._await(step, instance, began, started=True)

    def _await(self, step: Step, instance: Instance, began: float, *, started: bool) -> Done | _Failure:
        runtime = self._runtimes[step.choice.runtime]
        offer = runtime.offer(step.service)
        patience = offer.ready_timeout_s if offer is not None else 15.0
        endpoints = {endpoint.port: endpoint for endpoint in step.prepared.endpoints}
        problem = probes.wait(
            step.service.probe,
            endpoints,
            deadline=began + patience,
            ended=lambda: runtime.ended(instance),
            confirmed=lambda: runtime.answers(instance, endpoints[step.service.probe.port].number),
            cancelled=lambda: self._interrupts.stopping,
        )
        seconds = time.monotonic() - began
        end = runtime.ended(instance)
        if problem is None and end is None:
            return Done(step, instance, started, seconds)
        if self._interrupts.stopping:
            return _Failure(step, StartError("se dejó de arrancar"))
        log = runtime.log_end(instance, LOG_LINES)
        question = probes.describe(step.service.probe, endpoints)
        ending = Ending(end, question, problem, patience, tuple(self._redact(line) for line in log))
        error = runtime.not_ready(step.service, instance, ending)
        # Antes de decir que falló se quita lo que quede de él: nada a medias.
        runtime.stop({step.name: FAILED_GRACE_S}, hurry=lambda: self._interrupts.killing)
        lost = [e.number for e in step.prepared.endpoints if end is not None and not ports.is_free(e.number)]
        return _Failure(
            step,
            error,
            lost_port=bool(lost) or (end is not None and any(_IN_USE.search(line) for line in log)),
            lost=lost,
        )

    def _tell_stopped(self, stopped: Stopped) -> None:
        self._reached(f"parado {stopped.service}")
        if not stopped.problems:
            self._on_event(
                ServiceStopped(stopped.service, self._title(stopped.service), stopped.seconds, stopped.forced)
            )

    def _grace(self, name: str, runtime: str) -> float:
        service = next((one for one in self._catalog if one.name == name), None)
        offer = self._runtimes[runtime].offer(service) if service is not None else None
        return offer.stop_grace_s if offer is not None else 5.0

    def _title(self, name: str) -> str:
        return next((service.title for service in self._catalog if service.name == name), name)


def url_of(step: Step) -> str:
    """La dirección del primer puerto, para esta máquina (vacía si no tiene puertos)."""
    for endpoint in step.prepared.endpoints:
        return f"{endpoint.scheme}://{endpoint.host}:{endpoint.number}"
    return ""


def stop_error(stopped: Sequence[Stopped]) -> StopError:
    """El error de lo que quedó por parar, con las órdenes para el resto."""
    names = ", ".join(one.service for one in stopped)
    commands = [command for one in stopped for command in one.commands]
    return StopError(
        f"no se pudo parar del todo {names}: {'; '.join(problem for one in stopped for problem in one.problems)}",
        "Lo demás sí está parado. Esto puedes terminarlo a mano:" if commands else "Lo demás sí está parado.",
        commands[0] if commands else "stacklab status",
        commands,
    )
