"""Lo que comparten los runtimes que corren cada servicio como un proceso de esta máquina.

El proceso vive más que la orden que lo arrancó, y se le encuentra después por su etiqueta.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence

import psutil

from stack import processes
from stack.addresses import Endpoint, Viewpoint
from stack.bridge import door
from stack.errors import NotReady, StartError
from stack.events import Event
from stack.files import state_error
from stack.folder import Folder
from stack.logs import last_lines, lines, size
from stack.model import Service
from stack.ports import HOST
from stack.prepare import Prepared
from stack.processes import Found
from stack.runtimes.base import Ending, Instance, Stopped
from stack.runtimes.process import spawn
from stack.termination import Target, terminate

DEFAULT = "embedded"
"""De qué runtime es un proceso que borró su entorno, si tampoco lo dice el estado."""

FROM_CONTAINER = "host.docker.internal"
"""Cómo llama un contenedor a la máquina: el nombre que Docker Desktop da siempre y que en Linux se pide al crearlo
(https://docs.docker.com/reference/cli/docker/container/run/#add-host)."""

# Los hijos de esta orden. Si ella no acaba (un cuaderno), alguien tiene que enterrarlos cuando mueran.
_children: dict[int, subprocess.Popen[bytes]] = {}
_guard = threading.Lock()


class LocalRuntime:
    """Procesos con la etiqueta de `folder`. Quien hereda dice qué arranca: `offer` y `prepare`."""

    name: str
    viewpoint = Viewpoint.HOST

    # Arrancar es sobre todo importar módulos, que ocupa un procesador entero. Uno más de los que hay llena los
    # ratos de espera; con todos a la vez, lo que otros necesitan tarda más (medido: un 15 % en dos procesadores).
    parallel = processes.processors() + 1

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._written: dict[str, int] = {}

    def unavailable(self) -> StartError | None:
        """Siempre se puede: son procesos."""
        return None

    def endpoint(self, service: Service, port: str, number: int) -> Endpoint:
        """En esta máquina; desde un contenedor se le ve por la puerta que el motor da a la máquina."""
        scheme = service.port(port).scheme
        return Endpoint(service.name, port, scheme, HOST, number, FROM_CONTAINER, door(number))

    def ready(
        self,
        services: Sequence[Prepared],
        *,
        on_event: Callable[[Event], None],
        cancelled: Callable[[], bool],
    ) -> None:
        """No hace falta nada antes de arrancar."""

    def verify(self, services: Sequence[Prepared], everything: Sequence[Prepared]) -> None:
        """La sonda lo ve todo: no hay nada más que comprobar."""

    def observe(self) -> list[Instance]:
        """Un `Instance` por servicio con algún proceso vivo que arrancase este runtime (o no se sepa cuál)."""
        _reap()
        instances = (self._instance(name, group) for name, group in self._groups().items())
        return [one for one in instances if one.runtime == self.name]

    def start(self, prepared: Prepared) -> Instance:
        """Arranca el proceso en su propia sesión, con la etiqueta en el entorno."""
        name = prepared.service.name
        label = processes.labels(self._folder.label, name, prepared.spec_hash, self.name)
        self._written[name] = size(self._folder.log(name))
        child = spawn(prepared, self._folder.log(name), label)
        with _guard:
            _children[child.pid] = child
        try:
            process = psutil.Process(child.pid)
            return Instance(
                service=name,
                runtime=self.name,
                identity=_identity(process),
                alive=True,
                since=process.create_time(),
                spec_hash=prepared.spec_hash,
                ports={endpoint.port: endpoint.number for endpoint in prepared.endpoints},
                pid=child.pid,
            )
        except psutil.Error:
            return Instance(name, self.name, f"{child.pid}@", False, 0.0, prepared.spec_hash, pid=child.pid)

    def ended(self, instance: Instance) -> str | None:
        """Con su código de salida o su señal si es hijo de esta orden; si no, solo que terminó."""
        child = _children.get(instance.pid or 0)
        if child is not None:
            code = child.poll()
            return None if code is None else _exit_text(code)
        try:
            process = psutil.Process(instance.pid or 0)
            same = _identity(process) == instance.identity and processes.is_alive(process)
        except psutil.Error:
            same = False
        return None if same else "el proceso terminó"

    def answers(self, instance: Instance, number: int) -> bool:
        """Lo mira primero en su proceso principal y, si no, en los que llevan su etiqueta."""
        if processes.listens(instance.pid or 0, number):
            return True
        group = self._groups().get(instance.service, ())
        return any(processes.listens(found.process.pid, number) for found in group)

    def stop(
        self,
        services: Mapping[str, float],
        *,
        hurry: Callable[[], bool] = lambda: False,
        on_stopped: Callable[[Stopped], None] = lambda stopped: None,
    ) -> list[Stopped]:
        """Con todo su árbol de procesos; vuelve a mirar por si algo nació mientras tanto."""
        results: dict[str, Stopped] = {}

        def note(target: Target) -> None:
            before = results.get(target.service)
            results[target.service] = Stopped(
                target.service,
                target.seconds + (before.seconds if before else 0.0),
                target.forced or (before is not None and before.forced),
                tuple(target.problems),
                tuple(f"kill -9 {pid}" for pid in target.left),
            )
            if before is None:
                on_stopped(results[target.service])

        for turn in range(3):
            groups = self._groups()
            targets = [
                _target(name, groups[name], services[name])
                for name in services
                if name in groups and not (name in results and results[name].problems)
            ]
            if not targets:
                break
            # Lo que aparezca en otra vuelta nació mientras se paraba: a eso no se le pide nada.
            terminate(targets, ask=turn == 0, hurry=hurry, reap=_reap, ended=note)
        return list(results.values())

    def memory_mb(self, instances: Sequence[Instance]) -> dict[str, float]:
        """La de todos los procesos con su etiqueta."""
        groups = self._groups()
        amounts = {
            one.service: processes.memory_mb(found.process for found in groups.get(one.service, ()))
            for one in instances
        }
        return {name: amount for name, amount in amounts.items() if amount is not None}

    def not_ready(self, service: Service, instance: Instance, ending: Ending) -> NotReady:
        """Con qué acabó el proceso, o lo último que contestó."""
        if ending.end is not None:
            cause = f"{service.title} se murió al arrancar: {ending.end}"
            meaning = f"Se esperaba que contestara a {ending.question}."
        else:
            cause = f"{service.title} no estuvo listo en {ending.patience_s:g} s"
            meaning = f"Se le preguntaba {ending.question}; la última vez: {ending.problem}."
        if not ending.log:
            meaning += " No dejó nada en su log."
        return NotReady(cause, meaning, f"stacklab logs {service.name}", ending.log)

    def log_end(self, instance: Instance, count: int) -> list[str]:
        """Las últimas líneas que escribió desde que lo arrancó esta orden (o sin más, si lo arrancó otra)."""
        since = self._written.get(instance.service, 0)
        return last_lines(self._folder.log(instance.service), count, since=since)

    def logs(self, service: str, *, follow: bool, tail: int | None) -> Iterator[str]:
        """Su fichero de log."""
        return lines(self._folder.log(service), follow=follow, tail=tail)

    def tidy(self) -> None:
        """No queda nada que quitar."""

    def forget(self, service: str) -> None:
        """Borra su carpeta de datos."""
        folder = self._folder.services / service / "data"
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:
            return
        except OSError as error:
            raise state_error(folder, error, "borrar") from error

    def _groups(self) -> dict[str, list[Found]]:
        groups: dict[str, list[Found]] = {}
        for found in processes.find(self._folder.label, self._folder.logs.resolve()):
            groups.setdefault(found.service, []).append(found)
        return groups

    def _instance(self, name: str, group: list[Found]) -> Instance:
        main = _main(group)
        shown = main or group[0]
        return Instance(
            service=name,
            runtime=shown.runtime or DEFAULT,
            identity=_identity(shown.process),
            alive=main is not None,
            since=shown.process.create_time(),
            spec_hash=shown.spec,
            ports={key.lower().replace("_", "-"): number for key, number in shown.ports.items()},
            pid=shown.process.pid,
        )


def _main(group: list[Found]) -> Found | None:
    """El proceso principal: el más antiguo de los que abrieron sesión. Sin él, lo demás son restos."""
    return next((found for found in group if found.leads), None)


def _target(name: str, group: list[Found], grace_s: float) -> Target:
    main = _main(group)
    others = [found.process for found in group if found is not main]
    return Target(name, main.process if main else None, others, grace_s)


def _identity(process: psutil.Process) -> str:
    return f"{process.pid}@{processes.birth(process)}"


def _reap() -> None:
    with _guard:
        for pid, child in list(_children.items()):
            if child.poll() is not None:
                del _children[pid]


def _exit_text(code: int) -> str:
    if code >= 0:
        return f"el proceso terminó con código {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    return f"al proceso lo terminó la señal {name}"
