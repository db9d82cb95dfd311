"""Los microservicios del flujo A, como los ve el laboratorio."""

from __future__ import annotations

from scenarios.microservice import KAFKA, MINIO, REDIS, TOKENS, microservice

_LINKS = {"PUBLIC_URL": "${KONG_PROXY_BROWSER_URL}"}
"""Por dónde se llega a las fotos desde fuera: la dirección que se guarda y se enseña es la de Kong."""

UPLOADS = microservice(
    "uploads",
    "Servicio Uploads",
    "Recibe la foto, la guarda, avisa por Kafka y contesta enseguida.",
    port=7101,
    memory_mb=70,
    uses=(KAFKA, REDIS, MINIO, TOKENS),
    env=_LINKS,
    credentials=("uploads_vault_secret_id",),
)

THUMBNAILS = microservice(
    "thumbnails",
    "Servicio Thumbnails",
    "Lee los avisos de Kafka y hace las miniaturas de cada foto, a su ritmo.",
    port=7102,
    memory_mb=70,
    uses=(KAFKA, REDIS, MINIO),
    env=_LINKS,
    credentials=("thumbnails_vault_secret_id",),
)

SERVICES = (UPLOADS, THUMBNAILS)
