"""Los microservicios del flujo A, como los ve el laboratorio: qué orden los arranca y qué entorno necesitan."""

from __future__ import annotations

from stack.model import Embedded, Fidelity, HttpProbe, Kind, Link, Port, Service

_COMMON = {
    "HOST": "${LISTEN_HOST}",
    "PORT": "${LISTEN_HTTP_PORT}",
    "PUBLIC_URL": "${KONG_PROXY_BROWSER_URL}",
    "KAFKA_BOOTSTRAP_SERVERS": "${KAFKA_BROKER_ADDRESS}",
    "REDIS_URL": "${REDIS_RESP_URL}/0",
    "MINIO_ENDPOINT": "${MINIO_API_ADDRESS}",
    "MINIO_ACCESS_KEY": "${MINIO_ACCESS_KEY}",
    "MINIO_SECRET_KEY": "${MINIO_SECRET_KEY}",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "${JAEGER_OTLP_URL}",
    # Con esto una ejecución paso a paso puede parar al microservicio; fuera del laboratorio no está.
    "STACKLAB_STEP_SECRET": "${STEP_SECRET}",
}

UPLOADS = Service(
    name="uploads",
    title="Servicio Uploads",
    summary="Recibe la foto, la guarda, avisa por Kafka y contesta enseguida.",
    kind=Kind.MICROSERVICE,
    ports=(Port("http", 7101),),
    probe=HttpProbe("http", "/health"),
    embedded=Embedded(
        argv=("${PYTHON}", "-m", "scenarios.services.uploads"),
        product="microservicio (FastAPI)",
        fidelity=Fidelity.BINARY,
        memory_mb=70,
        env={**_COMMON, "JWT_SECRET": "${JWT_SECRET}"},
    ),
    depends_on=("kafka", "redis", "minio"),
    credentials=("minio_access_key", "minio_secret_key", "jwt_secret", "step_secret"),
    exports={"UPLOADS_URL": "${UPLOADS_HTTP_URL}"},
    links=(Link("Métricas", "${UPLOADS_HTTP_BROWSER_URL}/metrics"),),
)

THUMBNAILS = Service(
    name="thumbnails",
    title="Servicio Thumbnails",
    summary="Lee los avisos de Kafka y hace las miniaturas de cada foto, a su ritmo.",
    kind=Kind.MICROSERVICE,
    ports=(Port("http", 7102),),
    probe=HttpProbe("http", "/health"),
    embedded=Embedded(
        argv=("${PYTHON}", "-m", "scenarios.services.thumbnails"),
        product="microservicio (FastAPI)",
        fidelity=Fidelity.BINARY,
        memory_mb=70,
        env=_COMMON,
    ),
    depends_on=("kafka", "redis", "minio"),
    credentials=("minio_access_key", "minio_secret_key", "step_secret"),
    exports={"THUMBNAILS_URL": "${THUMBNAILS_HTTP_URL}"},
    links=(Link("Métricas", "${THUMBNAILS_HTTP_BROWSER_URL}/metrics"),),
)

SERVICES = (UPLOADS, THUMBNAILS)
