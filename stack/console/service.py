"""Las páginas de stacklab para los servicios que no traen ninguna: Kafka, Redis, MinIO y la base de datos.

Leen con los clientes de siempre, así que enseñan lo mismo sea cual sea el runtime.
"""

from stack.database.service import DATABASE
from stack.model import Embedded, Fidelity, HttpProbe, Kind, Link, Port, Service

CONSOLE = Service(
    name="console",
    title="Páginas de stacklab",
    summary="Enseña por dentro Kafka, Redis, MinIO y la base de datos en el navegador.",
    kind=Kind.CONSOLE,
    ports=(Port("http", 9080),),
    probe=HttpProbe("http", "/salud"),
    embedded=Embedded(
        argv=("${PYTHON}", "-m", "stack.console"),
        product="stacklab",
        fidelity=Fidelity.BINARY,
        memory_mb=27,
        env={
            "KAFKA_BOOTSTRAP_SERVERS": "${KAFKA_BROKER_ADDRESS}",
            "REDIS_URL": "${REDIS_RESP_URL}/0",
            "MINIO_ENDPOINT": "${MINIO_API_ADDRESS}",
            "MINIO_ACCESS_KEY": "${MINIO_ACCESS_KEY}",
            "MINIO_SECRET_KEY": "${MINIO_SECRET_KEY}",
            "DATABASE_URL": DATABASE.exports["DATABASE_URL"],
            "STACKLAB_FIDELITY_KAFKA": "${KAFKA_FIDELITY}",
            "STACKLAB_FIDELITY_REDIS": "${REDIS_FIDELITY}",
            "STACKLAB_FIDELITY_MINIO": "${MINIO_FIDELITY}",
            "STACKLAB_FIDELITY_DATABASE": "${DATABASE_FIDELITY}",
            "STACKLAB_PRODUCT_KAFKA": "${KAFKA_PRODUCT}",
            "STACKLAB_PRODUCT_REDIS": "${REDIS_PRODUCT}",
            "STACKLAB_PRODUCT_MINIO": "${MINIO_PRODUCT}",
            "STACKLAB_PRODUCT_DATABASE": "${DATABASE_PRODUCT}",
        },
    ),
    credentials=("minio_access_key", "minio_secret_key", "database_password"),
    links=(Link("Inicio", "${CONSOLE_HTTP_BROWSER_URL}/"),),
)
