"""Servicios diminutos para probar el laboratorio: arrancan en unos milisegundos y se portan como se les diga."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path

from stack.model import ConfigFile, Embedded, Fidelity, HttpProbe, Kind, Link, Port, Service
from tests.support.running import free_port

SERVE = """
import os, signal, socket, sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(os.environ["STACKLAB_PORT_HTTP"])))
listener.listen(16)
print("escucho", flush=True)
while True:
    caller, _ = listener.accept()
    try:
        caller.recv(4096)
        caller.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\nok")
    except OSError:
        pass
    caller.close()
"""

DIE = "import sys; print('no encuentro mi fichero', file=sys.stderr); sys.exit(3)"

SILENT = "import time; print('pensando', flush=True); time.sleep(60)"

STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + SERVE

# Un hijo corriente y otro que abre su propia sesión; ninguno hace caso de SIGTERM.
PARENT = (
    """
import os, signal, time
for lone in (False, True):
    if os.fork() == 0:
        if lone:
            os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)
        os._exit(0)
"""
    + SERVE
)


# Al despedirse deja un proceso que nadie había visto antes.
HEIR = (
    """
import os, signal, time
def leave(number, frame):
    if os.fork() == 0:
        os.setsid()
        time.sleep(60)
    os._exit(0)
signal.signal(signal.SIGTERM, leave)
"""
    + SERVE
)


def fake(
    name: str,
    code: str = SERVE,
    *,
    number: int | None = None,
    depends_on: tuple[str, ...] = (),
    env: Mapping[str, str] | None = None,
    config: tuple[ConfigFile, ...] = (),
    credentials: tuple[str, ...] = (),
    ready_s: float = 5.0,
    grace_s: float = 2.0,
    kind: Kind = Kind.SERVICE,
) -> Service:
    """Un servicio `name` con un puerto `http`, que ejecuta `code`."""
    return Service(
        name=name,
        title=name.capitalize(),
        summary="De mentira, para pruebas.",
        kind=kind,
        ports=(Port("http", number or free_port()),),
        probe=HttpProbe("http", "/", contains="ok"),
        embedded=Embedded(
            argv=("${PYTHON}", "-S", "-c", code),
            product="juguete",
            fidelity=Fidelity.EMBEDDED,
            memory_mb=8,
            env=dict(env or {}),
            ready_timeout_s=ready_s,
            stop_grace_s=grace_s,
        ),
        depends_on=depends_on,
        config=config,
        credentials=credentials,
        exports={f"{name.upper()}_URL": f"${{{name.upper()}_HTTP_URL}}"},
        links=(Link("Portada", f"${{{name.upper()}_HTTP_BROWSER_URL}}/"),),
    )


def listener(number: int = 0, host: str = "127.0.0.1") -> socket.socket:
    """Otro programa que ya escucha en ese puerto (0: uno cualquiera)."""
    other = socket.socket()
    other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    other.bind((host, number))
    other.listen(16)
    return other


def fragment(path: Path, text: str) -> tuple[ConfigFile, ...]:
    """Un fichero de configuración `ajustes.txt` con `text`."""
    path.write_text(text, "utf-8")
    return (ConfigFile("ajustes.txt", (path,)),)
