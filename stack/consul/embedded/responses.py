"""Las formas en que Consul escribe cada cosa, y las cabeceras que la acompañan."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from starlette.responses import Response

from stack.consul.embedded.agent.local import Watched
from stack.consul.embedded.api.query import Options, Result
from stack.consul.embedded.server import DATACENTER, VERSION, Server
from stack.consul.embedded.state.catalog import Check, Service
from stack.consul.embedded.state.kv import Entry
from stack.consul.embedded.state.sessions import Session

_ESCAPES = str.maketrans({one: f"\\u{ord(one):04x}" for one in "<>&\u2028\u2029"})
_DEFAULT = {"X-Consul-Default-ACL-Policy": "allow"}
_NO_DEFINITION: dict[str, Any] = {
    **dict.fromkeys(("Interval", "Timeout", "DeregisterCriticalServiceAfter"), "0s"),
    "HTTP": "",
    "Header": None,
    **dict.fromkeys(("Method", "Body", "TLSServerName"), ""),
    "TLSSkipVerify": False,
    "TCP": "",
    "TCPUseTLS": False,
    **dict.fromkeys(("UDP", "GRPC", "OSService"), ""),
    "GRPCUseTLS": False,
}
_NO_MESH: dict[str, Any] = {"Mode": "", "MeshGateway": {}, "Expose": {}}

Json = dict[str, Any]
Headers = dict[str, str]
NONE: Headers = {}


def body(value: Any, status: int = 200, headers: Headers = NONE) -> Response:
    """`value` en JSON, con sangría, como hace Consul en modo de desarrollo."""
    text = json.dumps(value, indent=4, ensure_ascii=False).translate(_ESCAPES)
    return Response((text + "\n").encode("utf-8", "replace"), status, _DEFAULT | headers, "application/json")


def plain(text: str, status: int, headers: Headers = NONE) -> Response:
    """Un texto: así contesta Consul sus errores."""
    return Response(text, status, _DEFAULT | headers, "text/plain; charset=utf-8")


def empty(status: int = 200, headers: Headers = NONE, content: bytes = b"") -> Response:
    """Nada más que el estado, o unos bytes tal cual."""
    return Response(content, status, _DEFAULT | headers)


def read(result: Result, wanted: Options, value: Any, *, streamed: bool = False) -> Response:
    """Una lectura del catálogo: `value` con su índice y desde dónde se leyó.

    `streamed`: Consul la habría contestado con lo que sus servidores le van mandando, y ahí no dice si hay líder.
    """
    headers = meta(result) | {"X-Consul-Effective-Consistency": wanted.consistency}
    if streamed:
        headers |= {"X-Consul-KnownLeader": "false", "X-Consul-Query-Backend": "streaming"}
    return body(value, headers=headers)


def meta(result: Result) -> dict[str, str]:
    """Las cabeceras de una lectura."""
    return {
        "X-Consul-Index": str(max(1, result.index)),
        "X-Consul-KnownLeader": "true",
        "X-Consul-LastContact": "0",
        "X-Consul-Query-Backend": "blocking-query",
    }


# --- Nodos, servicios y comprobaciones


def node(server: Server) -> Json:
    """El único nodo."""
    return {
        **_node_facts(server),
        "Meta": {"consul-network-segment": "", "consul-version": VERSION},
        "CreateIndex": server.catalog.node_created,
        "ModifyIndex": server.catalog.node_created,
    }


def _node_facts(server: Server) -> Json:
    host = server.host
    return {
        "ID": server.node_id,
        "Node": server.node,
        "Address": host,
        "Datacenter": DATACENTER,
        "TaggedAddresses": {"lan": host, "lan_ipv4": host, "wan": host, "wan_ipv4": host},
    }


def _tagged(service: Service) -> Json:
    return {key: {"Address": host, "Port": port} for key, (host, port) in service.tagged_addresses.items()}


def _weights(service: Service) -> Json:
    passing, warning = service.weights
    return {"Passing": passing, "Warning": warning}


def agent_service(service: Service) -> Json:
    """Una instancia, como la ve su agente."""
    shape: Json = {
        "ID": service.id,
        "Service": service.name,
        "Tags": list(service.tags or ()),
        "Meta": dict(service.meta or {}),
        "Port": service.port,
        "Address": service.address,
    }
    if service.tagged_addresses:
        shape["TaggedAddresses"] = _tagged(service)
    return shape | {
        "Weights": _weights(service),
        "EnableTagOverride": service.enable_tag_override,
        "Datacenter": DATACENTER,
    }


def node_service(service: Service) -> Json:
    """Una instancia, como sale en `health/service` y `catalog/node`."""
    shape: Json = {
        "ID": service.id,
        "Service": service.name,
        "Tags": list(service.tags or ()),
        "Address": service.address,
    }
    if service.tagged_addresses:
        shape["TaggedAddresses"] = _tagged(service)
    shape["Meta"] = None if service.meta is None else dict(service.meta)
    if service.port:
        shape["Port"] = service.port
    return shape | {
        "Weights": _weights(service),
        "EnableTagOverride": service.enable_tag_override,
        "Proxy": _NO_MESH,
        "Connect": {},
        "PeerName": "",
        "CreateIndex": service.created,
        "ModifyIndex": service.modified,
    }


def catalog_service(server: Server, service: Service) -> Json:
    """Una instancia, como sale en `catalog/service`."""
    shape = _node_facts(server) | {
        "NodeMeta": {"consul-network-segment": "", "consul-version": VERSION},
        "ServiceKind": "",
        "ServiceID": service.id,
        "ServiceName": service.name,
        "ServiceTags": list(service.tags or ()),
        "ServiceAddress": service.address,
    }
    if service.tagged_addresses:
        shape["ServiceTaggedAddresses"] = _tagged(service)
    return shape | {
        "ServiceWeights": _weights(service),
        "ServiceMeta": dict(service.meta or {}),
        "ServicePort": service.port,
        "ServiceSocketPath": "",
        "ServiceEnableTagOverride": service.enable_tag_override,
        "ServiceProxy": _NO_MESH,
        "ServiceConnect": {},
        "ServiceLocality": None,
        "CreateIndex": service.created,
        "ModifyIndex": service.modified,
    }


def check(server: Server, one: Check) -> Json:
    """Una comprobación."""
    return {
        "Node": server.node,
        "CheckID": one.id,
        "Name": one.name,
        "Status": one.status,
        "Notes": one.notes,
        "Output": one.output,
        "ServiceID": one.service_id,
        "ServiceName": one.service_name,
        "ServiceTags": list(one.service_tags or ()),
        "Type": one.type,
        "Interval": one.interval,
        "Timeout": one.timeout,
        "ExposedPort": 0,
        "Definition": {},
        "CreateIndex": one.created,
        "ModifyIndex": one.modified,
    }


def health(server: Server, service: Service, *, streamed: bool = False) -> Json:
    """Una instancia con su nodo y lo que dice si está sana; `streamed`, como en `read`."""
    checks = server.catalog.checks_of(service)
    if streamed and not service.meta:
        service = replace(service, meta=None)  # por ahí no se distingue de no haber dicho nada
    return {
        "Node": node(server),
        "Service": node_service(service),
        "Checks": [check(server, one) for one in checks],
    }


def service_health(server: Server, service: Service, status: str, watched: Iterable[Watched]) -> Json:
    """El resumen de `agent/health/service`."""
    return {
        "AggregatedStatus": status,
        "Service": agent_service(service),
        "Checks": [_check_for_client(server, one.check) for one in watched],
    }


def _check_for_client(server: Server, one: Check) -> Json:
    """Una comprobación en `agent/health/service`, que la pasa antes a la forma de su biblioteca cliente."""
    kept = ("Node", "CheckID", "Name", "Status", "Notes", "Output", "ServiceID", "ServiceName")
    shape = check(server, one)
    return {key: shape[key] for key in kept} | {
        "ServiceTags": None if one.service_tags is None else list(one.service_tags),
        "Type": "",
        "ExposedPort": 0,
        "Definition": _NO_DEFINITION,
        "CreateIndex": 0,
        "ModifyIndex": 0,
    }


# --- Claves y sesiones


def entry(one: Entry) -> Json:
    """Una clave; su valor va en base64, porque puede ser cualquier cosa."""
    shape: Json = {
        "LockIndex": one.lock_index,
        "Key": one.key,
        "Flags": one.flags,
        "Value": b64encode(one.value).decode() if one.value else None,
    }
    if one.session:
        shape["Session"] = one.session
    return shape | {"CreateIndex": one.created, "ModifyIndex": one.modified}


def session(one: Session) -> Json:
    """Una sesión."""
    shape: Json = {
        "ID": one.id,
        "Name": one.name,
        "Node": one.node,
        "LockDelay": one.lock_delay_ns,
        "Behavior": one.behavior,
        "TTL": one.ttl,
        "NodeChecks": list(one.node_checks),
        "ServiceChecks": [{"Namespace": "", **link} for link in one.service_checks] or None,
    }
    if one.checks:
        shape["Checks"] = list(one.checks)
    return shape | {"CreateIndex": one.created, "ModifyIndex": one.created}
