"""Lo que se manda al dar de alta un servicio, leído y comprobado.

Sigue https://developer.hashicorp.com/consul/api-docs/agent/service#register-service.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stack.consul.embedded import decoding
from stack.consul.embedded.agent.check_definition import CheckDefinition, check, check_fields
from stack.consul.embedded.decoding import anything, fields, flag, mapping, text, texts, whole
from stack.consul.embedded.errors import NotCovered, Refused
from stack.consul.embedded.state.catalog import STATES, Service

_META_KEY = re.compile(r"[a-zA-Z0-9_-]+")
_META_KEY_MAX, _META_VALUE_MAX = 128, 512
_ANY_ADDRESS = {"0.0.0.0", "::", "[::]"}
_IPV4 = re.compile(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})")


@dataclass(frozen=True, slots=True)
class ServiceDefinition:
    """Una instancia y las comprobaciones que la acompañan."""

    service: Service
    checks: tuple[CheckDefinition, ...]


def read_service(data: Any) -> ServiceDefinition:
    """El cuerpo de `agent/service/register`.

    Raises:
        Refused: no vale, y Consul contestaría lo mismo. NotCovered: pide algo que el suplente no hace.
    """
    found = fields(
        data,
        {
            "ID": text,
            "Name": text,
            "Tags": texts,
            "Address": text,
            "Port": whole,
            "Meta": mapping,
            "Weights": _weights,
            "Token": text,
            "EnableTagOverride": flag,
            "enable_tag_override": flag,
            "TaggedAddresses": _addresses,
            "tagged_addresses": _addresses,
            "Check": _one_check,
            "Checks": _many_checks,
            "Kind": text,
            "SocketPath": text,
            "Locality": anything,
            "Proxy": anything,
            "Connect": anything,
        },
    )
    name = found.get("Name", "")
    if not name:
        raise Refused(400, "Missing service name")
    address = found.get("Address", "")
    if address in _ANY_ADDRESS:
        raise Refused(400, "Invalid service address")
    for extra in ("Kind", "SocketPath", "Locality", "Proxy", "Connect"):
        if found.get(extra):
            raise NotCovered(
                f"El suplente de Consul no admite «{extra}» en un servicio: no hace malla de servicios."
            )
    meta = found.get("Meta")
    weights = found.get("Weights", (1, 1))
    _require_weights(weights)
    _require_meta(meta or {})
    written = [found["Check"]] if found.get("Check") else []
    checks = tuple(check(one) for one in [*written, *found.get("Checks", ())])
    if any(one.status and one.status not in STATES for one in checks):
        raise Refused(400, "Status for checks must 'passing', 'warning', 'critical'")
    port = found.get("Port", 0)
    tagged = found.get("TaggedAddresses") or found.get("tagged_addresses") or {}
    service = Service(
        id=found.get("ID") or name,
        name=name,
        tags=found.get("Tags"),
        address=address,
        port=port,
        meta=meta,
        weights=weights,
        enable_tag_override=found.get("EnableTagOverride") or found.get("enable_tag_override", False),
        tagged_addresses=dict(sorted((_by_family(address, port) | tagged).items())),
    )
    return ServiceDefinition(service, checks)


def _one_check(value: Any, name: str) -> dict[str, Any]:
    return check_fields(value)


def _many_checks(value: Any, name: str) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise decoding.bad(
            "json: cannot unmarshal object into Go struct field .Alias.Checks of type structs.CheckTypes"
        )
    return [check_fields(one) for one in value]


def _weights(value: Any, name: str) -> tuple[int, int]:
    found = fields(value, {"Passing": whole, "Warning": whole})
    return found.get("Passing", 0), found.get("Warning", 0)


def _addresses(value: Any, name: str) -> dict[str, tuple[str, int]]:
    if not isinstance(value, dict):
        raise decoding.bad("json: cannot unmarshal value into TaggedAddresses")
    read = {key: fields(one, {"Address": text, "Port": whole}) for key, one in value.items()}
    return {key: (one.get("Address", ""), one.get("Port", 0)) for key, one in read.items()}


def _by_family(address: str, port: int) -> dict[str, tuple[str, int]]:
    match = _IPV4.fullmatch(address)
    if match and all(int(part) < 256 for part in match.groups()):
        return {"lan_ipv4": (address, port), "wan_ipv4": (address, port)}
    return {"lan_ipv6": (address, port), "wan_ipv6": (address, port)} if ":" in address else {}


def _require_weights(weights: tuple[int, int]) -> None:
    passing, warning = weights
    if passing < 1:
        raise Refused(400, "Invalid Weights: Passing must be greater than 0")
    if warning < 0:
        raise Refused(400, "Invalid Weights: Warning must be greater or equal than 0")
    if passing > 65535 or warning > 65535:
        raise Refused(400, "Invalid Weights: DNS Weight must be between 0 and 65535")


def _require_meta(meta: Mapping[str, str]) -> None:
    if len(meta) > 64:
        raise Refused(400, "Invalid Service Meta: Node metadata cannot contain more than 64 key/value pairs")
    for key, value in meta.items():
        problem = ""
        if not key:
            problem = "Key cannot be blank"
        elif not _META_KEY.fullmatch(key):
            problem = "Key contains invalid characters"
        elif len(key) > _META_KEY_MAX:
            problem = f"Key is too long (limit: {_META_KEY_MAX} characters)"
        elif key.startswith("consul-"):
            problem = "Key prefix 'consul-' is reserved for internal use"
        elif len(value.encode()) > _META_VALUE_MAX:
            problem = f"Value is too long (limit: {_META_VALUE_MAX} characters)"
        if problem:
            raise Refused(
                400, f"Invalid Service Meta: Couldn't load metadata pair ('{key}', '{value}'): {problem}"
            )
