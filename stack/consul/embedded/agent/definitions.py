"""Lo que se manda al dar de alta un servicio o una comprobación, leído y comprobado.

Sigue https://developer.hashicorp.com/consul/api-docs/agent/service#register-service y
…/agent/check#register-check. Las duraciones son nanosegundos.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stack.consul.embedded import decoding
from stack.consul.embedded.decoding import anything, duration, fields, flag, headers, mapping, text, texts, whole
from stack.consul.embedded.errors import NotCovered, Refused
from stack.consul.embedded.golang import quoted
from stack.consul.embedded.state.catalog import STATES, Service

_META_KEY = re.compile(r"[a-zA-Z0-9_-]+")
_META_KEY_MAX, _META_VALUE_MAX = 128, 512
_ANY_ADDRESS = {"0.0.0.0", "::", "[::]"}
_IPV4 = re.compile(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})")

_OTHER_TYPES = {
    "GRPC": "gRPC",
    "H2PING": "HTTP/2",
    "UDP": "UDP",
    "OSService": "servicio de Windows",
    "DockerContainerID": "Docker",
    "AliasNode": "alias",
    "AliasService": "alias",
}
"""Los tipos de comprobación que el suplente no hace: campo → cómo se llama."""

_CHECK_FIELDS: dict[str, decoding.Reader] = {
    "Name": text,
    "Notes": text,
    "Status": text,
    "ServiceID": text,
    "HTTP": text,
    "Header": headers,
    "Method": text,
    "Body": text,
    "DisableRedirects": flag,
    "TCP": text,
    "TCPUseTLS": flag,
    "Interval": duration,
    "Timeout": duration,
    "TTL": duration,
    "Args": texts,
    "ScriptArgs": texts,
    "SuccessBeforePassing": whole,
    "FailuresBeforeWarning": whole,
    "FailuresBeforeCritical": whole,
    "DeregisterCriticalServiceAfter": duration,
    "OutputMaxSize": whole,
    "Shell": text,
    "GRPCUseTLS": flag,
    "H2PingUseTLS": flag,
    "TLSServerName": text,
    "TLSSkipVerify": flag,
    # Los mismos, como se escriben en un fichero de configuración.
    "script_args": texts,
    "deregister_critical_service_after": duration,
    "disable_redirects": flag,
    "service_id": text,
    "tls_server_name": text,
    "tls_skip_verify": flag,
    "tcp_use_tls": flag,
    "grpc_use_tls": flag,
    "h2ping_use_tls": flag,
    "docker_container_id": text,
} | dict.fromkeys(_OTHER_TYPES, text)


@dataclass(frozen=True, slots=True)
class CheckDefinition:
    """Qué hay que comprobar y cada cuánto. Solo una de `http`, `tcp` y `ttl_ns` dice de qué tipo es."""

    id: str = ""
    name: str = ""
    notes: str = ""
    status: str = ""
    service_id: str = ""
    http: str = ""
    method: str = "GET"
    header: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    body: str = ""
    follow_redirects: bool = True
    tcp: str = ""
    ttl_ns: int = 0
    interval_ns: int = 0
    timeout_ns: int = 0
    success_before_passing: int = 0
    failures_before_warning: int = 0
    failures_before_critical: int = 0
    deregister_after_ns: int = 0
    output_max: int = 4096

    @property
    def type(self) -> str:
        """`http`, `ttl` o `tcp`."""
        return "http" if self.http else "ttl" if self.ttl_ns > 0 else "tcp"


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
            "Check": _check_fields,
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
    checks = tuple(_check(one, "Invalid check: ") for one in [*written, *found.get("Checks", ())])
    if any(one.status and one.status not in STATES for one in checks):
        raise Refused(400, "Status for checks must 'passing', 'warning', 'critical'")
    port = found.get("Port", 0)
    tagged = found.get("TaggedAddresses") or found.get("tagged_addresses") or {}
    service = Service(
        id=found.get("ID") or name,
        name=name,
        tags=found.get("Tags", ()),
        address=address,
        port=port,
        meta=meta,
        weights=weights,
        enable_tag_override=found.get("EnableTagOverride") or found.get("enable_tag_override", False),
        tagged_addresses=dict(sorted((_by_family(address, port) | tagged).items())),
    )
    return ServiceDefinition(service, checks)


def read_check(data: Any) -> CheckDefinition:
    """El cuerpo de `agent/check/register`, con las mismas excepciones que `read_service`."""
    found = fields(data, _CHECK_FIELDS | {"ID": text, "CheckID": text, "Token": text})
    if not found.get("Name"):
        raise Refused(400, "Missing check name")
    if found.get("Status") and found["Status"] not in STATES:
        raise Refused(400, "Bad check status")
    return _check(found, "Invalid check: ")


def _check_fields(value: Any, name: str) -> dict[str, Any]:
    return fields(value, _CHECK_FIELDS | {"CheckID": text, "ID": text})


def _many_checks(value: Any, name: str) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise decoding.bad(
            "json: cannot unmarshal object into Go struct field .Alias.Checks of type structs.CheckTypes"
        )
    return [_check_fields(one, name) for one in value]


def _check(found: Mapping[str, Any], prefix: str) -> CheckDefinition:
    get = found.get
    interval, ttl = get("Interval", 0), get("TTL", 0)
    script = get("Args") or get("ScriptArgs") or get("script_args")
    other = next((name for name in _OTHER_TYPES if get(name)), "")
    aliased = bool(get("AliasNode") or get("AliasService"))
    every_so_often = bool(script or get("HTTP") or get("TCP") or (other and not aliased))
    if interval > 0 and ttl > 0:
        raise Refused(400, prefix + "Interval and TTL cannot both be specified")
    if every_so_often and interval <= 0:
        raise Refused(400, prefix + "Interval must be > 0 for Script, HTTP, H2PING, TCP, UDP or OSService checks")
    if not every_so_often and not aliased and ttl <= 0:
        raise Refused(400, prefix + "TTL must be > 0 for TTL checks")
    if get("FailuresBeforeWarning", 0) > get("FailuresBeforeCritical", 0):
        raise Refused(400, prefix + "FailuresBeforeWarning can't be higher than FailuresBeforeCritical")
    if get("OutputMaxSize", 0) < 0:
        raise Refused(400, prefix + "MaxOutputMaxSize must be positive")
    if other or get("docker_container_id"):
        what = _OTHER_TYPES.get(other, "Docker")
        raise NotCovered(f"El suplente de Consul comprueba por HTTP, TCP y TTL; por {what}, no.")
    if get("HTTP", "").lower().startswith("https:") or get("TCPUseTLS") or get("tcp_use_tls"):
        raise NotCovered(
            "El suplente de Consul no comprueba por TLS: usa una dirección http:// o un puerto sin cifrar."
        )
    if script:
        raise Refused(
            500,
            "Scripts are disabled on this agent from remote calls; "
            "to enable, configure 'enable_script_checks' to true",
        )
    critical = get("FailuresBeforeCritical", 0)
    return CheckDefinition(
        id=get("CheckID") or get("ID", ""),
        name=get("Name", ""),
        notes=get("Notes", ""),
        status=get("Status", ""),
        service_id=get("ServiceID") or get("service_id", ""),
        http=get("HTTP", ""),
        method=get("Method") or "GET",
        header=get("Header", {}),
        body=get("Body", ""),
        follow_redirects=not (get("DisableRedirects") or get("disable_redirects")),
        tcp=get("TCP", ""),
        ttl_ns=ttl,
        interval_ns=interval,
        timeout_ns=get("Timeout", 0),
        success_before_passing=get("SuccessBeforePassing", 0),
        failures_before_warning=get("FailuresBeforeWarning", 0) or critical,
        failures_before_critical=critical,
        deregister_after_ns=get("DeregisterCriticalServiceAfter") or get("deregister_critical_service_after", 0),
        output_max=min(4096, get("OutputMaxSize") or 4096),
    )


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


def missing_service(service_id: str) -> Refused:
    """El servicio al que se quiere añadir una comprobación no existe."""
    return Refused(404, f"ServiceID {quoted(service_id)} does not exist")
