"""Lo que una petición deja escrito en registros y trazas, con las credenciales tapadas."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote_plus

from stack.kong.embedded.product import WORKSPACE

if TYPE_CHECKING:
    from stack.kong.embedded.exchange import Exchange

MASK = "REDACTED"
_ALWAYS = ("authorization", "proxy-authorization", "cookie", "set-cookie", "apikey", "jwt")


def secret_names(x: Exchange) -> frozenset[str]:
    """Los nombres (de cabecera o de argumento) en que esta petición puede llevar una credencial."""
    names = set(_ALWAYS)
    for plugin in x.plugins:
        if plugin.name == "key-auth":
            names.update(name.lower() for name in plugin.config["key_names"])
        elif plugin.name == "jwt":
            for option in ("header_names", "uri_param_names", "cookie_names"):
                names.update(name.lower() for name in plugin.config[option] or ())
    return frozenset(names)


def uri(target: str, names: frozenset[str]) -> str:
    """`target` con el valor de esos argumentos tapado."""
    path, mark, query = target.partition("?")
    if not mark:
        return target
    pairs = []
    for part in re.split("&", query):
        key, equals, value = part.partition("=")
        name = parse_qsl(f"{key}=x", keep_blank_values=True)
        secret = bool(name) and name[0][0].lower() in names
        pairs.append(f"{key}{equals}{quote_plus(MASK) if secret and value else value}")
    return f"{path}?{'&'.join(pairs)}"


def as_logged(x: Exchange, now: float) -> dict[str, Any]:
    """El registro de una petición, con la forma de `kong.log.serialize`."""
    names = secret_names(x)
    request = x.request
    host = (request.headers.get("host") or x.peer.server_ip).rsplit(":", 1)[0]
    target = uri(request.target, names)
    record: dict[str, Any] = {
        "request": {
            "id": x.id,
            "uri": target,
            "url": f"http://{host}:{x.peer.server_port}{target}",
            "querystring": {
                key: MASK if key.lower() in names else value
                for key, value in parse_qsl(request.query or "", keep_blank_values=True)
            },
            "method": request.method,
            "headers": _masked(request.headers.as_dict(), names),
            "size": x.request_size,
        },
        "upstream_uri": uri(x.upstream_uri, names),
        "upstream_status": str(x.status) if x.source == "service" else "",
        "response": {
            "status": x.status,
            "headers": _masked(x.response_headers.as_dict(), names),
            "size": x.response_size,
        },
        "latencies": {
            "kong": x.kong_ms,
            "proxy": -1 if x.waited_ms is None else x.waited_ms,
            "request": x.total_ms,
            "receive": x.total_ms - x.kong_ms - (x.waited_ms or 0) if x.proxied else 0,
        },
        "tries": [{"ip": t.ip, "port": t.port, "state": t.state, "code": t.code} for t in x.tries],
        "route": x.route and x.route.entity,
        "service": x.service and x.service.entity,
        "consumer": x.consumer and x.consumer.entity,
        "client_ip": x.peer.client_ip,
        "started_at": x.started_ns // 1_000_000,
        "source": {"service": "upstream", "exit": "kong"}.get(x.source, "kong"),
        "workspace_name": WORKSPACE,
    }
    if x.credential:
        record["authenticated_entity"] = {"id": x.credential.id}
    if x.trace is not None:
        record["trace_id"] = {"w3c": x.trace.trace_id}
    if "correlation-id" in x.notes:
        record["correlation_id"] = x.notes["correlation-id"]
    return {key: value for key, value in record.items() if value is not None}


def _masked(headers: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: MASK if name in names else value for name, value in headers.items()}
