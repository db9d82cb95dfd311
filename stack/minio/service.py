"""MinIO: el almacén de ficheros (objetos) que habla el protocolo S3."""

from stack.model import Embedded, Fidelity, HttpProbe, Link, Port, Service

MINIO = Service(
    name="minio",
    title="MinIO",
    summary="Guarda ficheros enteros, cada uno con su dirección, y los devuelve a quien tenga permiso.",
    ports=(Port("api", 9000),),
    probe=HttpProbe("api", "/"),
    embedded=Embedded(
        argv=("${PYTHON}", "-m", "stack.minio.wheel"),
        product="SeaweedFS 4.48",
        fidelity=Fidelity.BINARY,
        memory_mb=160,
        env={"MINIO_ACCESS_KEY": "${MINIO_ACCESS_KEY}", "MINIO_SECRET_KEY": "${MINIO_SECRET_KEY}"},
    ),
    credentials=("minio_access_key", "minio_secret_key"),
    exports={
        "MINIO_ENDPOINT": "${MINIO_API_ADDRESS}",
        "MINIO_ACCESS_KEY": "${MINIO_ACCESS_KEY}",
        "MINIO_SECRET_KEY": "${MINIO_SECRET_KEY}",
    },
    links=(Link("Buckets y objetos", "${CONSOLE_HTTP_BROWSER_URL}/minio"),),
)
