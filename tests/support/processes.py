"""Encontrar el proceso que arrancó una prueba, por el puerto en que escucha, y matarlo sin dejar restos."""

from __future__ import annotations

from pathlib import Path

import psutil


def process_on(port: str) -> psutil.Process:
    """El hijo nuestro que escucha en `port`."""
    for child in psutil.Process().children(recursive=True):
        if any(found.laddr and found.laddr.port == int(port) for found in child.net_connections()):
            return child
    raise AssertionError(f"nadie de los nuestros escucha en {port}")


def kill(process: psutil.Process) -> None:
    """Lo mata de golpe y borra los sockets con nombre que deja, que nadie más va a borrar."""
    sockets = {str(found.laddr) for found in process.net_connections("unix") if found.laddr}
    process.kill()
    process.wait(5)
    for path in map(Path, sockets):
        if path.is_absolute() and path.is_socket():
            path.unlink()
