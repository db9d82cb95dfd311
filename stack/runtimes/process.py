"""Un proceso del sistema que vive más que la orden que lo arrancó."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from stack.prepare import Prepared


def write_files(prepared: Prepared) -> None:
    """Escribe los ficheros de configuración con modo 0600 (llevan credenciales) y crea las carpetas."""
    for folder in (prepared.config_dir, prepared.data_dir):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for target, text in prepared.files.items():
        path = prepared.config_dir / target
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(text, "utf-8")


def spawn(prepared: Prepared, log: Path) -> subprocess.Popen[bytes]:
    """Arranca el proceso en su propia sesión, con su salida en `log`. No espera a que esté listo."""
    write_files(prepared)
    with log.open("ab") as output:
        return subprocess.Popen(
            prepared.argv,
            env=os.environ | dict(prepared.env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=prepared.data_dir,
        )
