"""Los esquemas de las entidades de Kong: servicios, rutas, consumidores, sus credenciales y los plugins.

Siguen `kong/db/schema/entities` y los `daos.lua` de los plugins de Kong 3.9. Los campos que el de verdad
admite y aquí no se atienden son `uncovered`: si vienen con valor, la configuración se rechaza y se dice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from stack.kong.embedded import checks
from stack.kong.embedded.plugins import KNOWN_ELSEWHERE, PLUGINS
from stack.kong.embedded.schema import NOT_COVERED, Field, Problem, Record, at_least_one_of

HTTP_PROTOCOLS = ("http", "https", "grpc", "grpcs")
_PROTOCOLS = ("grpc", "grpcs", "http", "https", "tcp", "tls", "tls_passthrough", "udp")
_TIMEOUT = (1, 2**31 - 2)


def _from_url(url: str) -> Mapping[str, Any]:
    """El atajo `url` de un servicio, como lo reparte Kong."""
    parts = urlsplit(str(url))
    try:
        port = parts.port
    except ValueError:
        port = None
    scheme = parts.scheme or {80: "http", 443: "https"}.get(port or 0, "http")
    return {
        "protocol": scheme,
        "host": parts.hostname,
        "port": port or {"https": 443}.get(scheme, 80),
        "path": parts.path or None,
    }


def _needs_matcher(value: Mapping[str, Any]) -> str | None:
    if any(value.get(name) for name in ("methods", "hosts", "headers", "paths")):
        return None
    if "https" in (value.get("protocols") or ()):
        return "must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https'"
    return "must set one of 'methods', 'hosts', 'headers', 'paths' when 'protocols' is 'http'"


def _uuid(value: str) -> str | None:
    valid = re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value)
    return None if valid else "expected a valid UUID"


_UUID = Field("string", check=_uuid)
_TAGS = Field("set", elements=Field("string"))
_COMMON: dict[str, Field] = {
    "id": _UUID,
    "created_at": Field("integer"),
    "updated_at": Field("integer"),
    "tags": _TAGS,
    "_comment": Field("string"),
    "_ignore": Field("array"),
}
_NO_STREAM = "cannot set '{}' when 'protocols' is 'http' or 'https'"

SERVICE = Record(
    _COMMON
    | {
        "name": Field("string", check=checks.name),
        "retries": Field("integer", default=5, between=(0, 32767)),
        "protocol": Field("string", required=True, default="http", one_of=_PROTOCOLS, covered=("http",)),
        "host": Field("string", required=True, check=checks.host),
        "port": Field("integer", required=True, default=80, between=(0, 65535)),
        "path": Field("string", check=checks.path),
        "connect_timeout": Field("integer", default=60000, between=_TIMEOUT),
        "write_timeout": Field("integer", default=60000, between=_TIMEOUT),
        "read_timeout": Field("integer", default=60000, between=_TIMEOUT),
        "client_certificate": Field("uncovered"),
        "tls_verify": Field("uncovered"),
        "tls_verify_depth": Field("uncovered"),
        "ca_certificates": Field("uncovered"),
        "enabled": Field("boolean", required=True, default=True),
    },
    shorthands={"url": _from_url},
)

ROUTE = Record(
    _COMMON
    | {
        "name": Field("string", check=checks.name),
        "protocols": Field(
            "set",
            required=True,
            default=["http", "https"],
            elements=Field("string", one_of=_PROTOCOLS, covered=("http", "https")),
        ),
        "https_redirect_status_code": Field(
            "integer", required=True, default=426, one_of=(426, 301, 302, 307, 308)
        ),
        "strip_path": Field("boolean", required=True, default=True),
        "preserve_host": Field("boolean", required=True, default=False),
        "request_buffering": Field("boolean", required=True, default=True),
        "response_buffering": Field("boolean", required=True, default=True),
        "service": Field("string"),
        "snis": Field("uncovered"),
        "sources": Field("array", must_be_null=_NO_STREAM.format("sources")),
        "destinations": Field("array", must_be_null=_NO_STREAM.format("destinations")),
        "methods": Field("set", elements=Field("string", check=checks.method)),
        "hosts": Field("array", elements=Field("string", check=checks.route_host)),
        "paths": Field("array", elements=Field("string", check=checks.route_path)),
        "headers": Field("map", elements=Field("array", elements=Field("string"))),
        "regex_priority": Field("integer", default=0),
        "path_handling": Field("string", default="v0", one_of=("v0", "v1"), covered=("v0",)),
    },
    checks=(_needs_matcher,),
)

CONSUMER = Record(
    _COMMON | {"username": Field("string"), "custom_id": Field("string")},
    checks=(at_least_one_of("custom_id", "username"),),
)


def _foreign(extra: Mapping[str, Field]) -> Record:
    base = {name: spec for name, spec in _COMMON.items() if name != "updated_at"}
    return Record(base | {"consumer": Field("string")} | dict(extra))


_ALGORITHMS = (
    *("HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512"),
    *("PS256", "PS384", "PS512", "EdDSA"),
)


def _usable_key(value: Mapping[str, Any]) -> str | None:
    from stack.kong.embedded.plugins.tokens import public_key_problem

    algorithm = value.get("algorithm") or "HS256"
    if algorithm.startswith("HS"):
        return None
    problem = public_key_problem(value.get("rsa_public_key"))
    return problem and f"failed conditional validation given value of field 'algorithm': {problem}"


JWT_SECRET = Record(
    _foreign(
        {
            "key": Field("string"),
            "secret": Field("string"),
            "rsa_public_key": Field("string"),
            "algorithm": Field("string", default="HS256", one_of=_ALGORITHMS, covered=_ALGORITHMS[:9]),
        }
    ).fields,
    checks=(_usable_key,),
)
KEYAUTH = _foreign({"key": Field("string"), "ttl": Field("uncovered")})
ACL = _foreign({"group": Field("string", required=True)})


def plugin_record(value: Any) -> Record | Problem:
    """El esquema del plugin que nombra `value`, o el error si no lo hay."""
    name = value.get("name")
    if not isinstance(name, str):
        return {"name": "required field missing" if name is None else "expected a string"}
    if name not in PLUGINS:
        if name in KNOWN_ELSEWHERE:
            return {"name": f"plugin '{name}': {NOT_COVERED}"}
        return {"name": f"plugin '{name}' not enabled; add it to the 'plugins' configuration property"}
    plugin = PLUGINS[name]
    no_consumer = Field("string", must_be_null=True)
    return Record(
        _COMMON
        | {
            "name": Field("string", required=True),
            "instance_name": Field("string", check=checks.name),
            "route": Field("string"),
            "service": Field("string"),
            "consumer": Field("string") if plugin.per_consumer else no_consumer,
            "config": Field("record", required=True, default={}, record=plugin.config),
            "protocols": Field("set", default=list(HTTP_PROTOCOLS), elements=Field("string", one_of=_PROTOCOLS)),
            "enabled": Field("boolean", required=True, default=True),
            "ordering": Field("uncovered"),
        },
        checks=plugin.checks,
    )


PLUGIN_FIELD = Field("record", record=plugin_record)

CHILDREN: dict[str, tuple[str, ...]] = {
    "services": ("routes", "plugins"),
    "routes": ("plugins",),
    "consumers": ("plugins", "jwt_secrets", "keyauth_credentials", "acls"),
}
"""Qué se puede anidar dentro de cada entidad."""

RECORDS: dict[str, Record] = {
    "services": SERVICE,
    "routes": ROUTE,
    "consumers": CONSUMER,
    "jwt_secrets": JWT_SECRET,
    "keyauth_credentials": KEYAUTH,
    "acls": ACL,
}

FOREIGN = {"services": "service", "routes": "route", "consumers": "consumer"}
"""Con qué campo se nombra a cada entidad desde otra."""

_UNCOVERED = (
    *("certificates", "snis", "ca_certificates", "upstreams", "targets", "vaults", "keys", "key_sets"),
    *("filter_chains", "workspaces", "basicauth_credentials", "hmacauth_credentials", "oauth2_credentials"),
)


def _array(entity: str, without: Iterable[str] = ()) -> Field:
    if entity == "plugins":
        return Field("array", elements=PLUGIN_FIELD)
    record = RECORDS[entity]
    fields = dict(record.fields) | {child: _array(child) for child in CHILDREN.get(entity, ())}
    for name in without:
        fields.pop(name)
    nested = Record(fields, checks=record.checks, shorthands=record.shorthands)
    return Field("array", elements=Field("record", record=nested))


DOCUMENT = Record(
    {
        "_format_version": Field("string", required=True, one_of=("1.1", "2.1", "3.0"), covered=("3.0",)),
        "_transform": Field("boolean", default=True),
        "_comment": Field("string"),
        "_ignore": Field("array"),
    }
    | {entity: _array(entity) for entity in (*RECORDS, "plugins")}
    | {entity: Field("uncovered") for entity in _UNCOVERED}
)
"""El fichero entero."""
