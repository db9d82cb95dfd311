"""Lo que se manda al dar de alta una comprobación, leído y comprobado.

Sigue https://developer.hashicorp.com/consul/api-docs/agent/check#register-check. Las duraciones son nanosegundos.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stack.consul.embedded import decoding
from stack.consul.embedded.decoding import duration, fields, flag, headers, text, texts, whole
from stack.consul.embedded.errors import NotCovered, Refused
from stack.consul.embedded.golang import quoted
from stack.consul.embedded.state.catalog import STATES

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


def read_check(data: Any) -> CheckDefinition:
    """El cuerpo de `agent/check/register`, con los fallos de `check`."""
    found = fields(data, _CHECK_FIELDS | {"ID": text, "Token": text})
    if not found.get("Name"):
        raise Refused(400, "Missing check name")
    if found.get("Status") and found["Status"] not in STATES:
        raise Refused(400, "Bad check status")
    return check(found)


def check_fields(value: Any) -> dict[str, Any]:
    """Los campos de una comprobación escrita dentro de un servicio, sin mirar aún si tienen sentido."""
    return fields(value, _CHECK_FIELDS | {"CheckID": text})


def check(found: Mapping[str, Any]) -> CheckDefinition:
    """La comprobación que dicen esos campos.

    Raises:
        Refused: no vale, y Consul contestaría lo mismo. NotCovered: es de un tipo que el suplente no hace.
    """
    get = found.get
    interval, ttl = get("Interval", 0), get("TTL", 0)
    script = get("Args") or get("ScriptArgs") or get("script_args")
    other = next((name for name in _OTHER_TYPES if get(name)), "")
    aliased = bool(get("AliasNode") or get("AliasService"))
    every_so_often = bool(script or get("HTTP") or get("TCP") or (other and not aliased))
    if interval > 0 and ttl > 0:
        raise Refused(400, "Invalid check: Interval and TTL cannot both be specified")
    if every_so_often and interval <= 0:
        raise Refused(
            400, "Invalid check: Interval must be > 0 for Script, HTTP, H2PING, TCP, UDP or OSService checks"
        )
    if not every_so_often and not aliased and ttl <= 0:
        raise Refused(400, "Invalid check: TTL must be > 0 for TTL checks")
    if get("FailuresBeforeWarning", 0) > get("FailuresBeforeCritical", 0):
        raise Refused(400, "Invalid check: FailuresBeforeWarning can't be higher than FailuresBeforeCritical")
    if get("OutputMaxSize", 0) < 0:
        raise Refused(400, "Invalid check: MaxOutputMaxSize must be positive")
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


def missing_service(service_id: str) -> Refused:
    """El servicio al que se quiere añadir una comprobación no existe."""
    return Refused(404, f"ServiceID {quoted(service_id)} does not exist")
