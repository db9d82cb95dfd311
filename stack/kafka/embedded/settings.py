"""Los ajustes del intermediario, con los nombres de variable de la imagen oficial de Apache Kafka.

Referencia: https://kafka.apache.org/documentation/#brokerconfigs
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Settings:
    """Bytes, segundos y cuentas; los valores por defecto son los de Kafka salvo donde se dice.

    `num_partitions` es 4 (en Kafka, 1) para que se vea el reparto por clave. `retention_bytes` es por
    partición (en Kafka, sin límite) y `total_bytes` para todas, porque aquí los mensajes viven en memoria.
    """

    host: str = "127.0.0.1"
    port: int = 9092
    num_partitions: int = 4
    auto_create_topics: bool = True
    initial_rebalance_delay_s: float = 0.0
    retention_bytes: int = 16 * MIB
    retention_ms: int = 7 * 24 * 3600 * 1000
    total_bytes: int = 64 * MIB
    max_message_bytes: int = 1_048_588
    max_request_bytes: int = 32 * MIB
    min_session_timeout_ms: int = 6_000
    max_session_timeout_ms: int = 1_800_000
    max_partitions_per_topic: int = 1_000

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Lee dónde escuchar (`STACKLAB_*`) y los ajustes `KAFKA_*`.

        Raises:
            ValueError: con el nombre de la variable, si un número no lo es.
        """

        default = cls()

        def number(name: str, fallback: int) -> int:
            text = environment.get(name)
            if text is None:
                return fallback
            try:
                return int(text)
            except ValueError:
                raise ValueError(f"{name} tiene que ser un número entero y es «{text}»") from None

        return cls(
            host=environment.get("STACKLAB_LISTEN_HOST", default.host),
            port=number("STACKLAB_PORT_BROKER", default.port),
            num_partitions=number("KAFKA_NUM_PARTITIONS", default.num_partitions),
            auto_create_topics=environment.get("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "true").lower() == "true",
            initial_rebalance_delay_s=number("KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS", 0) / 1000,
            retention_bytes=number("KAFKA_LOG_RETENTION_BYTES", default.retention_bytes),
            retention_ms=number("KAFKA_LOG_RETENTION_MS", default.retention_ms),
        )
