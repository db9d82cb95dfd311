"""Encontrar el proceso que arrancó una prueba, por el puerto en que escucha."""

from __future__ import annotations

import psutil


def process_on(port: str) -> psutil.Process:
    """El hijo nuestro que escucha en `port`."""
    for child in psutil.Process().children(recursive=True):
        if any(found.laddr and found.laddr.port == int(port) for found in child.net_connections()):
            return child
    raise AssertionError(f"nadie de los nuestros escucha en {port}")
