"""`correlation-id`: un identificador que acompaña a la petición por todos los servicios (Kong 3.9)."""

from __future__ import annotations

import os
import uuid

from stack.kong.embedded.exchange import Exchange
from stack.kong.embedded.headers import Headers
from stack.kong.embedded.models import PluginConfig
from stack.kong.embedded.plugins.base import Plugin, Runtime
from stack.kong.embedded.replies import Reply
from stack.kong.embedded.schema import Field, Record


class CorrelationId(Plugin):
    """Pone el identificador si el cliente no traía uno y, si se pide, se lo devuelve."""

    name = "correlation-id"
    priority = 100001
    per_consumer = True
    config = Record(
        {
            "header_name": Field("string", default="Kong-Request-ID"),
            "generator": Field(
                "string", required=True, default="uuid#counter", one_of=("uuid", "uuid#counter", "tracker")
            ),
            "echo_downstream": Field("boolean", required=True, default=False),
        }
    )

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime)
        self._worker = str(uuid.uuid4())
        self._counter = 0

    async def access(self, x: Exchange, conf: PluginConfig) -> Reply | None:
        name = conf.config["header_name"]
        value = x.request.headers.get(name)
        if not value:
            value = self._generate(conf.config["generator"], x)
            x.upstream_headers.set(name, value)
        x.notes[self.name] = value
        return None

    def header_filter(self, x: Exchange, conf: PluginConfig, headers: Headers) -> None:
        if conf.config["echo_downstream"]:
            value = x.notes.get(self.name) or self._generate(conf.config["generator"], x)
            headers.set(conf.config["header_name"], value)

    def _generate(self, generator: str, x: Exchange) -> str:
        if generator == "uuid":
            return str(uuid.uuid4())
        if generator == "tracker":
            p = x.peer
            serial = f"{os.getpid()}-{p.connection}-{p.connection_requests}"
            return f"{p.server_ip}-{p.server_port}-{serial}-{self.runtime.clock():.3f}"
        self._counter += 1
        return f"{self._worker}#{self._counter}"
