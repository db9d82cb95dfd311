"""`cors`: qué páginas web pueden llamar desde el navegador (kong/plugins/cors/handler.lua, Kong 3.9)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from stack.kong.embedded.exchange import Exchange
from stack.kong.embedded.headers import Headers
from stack.kong.embedded.models import PluginConfig
from stack.kong.embedded.plugins.base import Plugin
from stack.kong.embedded.replies import Reply
from stack.kong.embedded.schema import Field, Record

_METHODS = ("GET", "HEAD", "PUT", "PATCH", "POST", "DELETE", "OPTIONS", "TRACE", "CONNECT")
_PLAIN = re.compile(r"[A-Za-z0-9.:/-]+\Z")


def _asterisk_or_regex(value: str) -> str | None:
    try:
        re.compile("" if value == "*" else value)
    except re.error:
        return f"'{value}' is not a valid regex"
    return None


class Cors(Plugin):
    """Contesta a las consultas previas del navegador (`OPTIONS`) y pone las cabeceras `Access-Control-*`."""

    name = "cors"
    priority = 2000
    config = Record(
        {
            "origins": Field("array", elements=Field("string", check=_asterisk_or_regex)),
            "headers": Field("array", elements=Field("string")),
            "exposed_headers": Field("array", elements=Field("string")),
            "methods": Field("array", default=list(_METHODS), elements=Field("string", one_of=_METHODS)),
            "max_age": Field("number"),
            "credentials": Field("boolean", required=True, default=False),
            "private_network": Field("boolean", required=True, default=False),
            "preflight_continue": Field("boolean", required=True, default=False),
        }
    )

    async def access(self, x: Exchange, conf: PluginConfig) -> Reply | None:
        asked = x.request.headers
        if x.request.method != "OPTIONS" or not asked.get("origin"):
            return None
        if not asked.get("access-control-request-method"):
            return None
        x.notes[self.name] = "preflight"
        if conf.config["preflight_continue"]:
            return None
        answer = Headers()
        self._origin(x, conf.config, answer)
        wanted = conf.config["headers"]
        allowed = ",".join(wanted) if wanted else asked.get("access-control-request-headers")
        if allowed:
            answer.set("Access-Control-Allow-Headers", allowed)
        answer.set("Access-Control-Allow-Methods", ",".join(conf.config["methods"] or _METHODS))
        if conf.config["max_age"] is not None:
            answer.set("Access-Control-Max-Age", f"{conf.config['max_age']:.14g}")
        if conf.config["private_network"] and asked.get("access-control-request-private-network") == "true":
            answer.set("Access-Control-Allow-Private-Network", "true")
        return Reply(200, headers=dict(answer))

    def header_filter(self, x: Exchange, conf: PluginConfig, headers: Headers) -> None:
        if x.notes.get(self.name) == "preflight":
            return
        self._origin(x, conf.config, headers)
        if conf.config["exposed_headers"]:
            headers.set("Access-Control-Expose-Headers", ",".join(conf.config["exposed_headers"]))

    def _origin(self, x: Exchange, options: Any, headers: Headers) -> None:
        origin = x.request.headers.get("origin")
        everyone = _allow_origin(options["origins"] or [], origin, headers)
        if not options["credentials"]:
            return
        if not everyone:
            headers.set("Access-Control-Allow-Credentials", "true")
        elif origin:
            # Con credenciales no vale «*»: hay que nombrar el origen.
            headers.add("Vary", "Origin")
            headers.set("Access-Control-Allow-Origin", origin)
            headers.set("Access-Control-Allow-Credentials", "true")


def _allow_origin(origins: list[str], origin: str | None, headers: Headers) -> bool:
    """Pone `Access-Control-Allow-Origin` si procede; devuelve si vale cualquier origen."""
    if not origins or origins == ["*"]:
        headers.set("Access-Control-Allow-Origin", "*")
        return True
    headers.add("Vary", "Origin")
    if len(origins) == 1 and _PLAIN.match(origins[0]):
        headers.set("Access-Control-Allow-Origin", origins[0])
        return False
    if origin:
        domain, host = _normalized(origin)
        for entry in origins:
            if entry == "*":
                headers.set("Access-Control-Allow-Origin", "*")
                return True
            if _matches(entry, domain, host):
                headers.set("Access-Control-Allow-Origin", domain)
                return False
    headers.remove("Access-Control-Allow-Origin")
    return False


def _matches(entry: str, domain: str, host: str) -> bool:
    if _PLAIN.match(entry):
        return domain == _normalized(entry)[0]
    subject = domain if ":" in entry else host
    pattern = entry.removeprefix("^").removesuffix("$")
    return re.fullmatch(pattern, subject) is not None


def _normalized(origin: str) -> tuple[str, str]:
    """`(esquema://nombre:puerto, nombre)`, sin el puerto si es el del esquema."""
    parts = urlsplit(origin)
    if not parts.hostname:
        return origin, origin
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    try:
        port = "" if parts.port in (None, usual) else f":{parts.port}"
    except ValueError:
        port = ""
    return f"{parts.scheme}://{parts.hostname}{port}", parts.hostname
