"""La lista de servicios. Añadir uno es una carpeta y una línea aquí."""

from __future__ import annotations

from stack.bridge.service import BRIDGE
from stack.console.service import CONSOLE
from stack.consul.service import CONSUL
from stack.database.service import DATABASE
from stack.grafana.service import GRAFANA
from stack.jaeger.service import JAEGER
from stack.kafka.service import KAFKA
from stack.kong.service import KONG
from stack.mailbox.service import MAILBOX
from stack.minio.service import MINIO
from stack.model import Service
from stack.n8n.service import N8N
from stack.prometheus.service import PROMETHEUS
from stack.redis.service import REDIS
from stack.vault.service import VAULT

SERVICES: tuple[Service, ...] = (
    KAFKA,
    REDIS,
    CONSUL,
    JAEGER,
    PROMETHEUS,
    GRAFANA,
    KONG,
    MINIO,
    VAULT,
    N8N,
    DATABASE,
    MAILBOX,
    CONSOLE,
    BRIDGE,
)
