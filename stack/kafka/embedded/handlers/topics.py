"""Peticiones de administración de topics y de sus opciones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stack.kafka.embedded.broker import Broker, Call
from stack.kafka.embedded.configs import Option, broker_options, check_topic_configs
from stack.kafka.embedded.errors import ErrorCode, KafkaError
from stack.kafka.embedded.topics import BROKER_ID

# Tipos de recurso y procedencias de una opción: https://kafka.apache.org/protocol
_TOPIC, _BROKER = 2, 4
_FROM_TOPIC, _FROM_BROKER_FILE, _DEFAULT = 1, 4, 5
_SET, _DELETE = 0, 1


def _attempt(action: Callable[[], object]) -> tuple[ErrorCode, str | None]:
    """Hace `action` y devuelve el código y la frase del error, si lo hubo."""
    try:
        action()
    except KafkaError as error:
        return error.code, error.message
    return ErrorCode.NONE, None


@dataclass(frozen=True, slots=True)
class _NewTopic:
    name: str
    partitions: int
    replication_factor: int
    assignments: dict[int, list[int]]
    configs: dict[str, str | None]


def create_topics(call: Call) -> None:
    """CreateTopics v0–4."""
    r, w, topics = call.r, call.w, call.broker.topics

    def new_topic() -> _NewTopic:
        return _NewTopic(
            name=r.string(),
            partitions=r.int32(),
            replication_factor=r.int16(),
            assignments=dict(r.array(lambda: (r.int32(), r.array(r.int32)))),
            configs=dict(r.array(lambda: (r.string(), r.nullable_string()))),
        )

    asked = r.array(new_topic)
    r.int32()
    validate_only = r.boolean() if call.version >= 1 else False
    names = [topic.name for topic in asked]

    def create(new: _NewTopic) -> None:
        if names.count(new.name) > 1:
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"«{new.name}» está dos veces en la petición")
        topics.create(
            new.name,
            new.partitions,
            new.replication_factor,
            new.assignments,
            new.configs,
            validate_only=validate_only,
        )

    def answer(new: _NewTopic) -> None:
        code, message = _attempt(lambda: create(new))
        w.string(new.name)
        w.int16(code)
        if call.version >= 1:
            w.nullable_string(message)

    if call.version >= 2:
        w.int32(0)
    w.array(asked, answer)


def delete_topics(call: Call) -> None:
    """DeleteTopics v0–3."""
    r, w, broker = call.r, call.w, call.broker
    names = r.array(r.string)
    r.int32()

    def delete(name: str) -> None:
        broker.topics.delete(name)
        broker.groups.forget_topic(name)

    def answer(name: str) -> None:
        code, _ = _attempt(lambda: delete(name))
        w.string(name)
        w.int16(code)

    if call.version >= 1:
        w.int32(0)
    w.array(names, answer)


def create_partitions(call: Call) -> None:
    """CreatePartitions v0–1: solo se pueden añadir."""
    r, w, topics = call.r, call.w, call.broker.topics
    asked = r.array(
        lambda: (r.string(), r.int32(), r.nullable_array(lambda: r.array(r.int32))),
    )
    r.int32()
    validate_only = r.boolean()

    def add(name: str, total: int, assignments: list[list[int]] | None) -> None:
        added = total - len(topics.find(name).logs)
        if assignments is not None and assignments != [[BROKER_ID]] * added:
            raise KafkaError(
                ErrorCode.INVALID_REPLICA_ASSIGNMENT,
                f"las particiones nuevas van en el intermediario {BROKER_ID}, que es el único",
            )
        topics.add_partitions(name, total, validate_only=validate_only)

    def answer(item: tuple[str, int, list[list[int]] | None]) -> None:
        code, message = _attempt(lambda: add(*item))
        w.string(item[0])
        w.int16(code)
        w.nullable_string(message)

    w.int32(0)
    w.array(asked, answer)


@dataclass(frozen=True, slots=True)
class _Entry:
    """Una opción tal como se enseña: su valor y de dónde sale."""

    option: Option
    value: str
    source: int
    read_only: bool


def _entries(broker: Broker, kind: int, name: str) -> list[_Entry]:
    """Las opciones de un topic o del intermediario."""
    if kind == _TOPIC:
        topic = broker.topics.find(name)
        return [
            _Entry(
                option, broker.topics.value(topic, key), _FROM_TOPIC if key in topic.configs else _DEFAULT, False
            )
            for key, option in broker.topics.options.items()
        ]
    if kind == _BROKER and name in {str(BROKER_ID), ""}:
        options = broker_options(broker.settings).values()
        return [_Entry(option, option.default, _FROM_BROKER_FILE, True) for option in options]
    raise KafkaError(ErrorCode.INVALID_REQUEST, f"solo hay opciones de topics y del intermediario {BROKER_ID}")


def describe_configs(call: Call) -> None:
    """DescribeConfigs v1–3: cuánto vale cada opción y de dónde sale."""
    r, w, version = call.r, call.w, call.version
    asked = r.array(lambda: (r.int8(), r.string(), r.nullable_array(r.string)))
    synonyms = r.boolean()
    documented = r.boolean() if version >= 3 else False

    def entry(item: _Entry) -> None:
        w.string(item.option.name)
        w.nullable_string(item.value)
        w.boolean(item.read_only)
        w.int8(item.source)
        w.boolean(False)
        values = [(item.value, item.source)]
        if item.source == _FROM_TOPIC:
            values.append((item.option.default, _DEFAULT))
        w.array(values if synonyms else [], lambda value: synonym(item.option.name, *value))
        if version >= 3:
            w.int8(item.option.type)
            w.nullable_string(item.option.documentation if documented else None)

    def synonym(name: str, value: str, source: int) -> None:
        w.string(name)
        w.nullable_string(value)
        w.int8(source)

    def answer(item: tuple[int, str, list[str] | None]) -> None:
        kind, name, keys = item
        entries: list[_Entry] = []
        code, message = _attempt(lambda: entries.extend(_entries(call.broker, kind, name)))
        w.int16(code)
        w.nullable_string(message)
        w.int8(kind)
        w.string(name)
        w.array([found for found in entries if keys is None or found.option.name in keys], entry)

    w.int32(0)
    w.array(asked, answer)


def incremental_alter_configs(call: Call) -> None:
    """IncrementalAlterConfigs v0: pone o quita opciones de un topic, sin tocar las demás."""
    r, w, topics = call.r, call.w, call.broker.topics
    asked = r.array(lambda: (r.int8(), r.string(), r.array(lambda: (r.string(), r.int8(), r.nullable_string()))))
    validate_only = r.boolean()

    def alter(kind: int, name: str, changes: list[tuple[str, int, str | None]]) -> None:
        if kind != _TOPIC:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "las opciones del intermediario se cambian al arrancarlo")
        topic = topics.find(name)
        if any(operation not in {_SET, _DELETE} for _, operation, _ in changes):
            raise KafkaError(ErrorCode.INVALID_CONFIG, "ninguna de estas opciones es una lista que se amplíe")
        configs = dict(topic.configs)
        for key, operation, value in changes:
            if operation == _SET:
                configs |= check_topic_configs({key: value}, topics.options)
            else:
                configs.pop(key, None)
        if not validate_only:
            topic.configs = configs

    def answer(item: tuple[int, str, list[tuple[str, int, str | None]]]) -> None:
        code, message = _attempt(lambda: alter(*item))
        w.int16(code)
        w.nullable_string(message)
        w.int8(item[0])
        w.string(item[1])

    w.int32(0)
    w.array(asked, answer)
