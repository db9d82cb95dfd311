"""Los microservicios del flujo B, como los ve el laboratorio: qué orden los arranca y qué entorno necesitan."""

from __future__ import annotations

from stack.database.service import NAME, USER
from stack.model import Embedded, Fidelity, HttpProbe, Kind, Link, Port, Service

_COMMON = {
    "HOST": "${LISTEN_HOST}",
    "PORT": "${LISTEN_HTTP_PORT}",
    "KAFKA_BOOTSTRAP_SERVERS": "${KAFKA_BROKER_ADDRESS}",
    "REDIS_URL": "${REDIS_RESP_URL}/0",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "${JAEGER_OTLP_URL}",
    # Con esto una ejecución paso a paso puede parar al microservicio; fuera del laboratorio no está.
    "STACKLAB_STEP_SECRET": "${STEP_SECRET}",
}

AUTH = Service(
    name="auth",
    title="Servicio Auth",
    summary="Comprueba la contraseña, abre la sesión y firma el token con la clave que guarda Vault.",
    kind=Kind.MICROSERVICE,
    ports=(Port("http", 7111),),
    probe=HttpProbe("http", "/health"),
    embedded=Embedded(
        argv=("${PYTHON}", "-m", "scenarios.services.auth"),
        product="microservicio (FastAPI)",
        fidelity=Fidelity.BINARY,
        memory_mb=90,
        env={
            **_COMMON,
            # De las credenciales solo tiene la de presentarse a Vault. La clave de los tokens y la contraseña
            # de la base de datos las pide allí.
            "VAULT_ADDR": "${VAULT_HTTP_URL}",
            "VAULT_ROLE_ID": "auth",
            "VAULT_SECRET_ID": "${AUTH_VAULT_SECRET_ID}",
            "DATABASE_ADDRESS": "${DATABASE_SQL_ADDRESS}",
            "DATABASE_NAME": NAME,
            "DATABASE_USER": USER,
            # Cada argon2 usa 19 MB un momento. De fábrica, glibc se los quedaría por si acaso, uno por hilo.
            "MALLOC_MMAP_THRESHOLD_": "1048576",
        },
    ),
    depends_on=("vault", "database", "redis", "kafka"),
    credentials=("auth_vault_secret_id", "step_secret"),
    exports={"AUTH_URL": "${AUTH_HTTP_URL}"},
    links=(Link("Métricas", "${AUTH_HTTP_BROWSER_URL}/metrics"),),
)

ANALYTICS = Service(
    name="analytics",
    title="Servicio Analytics",
    summary="Lee en Kafka quién ha entrado y lleva la cuenta de los usuarios activos.",
    kind=Kind.MICROSERVICE,
    ports=(Port("http", 7112),),
    probe=HttpProbe("http", "/health"),
    embedded=Embedded(
        argv=("${PYTHON}", "-m", "scenarios.services.analytics"),
        product="microservicio (FastAPI)",
        fidelity=Fidelity.BINARY,
        memory_mb=65,
        env=_COMMON,
    ),
    depends_on=("kafka", "redis"),
    credentials=("step_secret",),
    exports={"ANALYTICS_URL": "${ANALYTICS_HTTP_URL}"},
    links=(Link("Métricas", "${ANALYTICS_HTTP_BROWSER_URL}/metrics"),),
)

SERVICES = (AUTH, ANALYTICS)
