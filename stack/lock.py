"""Un solo laboratorio, una sola orden que lo cambia a la vez.

El cerrojo es del sistema (`flock`): si la orden muere, aunque sea con SIGKILL, el núcleo lo suelta. El fichero
dice además quién lo tiene, para poder contárselo a quien espera.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from stack.errors import StateError
from stack.files import state_error

POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Holder:
    """Quién tiene el cerrojo: su proceso, la orden que se escribió y desde cuándo."""

    pid: int
    command: str
    since: datetime | None


class Lock:
    """El cerrojo de `path`. El hilo que lo tiene puede volver a pedirlo sin esperarse a sí mismo."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._owner = threading.RLock()
        self._depth = 0

    @contextmanager
    def held(
        self,
        *,
        timeout_s: float = 600.0,
        waiting: Callable[[Holder], None] = lambda holder: None,
        interrupted: Callable[[], bool] = lambda: False,
        read_only: bool = False,
    ) -> Iterator[None]:
        """Lo tiene mientras dure el bloque. Con `read_only`, también si en el disco ya no se puede escribir.

        `waiting` recibe a quien lo tiene, una vez por cada dueño distinto. Si `interrupted` es cierto mientras
        espera, lanza `KeyboardInterrupt`.

        Raises:
            StateError: pasaron `timeout_s` segundos, o el disco no admite cerrojos.
        """
        with self._owner:
            if self._depth:
                self._depth += 1
                try:
                    yield
                finally:
                    self._depth -= 1
                return
            descriptor = self._acquire(timeout_s, waiting, interrupted, read_only)
            self._depth = 1
            try:
                yield
            finally:
                self._depth = 0
                # Cerrar basta para soltarlo. El fichero se queda: borrarlo daría dos cerrojos a la vez.
                with contextlib.suppress(OSError):
                    os.ftruncate(descriptor, 0)
                os.close(descriptor)

    def _acquire(
        self,
        timeout_s: float,
        waiting: Callable[[Holder], None],
        interrupted: Callable[[], bool],
        read_only: bool,
    ) -> int:
        deadline = time.monotonic() + timeout_s
        told: Holder | None = None
        descriptor = self._open(read_only)
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    pass
                except OSError as error:
                    if error.errno != errno.EINTR:
                        raise state_error(self._path, error, "cerrar con cerrojo") from error
                holder = holder_of(self._path)
                if holder is not None and holder != told:
                    told = holder
                    waiting(holder)
                if interrupted():
                    raise KeyboardInterrupt
                if time.monotonic() > deadline:
                    raise _busy(told)
                time.sleep(POLL_S)
            _sign(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _open(self, read_only: bool) -> int:
        try:
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            if read_only and error.errno == errno.EROFS:
                with contextlib.suppress(OSError):
                    return os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            raise state_error(self._path, error, "abrir") from error


def holder_of(path: Path) -> Holder | None:
    """Quién dice el fichero que lo tiene; `None` si no dice nada (está libre o lo está escribiendo)."""
    try:
        document = json.loads(path.read_bytes())
        return Holder(int(document["pid"]), str(document["command"]), datetime.fromisoformat(document["since"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _sign(descriptor: int) -> None:
    command = " ".join([Path(sys.argv[0]).name or "python", *sys.argv[1:]])[:200]
    since = datetime.now(UTC).isoformat(timespec="seconds")
    text = json.dumps({"pid": os.getpid(), "command": command, "since": since}, ensure_ascii=False)
    # Si el disco está lleno, el cerrojo vale igual: solo falta el letrero.
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)


def _busy(holder: Holder | None) -> StateError:
    who = f"el proceso {holder.pid} («{holder.command}»)" if holder else "otra orden"
    return StateError(
        f"el laboratorio sigue ocupado por {who}",
        "Solo una orden a la vez puede cambiarlo, y esa no termina.",
        f"ps -fp {holder.pid}" if holder else "stacklab doctor",
    )
