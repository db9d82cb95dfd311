"""El runtime que da pip solo: cada servicio es un proceso de esta máquina que vive más que quien lo arrancó."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

import psutil

from stack import processes
from stack.addresses import Endpoint
from stack.folder import Folder
from stack.model import Service
from stack.ports import HOST
from stack.prepare import Prepared, prepare
from stack.processes import Found
from stack.runtimes.base import Instance, Offer, Stopped
from stack.runtimes.process import spawn
from stack.termination import Target, terminate

# Los hijos de esta orden. Si ella no acaba (un cuaderno), alguien tiene que enterrarlos cuando mueran.
_children: dict[int, subprocess.Popen[bytes]] = {}
_guard = threading.Lock()


class EmbeddedRuntime:
    """Procesos con la etiqueta de `folder`."""

    name = "embedded"

    # Arrancar es sobre todo importar módulos, que ocupa un procesador entero. Uno más de los que hay llena los
    # ratos de espera; con todos a la vez, lo que otros necesitan tarda más (medido: un 15 % en dos procesadores).
    parallel = processes.processors() + 1

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def unavailable(self) -> str | None:
        """Siempre se puede: lo trae pip."""
        return None

    def offer(self, service: Service) -> Offer | None:
        """Lo que dice `service.embedded`."""
        data = service.embedded
        return Offer(data.product, data.fidelity, data.memory_mb, data.ready_timeout_s, data.stop_grace_s)

    def endpoint(self, service: Service, port: str, number: int) -> Endpoint:
        """En esta máquina; sin contenedores, la dirección de red es la misma."""
        return Endpoint(service.name, port, service.port(port).scheme, HOST, number, HOST, number)

    def prepare(self, service: Service, endpoints: Iterable[Endpoint], credentials: Mapping[str, str]) -> Prepared:
        """Resuelve su orden, su entorno y sus ficheros."""
        return prepare(service, endpoints=endpoints, credentials=credentials, root=self._folder.services)

    def observe(self) -> list[Instance]:
        """Un `Instance` por servicio con algún proceso vivo."""
        _reap()
        return [self._instance(name, group) for name, group in self._groups().items()]

    def start(self, prepared: Prepared) -> Instance:
        """Arranca el proceso en su propia sesión, con la etiqueta en el entorno."""
        name = prepared.service.name
        label = processes.labels(self._folder.label, name, prepared.spec_hash)
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
            runtime=self.name,
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
