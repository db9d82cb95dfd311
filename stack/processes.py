"""Qué procesos de esta máquina son nuestros, y cómo se termina uno con todo lo que cuelga de él.

Un proceso es nuestro si su entorno lleva la etiqueta del laboratorio: se la pone quien lo arranca y la heredan
sus hijos, aunque cambien de sesión. Algunos programas (Redis, PostgreSQL, nginx) escriben su título encima de
su entorno y la borran; en Linux se les reconoce por su salida, que va a un log del laboratorio.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

PROJECT = "STACKLAB_PROJECT"
SERVICE = "STACKLAB_SERVICE"
SPEC = "STACKLAB_SPEC"
RUNTIME = "STACKLAB_RUNTIME"
_PORT = "STACKLAB_PORT_"

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Found:
    """Un proceso vivo con etiqueta.

    `spec`, `runtime` y `ports` (NOMBRE → número) están vacíos si borró su entorno.
    """

    process: psutil.Process
    service: str
    spec: str
    runtime: str
    ports: Mapping[str, int]

    @property
    def leads(self) -> bool:
        """Si abrió su propia sesión: así arranca un servicio, y no sus hijos corrientes."""
        try:
            return os.getsid(self.process.pid) == self.process.pid
        except OSError:
            return False


def labels(project: str, service: str, spec: str, runtime: str) -> dict[str, str]:
    """La etiqueta que hay que poner en el entorno."""
    return {PROJECT: project, SERVICE: service, SPEC: spec, RUNTIME: runtime}


def find(project: str, logs: Path) -> list[Found]:
    """Los procesos vivos de `project` (los zombis no), por orden de nacimiento; nunca el que pregunta."""
    mine = _own_line()
    found = [
        Found(process, names[SERVICE], names.get(SPEC, ""), names.get(RUNTIME, ""), _ports(names))
        for pid, names in _labelled(project, logs)
        if pid not in mine and (process := _alive(pid)) is not None
    ]
    return sorted(found, key=lambda one: one.process.create_time())


def projects() -> dict[str, list[int]]:
    """Todos los laboratorios de esta persona con procesos vivos: etiqueta → pids. Lo usa `doctor`."""
    result: dict[str, list[int]] = {}
    for pid, environment in _environments():
        names = _parse(environment)
        if PROJECT in names and SERVICE in names and _alive(pid) is not None:
            result.setdefault(names[PROJECT], []).append(pid)
    return result


def birth(process: psutil.Process) -> str:
    """Algo que distingue a este proceso de otro que mañana tenga su mismo número.

    En Linux son los *ticks* desde el arranque de la máquina (campo 22 de `/proc/<pid>/stat`) y no una hora: las
    horas cambian cuando se ajusta el reloj. Vacío si ya no existe.
    """
    try:
        if sys.platform.startswith("linux"):
            return (_PROC / str(process.pid) / "stat").read_text("utf-8").rpartition(")")[2].split()[19]
        return f"{process.create_time():.3f}"
    except (OSError, IndexError, psutil.Error):
        return ""


def is_alive(process: psutil.Process) -> bool:
    """Si sigue siendo el mismo proceso y no es un zombi."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def listens(pid: int, number: int) -> bool:
    """Si el proceso `pid` escucha en el puerto TCP `number`."""
    with contextlib.suppress(psutil.Error):
        return any(
            connection.status == psutil.CONN_LISTEN and connection.laddr[1:2] == (number,)
            for connection in psutil.Process(pid).net_connections("tcp")
        )
    return False


def descendants(pids: Iterable[int]) -> list[psutil.Process]:
    """Los hijos de `pids`, y los hijos de sus hijos, con una sola vuelta por los procesos de la máquina."""
    children: dict[int, list[psutil.Process]] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            children.setdefault(process.ppid(), []).append(process)
    result: dict[int, psutil.Process] = {}
    pending = list(pids)
    while pending:
        for child in children.get(pending.pop(), ()):
            if child.pid not in result:
                result[child.pid] = child
                pending.append(child.pid)
    return list(result.values())


def processors() -> int:
    """Cuántos procesadores puede usar esta orden (en un contenedor, menos que los de la máquina)."""
    if sys.platform.startswith("linux"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 2


def memory_mb(processes: Iterable[psutil.Process]) -> float | None:
    """Los megabytes que son de verdad de `processes`: PSS donde el sistema lo da; si no, USS."""
    total = 0.0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            memory = process.memory_full_info()
            total += getattr(memory, "pss", None) or memory.uss
    return round(total / 1_000_000, 1) if total else None


def _labelled(project: str, logs: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    needle = f"\0{PROJECT}={project}\0".encode()
    for pid, environment in _environments():
        if needle in b"\0" + environment:
            names = _parse(environment)
            if SERVICE in names:
                yield pid, names
        elif service := _service_of_output(pid, environment, logs):
            yield pid, {SERVICE: service}


def _environments() -> Iterator[tuple[int, bytes]]:
    """El entorno con que arrancó cada proceso de esta persona. En Linux se lee de /proc, mucho más rápido."""
    if not sys.platform.startswith("linux"):
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.uids().effective == os.geteuid():
                    yield process.pid, b"".join(f"{k}={v}\0".encode() for k, v in process.environ().items())
        return
    user = os.geteuid()
    with os.scandir(_PROC) as entries:
        for entry in entries:
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if entry.stat().st_uid == user:
                        yield int(entry.name), Path(entry.path, "environ").read_bytes()


def _service_of_output(pid: int, environment: bytes, logs: Path) -> str | None:
    """El servicio en cuyo log escribe el proceso, si ha borrado su entorno."""
    if not sys.platform.startswith("linux") or environment.strip(b"\0 ").count(b"=") > 1:
        return None
    try:
        output = (_PROC / str(pid) / "fd" / "1").readlink()
    except OSError:
        return None
    return output.name.partition(".log")[0] if output.parent == logs else None


def _parse(environment: bytes) -> dict[str, str]:
    pairs = (item.partition("=") for item in environment.decode("utf-8", "replace").split("\0"))
    return {name: value for name, sign, value in pairs if sign and name.startswith("STACKLAB_")}


def _ports(names: Mapping[str, str]) -> dict[str, int]:
    return {
        name.removeprefix(_PORT): int(value)
        for name, value in names.items()
        if name.startswith(_PORT) and value.isdigit()
    }


def _alive(pid: int) -> psutil.Process | None:
    try:
        process = psutil.Process(pid)
    except psutil.Error:
        return None
    return process if is_alive(process) else None


def _own_line() -> set[int]:
    """Este proceso y quienes lo arrancaron: nadie se para a sí mismo."""
    try:
        return {os.getpid(), *(process.pid for process in psutil.Process().parents())}
    except psutil.Error:
        return {os.getpid()}
