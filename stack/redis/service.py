"""Redis: la memoria compartida y rapidísima (caché, contadores, sesiones)."""

from stack.model import Embedded, Fidelity, Link, Port, RedisProbe, Service

REDIS = Service(
    name="redis",
    title="Redis",
    summary="Guarda datos en memoria, con caducidad si hace falta, y contesta en menos de un milisegundo.",
    ports=(Port("resp", 6379, scheme="redis"),),
    probe=RedisProbe("resp"),
    embedded=Embedded(
        argv=("${PYTHON}", "-m", "stack.redis.wheel", "${LISTEN_HOST}", "${LISTEN_RESP_PORT}", "${DATA_DIR}"),
        product="Valkey 9.1",
        fidelity=Fidelity.BINARY,
        memory_mb=8,
    ),
    exports={"REDIS_URL": "${REDIS_RESP_URL}/0"},
    links=(Link("Claves, tipos y caducidades", "${CONSOLE_HTTP_BROWSER_URL}/redis"),),
)
