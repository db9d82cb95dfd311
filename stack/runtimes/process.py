"""Un proceso del sistema que vive más que la orden que lo arrancó."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from stack.errors import StartError
from stack.files import make_private, state_error
from stack.ports import free_ports
from stack.prepare import Prepared, free_of, settled


def write_files(prepared: Prepared) -> None:
    """Escribe los ficheros de configuración con modo 0600 (llevan credenciales) y crea las carpetas.

    La carpeta de configuración queda con eso y nada más: lo que ya no está en la descripción, tampoco aquí.

    Raises:
        StateError: no se puede escribir.
    """
    try:
        shutil.rmtree(prepared.config_dir, ignore_errors=True)
        for folder in (prepared.config_dir.parent, prepared.config_dir, prepared.data_dir):
            make_private(folder)
        for target, text in prepared.files.items():
            path = prepared.config_dir / target
            for above in reversed(Path(target).parents[:-1]):
                make_private(prepared.config_dir / above)
            path.touch(mode=0o600)
            path.write_text(text, "utf-8")
    except OSError as error:
        raise state_error(prepared.config_dir, error) from error


def spawn(prepared: Prepared, log: Path, label: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Arranca el proceso en su propia sesión, con su salida en `log`. No espera a que esté listo.

    `label` va a su entorno desde el primer instante: si esta orden muere ahora mismo, la siguiente lo encuentra.

    Raises:
        StartError: el programa no existe o no se puede ejecutar.
        StateError: no se pueden escribir sus ficheros o su log.
    """
    wanted = free_of(prepared)
    prepared = settled(prepared, dict(zip(wanted, free_ports(len(wanted)), strict=True)))
    write_files(prepared)
    try:
        output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise state_error(log, error) from error
    try:
        return subprocess.Popen(
            prepared.argv,
            env=environment(os.environ) | dict(prepared.env) | dict(label or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=0o077,
            cwd=prepared.data_dir,
        )
    except OSError as error:
        raise StartError(
            f"no se puede ejecutar {prepared.argv[0]} para {prepared.service.title}: {error.strerror}",
            "Falta el programa, o no se puede ejecutar en esta máquina.",
            "stacklab doctor",
        ) from error
    finally:
        os.close(output)


def environment(base: Mapping[str, str]) -> dict[str, str]:
    """El entorno de la persona, con lo que un servicio necesita para comportarse igual en cualquier equipo.

    Todo ocurre en esta máquina, así que un proxy de la empresa no debe ponerse en medio; y los logs salen
    enseguida y en UTF-8. Sin `PYTHONSAFEPATH`, `python -m` buscaría módulos también en la carpeta de datos.
    """
    local = "127.0.0.1,localhost"
    proxies = {name: ",".join(filter(None, (base.get(name), local))) for name in ("no_proxy", "NO_PROXY")}
    return dict(base) | proxies | {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", "PYTHONSAFEPATH": "1"}
