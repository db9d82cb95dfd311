"""Los logs: un fichero por servicio, con un tamaño máximo, que se puede seguir aunque el servicio se reinicie."""

from __future__ import annotations

import os
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

MAX_BYTES = 5_000_000
KEPT = 2
POLL_S = 0.1


def rotate(log: Path, *, max_bytes: int = MAX_BYTES) -> bool:
    """Si `log` pasa de `max_bytes`, lo copia a `.1` (el que había, a `.2`) y lo vacía. Dice si lo hizo.

    Se vacía en lugar de cambiarlo de nombre porque el servicio puede tenerlo abierto: escribe siempre al final
    (O_APPEND), así que sigue en el mismo fichero.
    """
    try:
        if log.stat().st_size <= max_bytes:
            return False
        for number in range(KEPT, 1, -1):
            older = log.with_name(f"{log.name}.{number - 1}")
            if older.exists():
                older.replace(log.with_name(f"{log.name}.{number}"))
        copy = log.with_name(f"{log.name}.1")
        shutil.copyfile(log, copy)
        copy.chmod(0o600)
        os.truncate(log, 0)
    except FileNotFoundError:
        return False
    return True


def size(log: Path) -> int:
    """Cuántos bytes tiene ahora (0 si no existe)."""
    try:
        return log.stat().st_size
    except OSError:
        return 0


def last_lines(log: Path, count: int, *, since: int = 0) -> list[str]:
    """Las últimas `count` líneas escritas a partir del byte `since`, mirando como mucho los últimos 64 kB."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(since, size(log) - 64_000))
            return [_text(line) for line in deque(stream, count)]
    except OSError:
        return []


def lines(
    log: Path, *, follow: bool = False, tail: int | None = None, stopped: Callable[[], bool] = lambda: False
) -> Iterator[str]:
    """Las líneas de `log`, sin salto final; con `follow` espera a las siguientes hasta que `stopped` sea cierto.

    Sigue leyendo desde el principio si el fichero se vacía o se cambia por otro.
    """
    while not log.exists():
        if not follow or stopped():
            return
        time.sleep(POLL_S)
    stream = log.open("rb")
    try:
        for line in stream if tail is None else deque(stream, max(tail, 0)):
            yield _text(line)
        pending = b""
        while follow and not stopped():
            if piece := stream.readline():
                pending += piece
                if pending.endswith(b"\n"):
                    yield _text(pending)
                    pending = b""
                continue
            time.sleep(POLL_S)
            if _replaced(log, stream.fileno(), stream.tell()):
                stream.close()
                stream = log.open("rb")
    finally:
        stream.close()


def _replaced(log: Path, descriptor: int, position: int) -> bool:
    try:
        now = log.stat()
    except OSError:
        return False
    return now.st_ino != os.fstat(descriptor).st_ino or now.st_size < position


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r\n")
