"""Las opciones de un topic y del intermediario: cuáles hay, cuánto valen y qué valores se aceptan.

Solo se acepta cambiar lo que este suplente cumple de verdad; lo demás se rechaza con `INVALID_CONFIG` y una
frase. Referencia: https://kafka.apache.org/documentation/#topicconfigs
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stack.kafka.embedded.errors import ErrorCode, KafkaError
from stack.kafka.embedded.settings import Settings

# Los tipos de opción que distingue DescribeConfigs v3.
BOOLEAN, STRING, INT, LONG, LIST = 1, 2, 3, 5, 7


@dataclass(frozen=True, slots=True)
class Option:
    """Una opción: `only` es el único valor que se acepta, si no se puede cambiar; `minimum`, si es un número."""

    name: str
    default: str
    type: int
    documentation: str
    only: str | None = None
    minimum: int = -1

    def check(self, value: str | None) -> str:
        """Devuelve `value` limpio, o lanza `INVALID_CONFIG` diciendo qué se admite."""
        text = (value or "").strip()
        if self.only is not None:
            if text != self.only:
                raise KafkaError(
                    ErrorCode.INVALID_CONFIG,
                    f"en el suplente embebido {self.name} solo puede ser «{self.only}»",
                )
        elif not text.removeprefix("-").isdecimal() or int(text) < self.minimum:
            raise KafkaError(
                ErrorCode.INVALID_CONFIG,
                f"{self.name} tiene que ser un entero de {self.minimum} o más, no «{text}»",
            )
        return text


def topic_options(settings: Settings) -> dict[str, Option]:
    """Las opciones de un topic, por nombre, con los valores que hereda del intermediario."""
    options = (
        Option("cleanup.policy", "delete", LIST, "Qué se hace con lo viejo: borrarlo.", only="delete"),
        Option("compression.type", "producer", STRING, "Como lo comprima quien lo envía.", only="producer"),
        Option(
            "max.message.bytes", str(settings.max_message_bytes), INT, "El lote más grande, en bytes.", minimum=0
        ),
        Option("message.timestamp.type", "CreateTime", STRING, "La fecha la pone quien envía.", only="CreateTime"),
        Option("min.insync.replicas", "1", INT, "Copias que han de confirmar una escritura.", only="1"),
        Option(
            "retention.bytes",
            str(settings.retention_bytes),
            LONG,
            "Bytes que se guardan por partición; -1, todos.",
        ),
        Option(
            "retention.ms", str(settings.retention_ms), LONG, "Milisegundos que se guarda un mensaje; -1, siempre."
        ),
    )
    return {option.name: option for option in options}


def check_topic_configs(configs: Mapping[str, str | None], options: Mapping[str, Option]) -> dict[str, str]:
    """Comprueba las opciones pedidas para un topic; `INVALID_CONFIG` si alguna no se puede cumplir."""
    checked = {}
    for name, value in configs.items():
        if name not in options:
            raise KafkaError(ErrorCode.INVALID_CONFIG, f"el suplente embebido no aplica la opción «{name}»")
        checked[name] = options[name].check(value)
    return checked


def broker_options(settings: Settings) -> dict[str, Option]:
    """Las opciones del intermediario. Se enseñan; se cambian solo al arrancarlo."""
    options = (
        Option(
            "advertised.listeners",
            f"PLAINTEXT://{settings.host}:{settings.port}",
            STRING,
            "La dirección que se anuncia.",
        ),
        Option(
            "auto.create.topics.enable",
            str(settings.auto_create_topics).lower(),
            BOOLEAN,
            "Crear un topic la primera vez que se nombra.",
        ),
        Option("broker.id", "1", INT, "El número de este intermediario."),
        Option("default.replication.factor", "1", INT, "Copias de cada partición."),
        Option(
            "group.initial.rebalance.delay.ms",
            str(round(settings.initial_rebalance_delay_s * 1000)),
            INT,
            "Espera antes del primer reparto de un grupo.",
        ),
        Option(
            "group.min.session.timeout.ms", str(settings.min_session_timeout_ms), INT, "El session.timeout menor."
        ),
        Option(
            "group.max.session.timeout.ms", str(settings.max_session_timeout_ms), INT, "El session.timeout mayor."
        ),
        Option("log.retention.bytes", str(settings.retention_bytes), LONG, "Bytes que se guardan por partición."),
        Option("log.retention.ms", str(settings.retention_ms), LONG, "Milisegundos que se guarda un mensaje."),
        Option("message.max.bytes", str(settings.max_message_bytes), INT, "El lote más grande, en bytes."),
        Option("num.partitions", str(settings.num_partitions), INT, "Particiones de un topic si no se dice."),
        Option(
            "socket.request.max.bytes", str(settings.max_request_bytes), INT, "La petición más grande, en bytes."
        ),
    )
    return {option.name: option for option in options}
