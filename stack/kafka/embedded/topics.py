"""Los topics: su creación, sus particiones y sus opciones. Sin red: aquí están las reglas."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID, uuid4

from stack.kafka.embedded.batch import parse
from stack.kafka.embedded.configs import check_topic_configs, topic_options
from stack.kafka.embedded.errors import ErrorCode, KafkaError
from stack.kafka.embedded.log import Log, largest
from stack.kafka.embedded.settings import Settings

BROKER_ID = 1
_NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")


class Topic:
    """Un topic: sus particiones y las opciones que se le han cambiado."""

    def __init__(self, name: str, partitions: int, configs: dict[str, str]) -> None:
        self.name = name
        self.id = uuid4()
        self.logs = [Log() for _ in range(partitions)]
        self.configs = configs


class Topics:
    """Todos los topics del intermediario."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.options = topic_options(settings)
        self._topics: dict[str, Topic] = {}
        self._unchecked_bytes = 0

    def reset(self) -> None:
        """Olvida todos los topics."""
        for name in list(self._topics):
            self.delete(name)

    def __iter__(self) -> Iterator[Topic]:
        return iter(self._topics.values())

    def find(self, name: str) -> Topic:
        """El topic `name`, o `UNKNOWN_TOPIC_OR_PARTITION`."""
        topic = self._topics.get(name)
        if topic is None:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"no hay ningún topic «{name}»")
        return topic

    def find_by_id(self, identifier: UUID) -> Topic:
        """El topic con ese identificador, o `UNKNOWN_TOPIC_ID`."""
        for topic in self:
            if topic.id == identifier:
                return topic
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_ID)

    def find_or_create(self, name: str, *, allow_create: bool) -> Topic:
        """El topic `name`; si no está y se permite, se crea con las particiones por defecto."""
        if name not in self._topics and allow_create and self.settings.auto_create_topics:
            return self.create(name)
        return self.find(name)

    def log(self, name: str, partition: int) -> Log:
        """La partición pedida, o `UNKNOWN_TOPIC_OR_PARTITION`; antes olvida lo que ya es demasiado viejo."""
        topic = self.find(name)
        if not 0 <= partition < len(topic.logs):
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"«{name}» no tiene la partición {partition}")
        log = topic.logs[partition]
        log.retain(int(self.value(topic, "retention.bytes")), int(self.value(topic, "retention.ms")) / 1000)
        return log

    def value(self, topic: Topic, option: str) -> str:
        """Cuánto vale una opción en ese topic."""
        return topic.configs.get(option, self.options[option].default)

    def append(self, name: str, partition: int, records: bytes | None) -> tuple[int, int]:
        """Escribe un lote. Devuelve su offset y el más viejo que queda en la partición.

        Raises:
            KafkaError: si el lote no es válido, es demasiado grande o la partición no existe.
        """
        log = self.log(name, partition)
        if records is not None and len(records) > int(self.value(self.find(name), "max.message.bytes")):
            raise KafkaError(ErrorCode.MESSAGE_TOO_LARGE, f"el lote ocupa {len(records)} bytes")
        offset = log.append(parse(records))
        self._unchecked_bytes += len(records or b"")
        if self._unchecked_bytes > self.settings.total_bytes // 64:
            self._unchecked_bytes = 0
            self._fit_memory()
        return offset, log.start

    def _fit_memory(self) -> None:
        """Entre todas no pasan (apenas) de `total_bytes`: la partición que más ocupa olvida lo más viejo."""
        logs = [log for topic in self for log in topic.logs]
        surplus = sum(log.bytes for log in logs) - self.settings.total_bytes
        while surplus > 0 and (log := largest(logs)) is not None:
            before = log.bytes
            log.forget_oldest()
            surplus -= before - log.bytes

    def create(
        self,
        name: str,
        partitions: int = -1,
        replication_factor: int = -1,
        assignments: Mapping[int, Sequence[int]] | None = None,
        configs: Mapping[str, str | None] | None = None,
        *,
        validate_only: bool = False,
    ) -> Topic:
        """Crea un topic; -1 es «lo que diga el intermediario».

        `assignments` va de partición a los intermediarios que la guardan: aquí solo puede ser el 1.

        Raises:
            KafkaError: con el mismo código que daría Kafka por un nombre, unas particiones, unas copias o
                unas opciones que no valen, o porque el topic ya existe.
        """
        self._check_name(name)
        if assignments:
            partitions = self._assigned(partitions, replication_factor, assignments)
        else:
            partitions = self._counted(partitions, replication_factor)
        checked = check_topic_configs(configs or {}, self.options)
        topic = Topic(name, partitions, checked)
        if not validate_only:
            self._topics[name] = topic
        return topic

    def _check_name(self, name: str) -> None:
        if not _NAME.fullmatch(name) or name in {".", ".."}:
            raise KafkaError(
                ErrorCode.INVALID_TOPIC_EXCEPTION,
                "un topic se llama con 1 a 249 letras sin acento, cifras, puntos, guiones o guiones bajos",
            )
        if name in self._topics:
            raise KafkaError(ErrorCode.TOPIC_ALREADY_EXISTS, f"ya hay un topic «{name}»")
        for other in self._topics:
            if other.replace(".", "_") == name.replace(".", "_"):
                raise KafkaError(
                    ErrorCode.INVALID_TOPIC_EXCEPTION,
                    f"«{name}» se confunde con «{other}»: en las métricas, el punto y el guion bajo son lo mismo",
                )

    def _counted(self, partitions: int, replication_factor: int) -> int:
        if partitions == -1:
            partitions = self.settings.num_partitions
        self._check_count(partitions)
        if replication_factor not in {-1, 1}:
            raise KafkaError(
                ErrorCode.INVALID_REPLICATION_FACTOR,
                f"se piden {replication_factor} copias y hay un solo intermediario: tiene que ser 1",
            )
        return partitions

    def _check_count(self, partitions: int) -> None:
        if not 0 < partitions <= self.settings.max_partitions_per_topic:
            raise KafkaError(
                ErrorCode.INVALID_PARTITIONS,
                f"un topic tiene de 1 a {self.settings.max_partitions_per_topic} particiones, no {partitions}",
            )

    def _assigned(self, partitions: int, replication: int, assignments: Mapping[int, Sequence[int]]) -> int:
        if partitions != -1 or replication != -1:
            raise KafkaError(
                ErrorCode.INVALID_REQUEST, "o se dice cuántas particiones y copias, o dónde va cada una"
            )
        if sorted(assignments) != list(range(len(assignments))) or any(
            list(brokers) != [BROKER_ID] for brokers in assignments.values()
        ):
            raise KafkaError(
                ErrorCode.INVALID_REPLICA_ASSIGNMENT,
                f"cada partición, de la 0 en adelante, va en el intermediario {BROKER_ID}, que es el único",
            )
        self._check_count(len(assignments))
        return len(assignments)

    def add_partitions(self, name: str, total: int, *, validate_only: bool = False) -> None:
        """Hace que el topic tenga `total` particiones; solo se pueden añadir."""
        topic = self.find(name)
        if total <= len(topic.logs):
            raise KafkaError(
                ErrorCode.INVALID_PARTITIONS,
                f"«{name}» ya tiene {len(topic.logs)} particiones y solo pueden crecer",
            )
        self._check_count(total)
        if not validate_only:
            topic.logs += [Log() for _ in range(total - len(topic.logs))]

    def delete(self, name: str) -> None:
        """Borra el topic y sus mensajes; quien los esperaba recibe `UNKNOWN_TOPIC_OR_PARTITION`."""
        topic = self.find(name)
        del self._topics[name]
        for log in topic.logs:
            log.wake()
