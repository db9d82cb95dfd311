"""Dejar de ser administrador: PostgreSQL se niega a arrancar si quien lo arranca es root.

Con el laboratorio de root (un contenedor, un aula) no vale pasar a ser otro usuario sin más: la carpeta de
estado es solo de root, y los procesos de otro usuario no se encontrarían después. En Linux hay una salida mejor:
un espacio de usuarios (*user namespace*) en el que root se llama de otra manera y no puede nada. Fuera de él,
los ficheros y los procesos siguen siendo suyos. https://man7.org/linux/man-pages/man7/user_namespaces.7.html
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import sys
from pathlib import Path

_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1
_ORDINARY = ("postgres", "nobody", "daemon")


def step_down(parent: int | None = None) -> None:
    """Si este proceso es de root, pasa a ser de nadie. Se llama en el hijo, justo antes de ejecutar el programa.

    Con `parent` (el pid de quien lo vigila), en Linux recibe SIGQUIT —la parada inmediata— si aquel muere.

    Raises:
        OSError: es root y este sistema no deja crear un espacio de usuarios.
    """
    if os.geteuid() == 0:
        _forget_root()
    if parent is not None and sys.platform.startswith("linux"):
        _call("prctl", _PR_SET_PDEATHSIG, signal.SIGQUIT)
        if os.getppid() != parent:
            os._exit(1)


def _forget_root() -> None:
    who = next((found for found in map(_account, _ORDINARY) if found), None)
    if who is None or not sys.platform.startswith("linux"):
        raise OSError("PostgreSQL no arranca como root, y aquí no hay otro usuario por el que pasar")
    group = os.getegid()  # dentro ya no tiene nombre
    try:
        _call("unshare", _CLONE_NEWUSER)
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{who.pw_uid} 0 1"),
            ("gid_map", f"{who.pw_gid} {group} 1"),
        ):
            Path("/proc/self", name).write_text(text, "ascii")
    except OSError as error:
        raise OSError(
            "PostgreSQL no arranca como root, y este sistema no deja crear un espacio de usuarios: "
            f"usa stacklab con un usuario corriente ({error})"
        ) from error


def _account(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _call(name: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
