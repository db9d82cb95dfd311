"""Peticiones sobre el clúster: versiones, metadatos y coordinadores."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from stack.kafka.embedded.broker import Broker, Call
from stack.kafka.embedded.errors import ErrorCode, KafkaError
from stack.kafka.embedded.topics import BROKER_ID

_NO_UUID = UUID(int=0)
# Operaciones permitidas, un bit por cada una: aquí no hay permisos, así que todas las que existen.
# https://kafka.apache.org/documentation/#operations_in_kafka
_NOT_ASKED = -(2**31)
_TOPIC_OPERATIONS = sum(1 << bit for bit in (3, 4, 5, 6, 7, 8, 10, 11))
_CLUSTER_OPERATIONS = sum(1 << bit for bit in (5, 7, 8, 9, 10, 11, 12))


@dataclass(frozen=True, slots=True)
class _Found:
    """Lo que se sabe de un topic pedido; si `code` es un error, ninguna partición."""

    code: ErrorCode
    id: UUID
    name: str | None
    partitions: int = 0


def _look_up(broker: Broker, identifier: UUID, name: str | None, allow_create: bool) -> _Found:
    """Busca un topic por su nombre o, si no lo lleva, por su identificador; si se permite, lo crea."""
    try:
        if name is None:
            topic = broker.topics.find_by_id(identifier)
        else:
            topic = broker.topics.find_or_create(name, allow_create=allow_create)
    except KafkaError as error:
        return _Found(error.code, identifier, name)
    return _Found(ErrorCode.NONE, topic.id, topic.name, len(topic.logs))


def metadata(call: Call) -> None:
    """Metadata v0–12: qué intermediario hay y qué particiones tiene cada topic."""
    broker, r, version = call.broker, call.r, call.version

    def asked() -> tuple[UUID, str | None]:
        identifier = r.uuid() if version >= 10 else _NO_UUID
        name = r.nullable_string()
        r.tags()
        return identifier, name

    wanted = r.nullable_array(asked)
    if version == 0 and not wanted:
        wanted = None
    allow_create = r.boolean() if version >= 4 else True
    cluster_operations = r.boolean() if 8 <= version <= 10 else False
    topic_operations = r.boolean() if version >= 8 else False
    r.tags()

    if wanted is None:
        wanted = [(topic.id, topic.name) for topic in broker.topics]
    found = [_look_up(broker, identifier, name, allow_create) for identifier, name in wanted]

    w = call.w
    if version >= 3:
        w.int32(0)
    w.array([BROKER_ID], lambda identifier: _broker(call, identifier))
    if version >= 2:
        w.nullable_string(broker.cluster_id)
    if version >= 1:
        w.int32(BROKER_ID)
    w.array(found, lambda item: _topic(call, item, operations=topic_operations))
    if 8 <= version <= 10:
        w.int32(_CLUSTER_OPERATIONS if cluster_operations else _NOT_ASKED)
    w.tags()


def _broker(call: Call, identifier: int) -> None:
    w = call.w
    w.int32(identifier)
    w.string(call.broker.settings.host)
    w.int32(call.broker.settings.port)
    if call.version >= 1:
        w.nullable_string(None)
    w.tags()


def _topic(call: Call, found: _Found, *, operations: bool) -> None:
    w, version = call.w, call.version
    w.int16(found.code)
    w.nullable_string(found.name if version >= 12 else found.name or "")
    if version >= 10:
        w.uuid(found.id)
    if version >= 1:
        w.boolean(False)
    w.array(range(found.partitions), lambda index: _partition(call, index))
    if version >= 8:
        w.int32(_TOPIC_OPERATIONS if operations else _NOT_ASKED)
    w.tags()


def _partition(call: Call, index: int) -> None:
    w, version = call.w, call.version
    w.int16(ErrorCode.NONE)
    w.int32(index)
    w.int32(BROKER_ID)
    if version >= 7:
        w.int32(0)
    w.array([BROKER_ID], w.int32)
    w.array([BROKER_ID], w.int32)
    if version >= 5:
        w.array([], w.int32)
    w.tags()


def find_coordinator(call: Call) -> None:
    """FindCoordinator v0–2: quién coordina un grupo. Las transacciones no tienen quien las coordine."""
    key = call.r.string()
    transactional = call.version >= 1 and call.r.int8() == 1
    code, message = ErrorCode.NONE, None
    if transactional:
        code = ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
        message = "el suplente embebido de Kafka no tiene transacciones"
    elif not key:
        code, message = ErrorCode.INVALID_GROUP_ID, "el grupo no puede llamarse «»"
    w, settings = call.w, call.broker.settings
    if call.version >= 1:
        w.int32(0)
    w.int16(code)
    if call.version >= 1:
        w.nullable_string(message)
    w.int32(-1 if code else BROKER_ID)
    w.string("" if code else settings.host)
    w.int32(-1 if code else settings.port)
