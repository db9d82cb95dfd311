"""Escribir sin dejar nada a medias: o el fichero entero, o el de antes."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from stack.errors import StateError

_CAUSES = {
    errno.ENOSPC: "no queda sitio en el disco",
    errno.EDQUOT: "se ha agotado tu cuota de disco",
    errno.EROFS: "el disco está montado solo para lectura",
    errno.EACCES: "no tienes permiso",
    errno.EPERM: "no tienes permiso",
    errno.ENOTDIR: "una parte de la ruta no es una carpeta",
}


def state_error(path: Path, error: OSError, doing: str = "escribir") -> StateError:
    """El `StateError` que explica `error` al `doing` algo con `path`."""
    why = _CAUSES.get(error.errno or 0, error.strerror or str(error))
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return StateError(
        f"no se puede {doing} {path}: {why}",
        "Ahí guarda stacklab los puertos, las credenciales y los logs; sin esa carpeta no puede trabajar. "
        "Lo que había antes sigue intacto. Con la variable STACKLAB_HOME se elige otra.",
        f"df -h {path.parent}" if full else "stacklab doctor",
    )


def make_private(folder: Path) -> None:
    """Crea `folder` con modo 0700, o se lo pone si ya existía con otro.

    Raises:
        StateError: no se puede.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise state_error(folder, error, "preparar la carpeta") from error


def write_whole(path: Path, text: str, *, backup: Path | None = None) -> None:
    """Deja `text` en `path` con modo 0600: fichero temporal, `fsync`, cambio de nombre y `fsync` de la carpeta.

    Si el equipo se apaga en cualquier momento queda el contenido viejo o el nuevo, nunca un trozo. `backup`
    conserva el anterior sin que `path` falte ni un instante. Dos a la vez sobre el mismo `path` no: para eso está
    el cerrojo.

    Raises:
        StateError: no se pudo escribir; `path` queda como estaba.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as output:
            output.write(text)
            output.flush()
            os.fsync(output.fileno())
        if backup is not None and path.exists():
            _link(path, backup)
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise state_error(path, error) from error


def append_private(path: Path, text: str) -> None:
    """Añade `text` al final de `path`, con modo 0600 si lo crea; `StateError` si no se puede."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as output:
            output.write(text)
    except OSError as error:
        raise state_error(path, error) from error


def sync_folder(folder: Path) -> None:
    """Obliga al disco a recordar los nombres que hay en `folder`."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _link(path: Path, backup: Path) -> None:
    spare = backup.with_name(f".{backup.name}.tmp")
    spare.unlink(missing_ok=True)
    spare.hardlink_to(path)
    try:
        spare.replace(backup)
    except OSError:
        spare.unlink()
        raise
