"""Un trozo de cable que se puede cortar: deja pasar la petición y se traga la respuesta."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def losing_replies(host: str, port: int) -> Iterator[str]:
    """Da una dirección (`127.0.0.1:puerto`) que lleva a `host:port`, pero por la que no vuelve nada.

    La respuesta se lee entera, así que quien contesta cree que llegó; a quien llamó se le cierra la conexión. Hay
    que llamar con `Connection: close`. Atiende una conexión.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=_carry, args=(listener, host, port), name="relay", daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()
        thread.join(2)


def _carry(listener: socket.socket, host: str, port: int) -> None:
    with suppress(OSError):
        near, _ = listener.accept()
        with near, socket.create_connection((host, port), 10) as far:
            up = threading.Thread(target=_pump, args=(near, far), daemon=True)
            up.start()
            far.settimeout(30)
            while far.recv(65536):
                pass
            near.shutdown(socket.SHUT_RDWR)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
