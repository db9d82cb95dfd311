"""Peticiones de administración de grupos: cuáles hay, cómo están y borrarlos."""

from __future__ import annotations

from stack.kafka.embedded.broker import Call
from stack.kafka.embedded.errors import ErrorCode, KafkaError
from stack.kafka.embedded.groups import Group
from stack.kafka.embedded.members import GroupState, Member

_NOT_ASKED = -(2**31)
_GROUP_OPERATIONS = sum(1 << bit for bit in (3, 6, 8))
_TYPE = "classic"


def list_groups(call: Call) -> None:
    """ListGroups v0–5: los grupos, filtrados por estado y por tipo si se pide."""
    r, w, version = call.r, call.w, call.version
    states = {state.lower() for state in r.array(r.string)} if version >= 4 else set()
    types = {kind.lower() for kind in r.array(r.string)} if version >= 5 else set()
    r.tags()
    groups = [
        group
        for group in call.broker.groups
        if (not states or group.state.lower() in states) and (not types or _TYPE in types)
    ]

    def listed(group: Group) -> None:
        w.string(group.name)
        w.string(group.protocol_type)
        if version >= 4:
            w.string(group.state)
        if version >= 5:
            w.string(_TYPE)
        w.tags()

    if version >= 1:
        w.int32(0)
    w.int16(ErrorCode.NONE)
    w.array(groups, listed)
    w.tags()


def describe_groups(call: Call) -> None:
    """DescribeGroups v0–4. Un grupo que no existe se describe como «Dead», igual que en Kafka."""
    r, w, version = call.r, call.w, call.version
    names = r.array(r.string)
    operations = r.boolean() if version >= 3 else False

    def described(name: str) -> None:
        group = call.broker.groups.find(name)
        stable = group is not None and group.state is GroupState.STABLE
        w.int16(ErrorCode.NONE)
        w.string(name)
        w.string(group.state if group else GroupState.DEAD)
        w.string(group.protocol_type if group else "")
        w.string(group.protocol if group and stable else "")
        w.array(group.members.values() if group else (), lambda item: member(item, group, stable))
        if version >= 3:
            w.int32(_GROUP_OPERATIONS if operations and group else _NOT_ASKED)

    def member(item: Member, group: Group | None, stable: bool) -> None:
        w.string(item.id)
        if version >= 4:
            w.nullable_string(item.request.instance_id)
        w.string(item.request.client_id)
        w.string(item.request.client_host)
        w.bytes_(item.request.protocols.get(group.protocol, b"") if group and stable else b"")
        w.bytes_(item.assignment if stable else b"")

    if version >= 1:
        w.int32(0)
    w.array(names, described)


def delete_groups(call: Call) -> None:
    """DeleteGroups v0–1: solo los que no tienen miembros."""
    w = call.w
    names = call.r.array(call.r.string)

    def delete(name: str) -> None:
        code = ErrorCode.NONE
        try:
            call.broker.groups.delete(name)
        except KafkaError as error:
            code = error.code
        w.string(name)
        w.int16(code)

    w.int32(0)
    w.array(names, delete)
