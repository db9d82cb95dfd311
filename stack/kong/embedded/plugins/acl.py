"""`acl`: de los ya identificados, solo pasan los de ciertos grupos (kong/plugins/acl/handler.lua, Kong 3.9)."""

from __future__ import annotations

from stack.kong.embedded.exchange import Exchange
from stack.kong.embedded.models import PluginConfig
from stack.kong.embedded.plugins.base import Plugin
from stack.kong.embedded.replies import Reply
from stack.kong.embedded.schema import Field, Record, at_least_one_of, only_one_of

_REFUSED = "You cannot consume this service"


class Acl(Plugin):
    """Autoriza por grupo."""

    name = "acl"
    priority = 950
    config = Record(
        {
            "allow": Field("array", elements=Field("string")),
            "deny": Field("array", elements=Field("string")),
            "hide_groups_header": Field("boolean", required=True, default=False),
            "always_use_authenticated_groups": Field("boolean", required=True, default=False, covered=(False,)),
        }
    )
    checks = (only_one_of("config.allow", "config.deny"), at_least_one_of("config.allow", "config.deny"))

    async def access(self, x: Exchange, conf: PluginConfig) -> Reply | None:
        options = conf.config
        if x.consumer is None:
            return x.error(401)
        groups = x.consumer.groups
        denied = options["deny"]
        if not groups and not denied:
            return x.error(403, _REFUSED) if x.credential else x.error(401)
        inside = any(group in groups for group in denied or options["allow"])
        if inside == bool(denied):
            return x.error(403, _REFUSED)
        if not options["hide_groups_header"]:
            x.upstream_headers.set("X-Consumer-Groups", ", ".join(groups))
        return None
