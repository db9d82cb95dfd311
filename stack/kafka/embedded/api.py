"""Qué peticiones se atienden, en qué versiones y con qué función. Es lo que contesta ApiVersions.

Se anuncian las versiones más sencillas con que los clientes de hoy hacen todo lo que hace falta: el cliente
elige la mayor que conozcan los dos. Referencia: https://kafka.apache.org/protocol#protocol_api_keys
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from stack.kafka.embedded.broker import Call
from stack.kafka.embedded.errors import ErrorCode
from stack.kafka.embedded.handlers import cluster, data, group_admin, groups, topics

_NEVER = 1000
API_VERSIONS = 18


@dataclass(frozen=True, slots=True)
class Api:
    """Una petición: desde y hasta qué versión, y desde cuál usa la forma flexible."""

    minimum: int
    maximum: int
    handler: Callable[[Call], Awaitable[None] | None]
    flexible_from: int = _NEVER


def api_versions(call: Call) -> None:
    """ApiVersions v0–3: esta misma tabla."""
    write_versions(call, ErrorCode.NONE)


def write_versions(call: Call, code: ErrorCode) -> None:
    """Escribe la tabla con un código de error: `UNSUPPORTED_VERSION` invita a preguntar en una versión menor."""
    w = call.w

    def row(item: tuple[int, Api]) -> None:
        key, api = item
        w.int16(key)
        w.int16(api.minimum)
        w.int16(api.maximum)
        w.tags()

    w.int16(code)
    w.array(APIS.items(), row)
    if call.version >= 1:
        w.int32(0)
    w.tags()


APIS: dict[int, Api] = {
    0: Api(3, 7, data.produce),
    1: Api(4, 11, data.fetch),
    2: Api(1, 7, data.list_offsets, flexible_from=6),
    3: Api(0, 12, cluster.metadata, flexible_from=9),
    8: Api(2, 7, groups.offset_commit),
    9: Api(1, 5, groups.offset_fetch),
    10: Api(0, 2, cluster.find_coordinator),
    11: Api(0, 5, groups.join_group),
    12: Api(0, 3, groups.heartbeat),
    13: Api(0, 3, groups.leave_group),
    14: Api(0, 3, groups.sync_group),
    15: Api(0, 4, group_admin.describe_groups),
    16: Api(0, 5, group_admin.list_groups, flexible_from=3),
    API_VERSIONS: Api(0, 3, api_versions, flexible_from=3),
    19: Api(0, 4, topics.create_topics),
    20: Api(0, 3, topics.delete_topics),
    21: Api(0, 1, data.delete_records),
    22: Api(0, 1, data.init_producer_id),
    23: Api(2, 3, data.offset_for_leader_epoch),
    32: Api(1, 3, topics.describe_configs),
    37: Api(0, 1, topics.create_partitions),
    42: Api(0, 1, group_admin.delete_groups),
    44: Api(0, 0, topics.incremental_alter_configs),
    47: Api(0, 0, groups.offset_delete),
    68: Api(0, 1, groups.consumer_group_heartbeat, flexible_from=0),
}
