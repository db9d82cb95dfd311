"""Peticiones de un grupo de consumidores: entrar, repartir, latir, irse y confirmar hasta dónde se leyó."""

from __future__ import annotations

from stack.kafka.embedded.broker import ByTopic, Call
from stack.kafka.embedded.errors import ErrorCode, KafkaError
from stack.kafka.embedded.members import CommittedOffset, JoinRequest

_LONGEST_METADATA = 4096


async def join_group(call: Call) -> None:
    """JoinGroup v0–5."""
    r, w, version = call.r, call.w, call.version
    group_id = r.string()
    session_timeout_ms = r.int32()
    request = JoinRequest(
        session_timeout_ms=session_timeout_ms,
        rebalance_timeout_ms=r.int32() if version >= 1 else session_timeout_ms,
        member_id=r.string(),
        instance_id=r.nullable_string() if version >= 5 else None,
        client_id=call.client_id,
        client_host=call.client_host,
        protocol_type=r.string(),
        protocols=dict(r.array(lambda: (r.string(), r.bytes_()))),
        needs_known_id=version >= 4,
    )
    if version >= 2:
        w.int32(0)
    try:
        result = await call.broker.groups.find_or_create(group_id).join(request)
    except KafkaError as error:
        w.int16(error.code)
        w.int32(-1)
        for _ in range(3):
            w.string("")
        w.array([], w.bytes_)
        return
    w.int16(result.error)
    w.int32(result.generation)
    w.string(result.protocol)
    w.string(result.leader)
    w.string(result.member_id)

    def member(item: tuple[str, str | None, bytes]) -> None:
        w.string(item[0])
        if version >= 5:
            w.nullable_string(item[1])
        w.bytes_(item[2])

    w.array(result.members, member)


async def sync_group(call: Call) -> None:
    """SyncGroup v0–3."""
    r, w = call.r, call.w
    group = call.broker.groups.find(r.string())
    generation, member_id = r.int32(), r.string()
    if call.version >= 3:
        r.nullable_string()
    assignments = dict(r.array(lambda: (r.string(), r.bytes_())))
    if call.version >= 1:
        w.int32(0)
    if group is None:
        w.int16(ErrorCode.UNKNOWN_MEMBER_ID)
        w.bytes_(b"")
        return
    result = await group.sync(member_id, generation, assignments)
    w.int16(result.error)
    w.bytes_(result.assignment)


async def heartbeat(call: Call) -> None:
    """Heartbeat v0–3."""
    r, w = call.r, call.w
    group = call.broker.groups.find(r.string())
    generation, member_id = r.int32(), r.string()
    if call.version >= 3:
        r.nullable_string()
    if call.version >= 1:
        w.int32(0)
    if group is None:
        w.int16(ErrorCode.UNKNOWN_MEMBER_ID)
    else:
        w.int16(await group.heartbeat(member_id, generation, call.hurry))


def leave_group(call: Call) -> None:
    """LeaveGroup v0–3; desde la 3 se pueden despedir varios miembros a la vez."""
    r, w = call.r, call.w
    group = call.broker.groups.find(r.string())
    several = call.version >= 3
    leaving = r.array(lambda: (r.string(), r.nullable_string())) if several else [(r.string(), None)]

    def leave(member_id: str, instance_id: str | None) -> ErrorCode:
        if group is None:
            return ErrorCode.UNKNOWN_MEMBER_ID
        for member in group.members.values():
            if instance_id is not None and member.request.instance_id == instance_id:
                member_id = member.id
        return group.leave(member_id)

    codes = [leave(member_id, instance_id) for member_id, instance_id in leaving]

    def answer(item: tuple[tuple[str, str | None], ErrorCode]) -> None:
        (member_id, instance_id), code = item
        w.string(member_id)
        w.nullable_string(instance_id)
        w.int16(code)

    if call.version >= 1:
        w.int32(0)
    w.int16(ErrorCode.NONE if several else codes[0])
    if several:
        w.array(list(zip(leaving, codes, strict=True)), answer)


def consumer_group_heartbeat(call: Call) -> None:
    """ConsumerGroupHeartbeat v0–1, del protocolo de grupos nuevo (KIP-848): se rechaza diciendo por qué.

    Si no se anunciara, un consumidor con `group.protocol=consumer` se quedaría callado sin recibir nada.
    """
    w = call.w
    w.int32(0)
    w.int16(ErrorCode.UNSUPPORTED_VERSION)
    w.nullable_string(
        "el suplente embebido de Kafka solo tiene el protocolo clásico: quita group.protocol=consumer"
    )
    w.nullable_string(None)
    w.int32(0)
    w.int32(0)
    w.int8(-1)
    w.tags()


def offset_commit(call: Call) -> None:
    """OffsetCommit v2–7: apunta el próximo mensaje que leerá el grupo en cada partición."""
    r, w, version, broker = call.r, call.w, call.version, call.broker
    group_id, generation, member_id = r.string(), r.int32(), r.string()
    if version >= 7:
        r.nullable_string()
    if version <= 4:
        r.int64()

    def asked() -> tuple[int, CommittedOffset]:
        index, offset = r.int32(), r.int64()
        epoch = r.int32() if version >= 6 else -1
        return index, CommittedOffset(offset, epoch, r.nullable_string() or "")

    wanted = call.read_by_topic(asked)
    refusal = ErrorCode.NONE
    try:
        group = broker.groups.find_or_create(group_id)
        group.check_commit(member_id, generation)
    except KafkaError as error:
        refusal = error.code

    def commit(topic: str, item: tuple[int, CommittedOffset]) -> None:
        index, committed = item
        code = refusal
        if not code:
            try:
                broker.topics.log(topic, index)
                if len(committed.metadata) > _LONGEST_METADATA:
                    raise KafkaError(ErrorCode.OFFSET_METADATA_TOO_LARGE)
                group.offsets[topic, index] = committed
            except KafkaError as error:
                code = error.code
        w.int32(index)
        w.int16(code)

    if version >= 3:
        w.int32(0)
    call.write_by_topic(wanted, commit)


def offset_fetch(call: Call) -> None:
    """OffsetFetch v1–5: hasta dónde confirmó el grupo; sin lista de topics, en todos."""
    r, w, version = call.r, call.w, call.version
    group = call.broker.groups.find(r.string())
    offsets = group.offsets if group else {}

    def topic() -> tuple[str, list[int]]:
        return r.string(), r.array(r.int32)

    wanted = r.nullable_array(topic)
    if wanted is None:
        by_topic: dict[str, list[int]] = {}
        for name, index in sorted(offsets):
            by_topic.setdefault(name, []).append(index)
        wanted = list(by_topic.items())

    def partition(name: str, index: int) -> None:
        committed = offsets.get((name, index), CommittedOffset(-1, -1, ""))
        w.int32(index)
        w.int64(committed.offset)
        if version >= 5:
            w.int32(committed.leader_epoch)
        w.nullable_string(committed.metadata)
        w.int16(ErrorCode.NONE)

    if version >= 3:
        w.int32(0)
    call.write_by_topic(wanted, partition)
    if version >= 2:
        w.int16(ErrorCode.NONE)


def offset_delete(call: Call) -> None:
    """OffsetDelete v0: olvida lo confirmado en unas particiones, si ningún miembro está leyendo ese topic."""
    r, w = call.r, call.w
    group = call.broker.groups.find(r.string())
    wanted: ByTopic[int] = call.read_by_topic(r.int32)
    if group is None:
        w.int16(ErrorCode.GROUP_ID_NOT_FOUND)
        w.int32(0)
        w.array([], w.int32)
        return
    offsets, busy = group.offsets, bool(group.members)

    def forget(topic: str, index: int) -> None:
        if not busy:
            offsets.pop((topic, index), None)
        w.int32(index)
        w.int16(ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC if busy else ErrorCode.NONE)

    w.int16(ErrorCode.NONE)
    w.int32(0)
    call.write_by_topic(wanted, forget)
