"""Cómo se declara un microservicio: lo que es propio de cada uno; lo que tienen todos se pone aquí.

Un flujo escribe en su `services.py`:

    UPLOADS = microservice(
        "uploads",
        "Servicio Uploads",
        "Recibe la foto, la guarda y avisa.",
        port=7101,
        memory_mb=70,
        uses=(KAFKA, MINIO),
    )
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from stack.database.service import NAME, USER
from stack.model import Embedded, Fidelity, HttpProbe, Kind, Link, Port, Service


@dataclass(frozen=True, slots=True)
class Use:
    """Algo que un microservicio usa: el entorno y las credenciales que le hacen falta para ello.

    `service` es el que ha de estar listo antes de arrancar; `None`, si puede llegar después.
    """

    service: str | None
    env: Mapping[str, str]
    credentials: tuple[str, ...] = field(default=())


KAFKA = Use("kafka", {"KAFKA_BOOTSTRAP_SERVERS": "${KAFKA_BROKER_ADDRESS}"})
REDIS = Use("redis", {"REDIS_URL": "${REDIS_RESP_URL}/0"})
MINIO = Use(
    "minio",
    {
        "MINIO_ENDPOINT": "${MINIO_API_ADDRESS}",
        "MINIO_ACCESS_KEY": "${MINIO_ACCESS_KEY}",
        "MINIO_SECRET_KEY": "${MINIO_SECRET_KEY}",
    },
    ("minio_access_key", "minio_secret_key"),
)
DATABASE = Use(
    "database", {"DATABASE_ADDRESS": "${DATABASE_SQL_ADDRESS}", "DATABASE_NAME": NAME, "DATABASE_USER": USER}
)
"""Sin contraseña: la pide a Vault."""
TOKENS = Use(None, {"JWT_SECRET": "${JWT_SECRET}"}, ("jwt_secret",))
"""El secreto con el que Kong firma sus tokens: quien lo tiene comprueba los que le llegan."""


def vault(name: str) -> Use:
    """Vault, con la identidad (AppRole) del microservicio `name`: lo que puede leer lo dice su política."""
    secret = f"{name}_vault_secret_id"
    env = {
        "VAULT_ADDR": "${VAULT_HTTP_URL}",
        "VAULT_ROLE_ID": name,
        "VAULT_SECRET_ID": f"${{{secret.upper()}}}",
    }
    return Use("vault", env, (secret,))


DISCOVERABLE = {
    "CONSUL_HTTP_ADDR": "${CONSUL_HTTP_ADDRESS}",
    "ADVERTISE_ADDRESS": "${LISTEN_HOST}:${LISTEN_HTTP_PORT}",
    "CHECK_URL": "${HTTP_FROM_CONSUL_URL}/ready",
    "METRICS_ADDRESS": "${HTTP_FROM_PROMETHEUS_ADDRESS}",
}
"""Con esto se apunta en Consul: cómo le ven los demás, quien comprueba si está listo y quien lee sus métricas. No
depende de Consul para arrancar: se apunta cuando lo encuentra."""

_EVERYONE = {
    "HOST": "${LISTEN_HOST}",
    "PORT": "${LISTEN_HTTP_PORT}",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "${JAEGER_OTLP_URL}",
    # Con esto una ejecución paso a paso puede parar al microservicio; fuera del laboratorio no está.
    "STACKLAB_STEP_SECRET": "${STEP_SECRET}",
    **DISCOVERABLE,
}


def microservice(
    name: str,
    title: str,
    summary: str,
    *,
    port: int,
    memory_mb: int,
    uses: Iterable[Use] = (),
    env: Mapping[str, str] | None = None,
    credentials: tuple[str, ...] = (),
    program: str | None = None,
) -> Service:
    """El microservicio `name`: un proceso, el de `scenarios.services.<name>`, que atiende en un puerto HTTP.

    Args:
        name: también es su nombre en Consul, en las trazas y en la orden `stacklab logs`.
        title: como le llama el diagrama.
        port: el conocido; si está ocupado se busca otro.
        memory_mb: lo que ocupa en marcha, medido (PSS, en MB).
        uses: con quién habla.
        env: lo suyo, además de lo que traigan `uses`; admite plantillas `${…}`.
        credentials: las que nombra `env`, y la de presentarse a Vault (`<nombre>_vault_secret_id`) si allí tiene
            permiso aunque no lo use.
        program: el módulo de `scenarios.services`, si no se llama como él (dos instancias del mismo programa).
    """
    needed = tuple(uses)
    prefix = name.upper().replace("-", "_")
    return Service(
        name=name,
        title=title,
        summary=summary,
        kind=Kind.MICROSERVICE,
        ports=(Port("http", port),),
        probe=HttpProbe("http", "/health"),
        embedded=Embedded(
            argv=("${PYTHON}", "-m", f"scenarios.services.{program or name}"),
            product="microservicio (FastAPI)",
            fidelity=Fidelity.BINARY,
            memory_mb=memory_mb,
            env={
                "SERVICE_ID": name,
                **_EVERYONE,
                **{key: value for use in needed for key, value in use.env.items()},
                **(env or {}),
            },
        ),
        depends_on=tuple(use.service for use in needed if use.service is not None),
        credentials=(*(one for use in needed for one in use.credentials), *credentials, "step_secret"),
        exports={f"{prefix}_URL": f"${{{prefix}_HTTP_URL}}"},
        links=(Link("Métricas", f"${{{prefix}_HTTP_BROWSER_URL}}/metrics"),),
    )
