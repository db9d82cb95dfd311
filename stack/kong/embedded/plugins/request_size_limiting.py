"""`request-size-limiting`: lo que pesa demasiado no entra (kong/plugins/request-size-limiting, Kong 3.9)."""

from __future__ import annotations

from stack.kong.embedded.exchange import Exchange
from stack.kong.embedded.models import PluginConfig
from stack.kong.embedded.plugins.base import Plugin
from stack.kong.embedded.replies import Reply
from stack.kong.embedded.schema import Field, Record

_UNITS = {"megabytes": 1024**2, "kilobytes": 1024, "bytes": 1}
_TOO_BIG = "Request size limit exceeded"


class RequestSizeLimiting(Plugin):
    """Rechaza cuerpos mayores que un límite, antes de que el servicio vea un solo byte."""

    name = "request-size-limiting"
    priority = 951
    per_consumer = True
    config = Record(
        {
            "allowed_payload_size": Field("integer", default=128),
            "size_unit": Field("string", required=True, default="megabytes", one_of=tuple(_UNITS)),
            "require_content_length": Field("boolean", required=True, default=False),
        }
    )

    async def access(self, x: Exchange, conf: PluginConfig) -> Reply | None:
        limit = conf.config["allowed_payload_size"] * _UNITS[conf.config["size_unit"]]
        if x.body is None:
            missing = conf.config["require_content_length"] and x.request.headers.get("content-length") is None
            return x.error(411, "A valid Content-Length header is required") if missing else None
        if x.body.length is not None:
            if x.body.length <= limit:
                return None
            return x.error(417 if x.body.expects_continue else 413, _TOO_BIG)
        # Llega a trozos, sin decir cuánto es: hay que recibirlo entero para saberlo, como hace Kong.
        return None if await x.body.spool(limit) is not None else x.error(413, _TOO_BIG)
