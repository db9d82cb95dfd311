"""De `kong.yaml` a una `Config`: leer, validar, desanidar, dar identificadores y resolver referencias.

Sigue `kong/db/schema/others/declarative_config.lua` de Kong 3.9: los identificadores de lo que tiene nombre
son UUID de versión 5 a partir de él, así que no cambian de un arranque a otro.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from stack.kong.embedded.entities import CHILDREN, DOCUMENT, FOREIGN, RECORDS, plugin_record
from stack.kong.embedded.models import (
    Config,
    Consumer,
    Credential,
    Entity,
    PluginConfig,
    Route,
    Service,
    index,
)
from stack.kong.embedded.schema import Problem, Record, complete, validate_record

_NAMESPACE = uuid.UUID("fd02801f-0957-4a15-a55a-c8d9606f30b5")
_EMPTY_HASH = "0" * 32
_KEYED_BY = {"services": "name", "routes": "name", "consumers": "username"}
_ORDER = ("services", "routes", "consumers", "jwt_secrets", "keyauth_credentials", "acls", "plugins")


class InvalidConfig(Exception):
    """La configuración no vale. `problem` es el árbol de errores, con las frases de Kong."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(slots=True)
class _Item:
    """Una entidad todavía en bruto: de qué tipo es, sus datos y en qué padre estaba anidada."""

    kind: str
    data: dict[str, Any]
    path: tuple[str | int, ...]
    parent: _Item | None = None


def parse(text: str) -> Config:
    """La configuración que describe `text` (YAML o JSON). `InvalidConfig` dice qué está mal y dónde."""
    try:
        document = json.loads(text) if text.lstrip().startswith("{") else yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidConfig({"error": f"failed parsing declarative configuration: {error}"}) from error
    if not isinstance(document, dict):
        raise InvalidConfig({"error": "failed parsing declarative configuration: expected an object"})
    return build(document, hashlib.md5(text.encode(), usedforsecurity=False).hexdigest())


def build(document: Mapping[str, Any], hash_: str) -> Config:
    """Lo mismo, con el documento ya leído."""
    problem = validate_record(DOCUMENT, document)
    if problem is not None:
        raise InvalidConfig(problem)
    items = list(_flatten(document))
    now = int(time.time())
    entities: dict[str, dict[str, Entity]] = {kind: {} for kind in _ORDER}
    for item in items:
        _identify(item)
        _add(entities, item, now)
    _resolve(entities, items)
    return _config(entities, hash_)


def _flatten(document: Mapping[str, Any]) -> Iterator[_Item]:
    def walk(kind: str, rows: list[Any], path: tuple[str | int, ...], parent: _Item | None) -> Iterator[_Item]:
        children = CHILDREN.get(kind, ())
        for position, row in enumerate(rows, 1):
            item = _Item(
                kind, {k: v for k, v in row.items() if k not in children}, (*path, kind, position), parent
            )
            yield item
            for child in children:
                yield from walk(child, row.get(child) or [], item.path, item)

    for kind in _ORDER:
        yield from walk(kind, document.get(kind) or [], (), None)


def _identify(item: _Item) -> None:
    """Completa `item` y le pone su `id`; el padre ya lo tiene, porque va antes."""
    record = RECORDS.get(item.kind) or plugin_record(item.data)
    assert isinstance(record, Record), "el documento ya se validó"
    if item.parent is not None:
        field = FOREIGN[item.parent.kind]
        if item.data.get(field) is not None:
            raise InvalidConfig(_at((*item.path, field), "value must be null"))
        item.data = item.data | {field: item.parent.data["id"]}
    filled = complete(record, item.data)
    for note in ("_comment", "_ignore"):
        filled.pop(note, None)
    if item.kind in ("jwt_secrets", "keyauth_credentials") and not filled["key"]:
        filled["key"] = uuid.uuid4().hex
    if item.kind == "jwt_secrets" and not filled["secret"]:
        filled["secret"] = uuid.uuid4().hex
    if filled["id"] is None:
        filled["id"] = _new_id(item.kind, filled)
    item.data = filled


def _new_id(kind: str, data: Mapping[str, Any]) -> str:
    match kind:
        case "plugins":
            parts = (data["name"], data["route"], data["service"], data["consumer"])
            key: str | None = ":".join(["plugins", "*", *(part or "" for part in parts)])
        case "acls":
            key = f"acls:*:{data['consumer']}:{data['group']}"
        case _:
            key = data[_KEYED_BY[kind]] if kind in _KEYED_BY else None
    if key is None:
        return str(uuid.uuid4())
    return str(uuid.uuid5(uuid.uuid5(_NAMESPACE, kind), key))


def _add(entities: dict[str, dict[str, Entity]], item: _Item, now: int) -> None:
    data, siblings = item.data, entities[item.kind]
    for stamp in ("created_at", "updated_at"):
        if stamp in data and data[stamp] is None:
            data[stamp] = now
    for unique in ("name", "username", "custom_id", "key"):
        if item.kind == "plugins" or data.get(unique) is None:
            continue
        if any(other.get(unique) == data[unique] for other in siblings.values()):
            raise InvalidConfig(_at(item.path, _repeated(item.kind, unique, data[unique])))
    if data["id"] in siblings:
        raise InvalidConfig(_at(item.path, _repeated(item.kind, "primary key", data["id"])))
    siblings[data["id"]] = data


def _repeated(kind: str, key: str, value: str) -> str:
    return f"uniqueness violation: '{kind}' entity with {key} set to '{value}' already declared"


def _resolve(entities: dict[str, dict[str, Entity]], items: list[_Item]) -> None:
    """Cambia cada referencia (un nombre o un id) por `{"id": …}`."""
    for item in items:
        for kind, field in FOREIGN.items():
            target = item.data.get(field)
            if target is None:
                continue
            rows, key = entities[kind], _KEYED_BY[kind]
            found = target if target in rows else next((i for i, e in rows.items() if e[key] == target), None)
            if found is None:
                message = f"invalid reference '{field}: {target}' (no such entry in '{kind}')"
                raise InvalidConfig(_at(item.path, message))
            item.data[field] = {"id": found}


def _at(path: tuple[str | int, ...], message: str) -> Problem:
    problem: Problem = message
    for step in reversed(path):
        problem = {step: problem}
    return problem


def _config(entities: dict[str, dict[str, Entity]], hash_: str) -> Config:
    services = {key: _service(e) for key, e in entities["services"].items() if e["enabled"]}
    routes = tuple(
        _route(e, services)
        for e in entities["routes"].values()
        if e["service"] is None or e["service"]["id"] in services
    )
    groups: dict[str, list[str]] = {}
    for acl in entities["acls"].values():
        groups.setdefault(acl["consumer"]["id"], []).append(acl["group"])
    consumers = {
        key: Consumer(key, e["username"], e["custom_id"], tuple(groups.get(key, ())), e)
        for key, e in entities["consumers"].items()
    }
    plugins = tuple(_plugin(e) for e in entities["plugins"].values())
    return Config(
        entities=entities,
        services=services,
        routes=routes,
        consumers=consumers,
        jwt_by_key={e["key"]: _credential(e) for e in entities["jwt_secrets"].values()},
        keyauth_by_key={e["key"]: _credential(e) for e in entities["keyauth_credentials"].values()},
        plugins=plugins,
        hash=hash_ if any(entities.values()) else _EMPTY_HASH,
        _by_name=index(plugins),
    )


def _service(e: Entity) -> Service:
    return Service(
        id=e["id"],
        name=e["name"],
        host=e["host"],
        port=e["port"],
        path=e["path"] or "/",
        retries=e["retries"],
        connect_timeout_s=e["connect_timeout"] / 1000,
        write_timeout_s=e["write_timeout"] / 1000,
        read_timeout_s=e["read_timeout"] / 1000,
        entity=e,
    )


def _route(e: Entity, services: Mapping[str, Service]) -> Route:
    service = services[e["service"]["id"]] if e["service"] else None
    return Route(e["id"], e["name"], service, e["strip_path"], e["preserve_host"], e)


def _credential(e: Entity) -> Credential:
    return Credential(
        id=e["id"],
        consumer_id=e["consumer"]["id"],
        key=e["key"],
        entity=e,
        algorithm=e.get("algorithm") or "",
        secret=e.get("secret") or "",
        public_key=e.get("rsa_public_key") or "",
    )


def _plugin(e: Entity) -> PluginConfig:
    route, service, consumer = (e[name]["id"] if e[name] else None for name in ("route", "service", "consumer"))
    return PluginConfig(e["id"], e["name"], e["config"], route, service, consumer, e)
