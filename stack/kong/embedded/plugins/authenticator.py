"""Lo que comparten los plugins que piden una credencial: cuándo se pide y qué pasa si se admite a los anónimos."""

from __future__ import annotations

from typing import Any

from stack.kong.embedded.exchange import Exchange
from stack.kong.embedded.models import PluginConfig
from stack.kong.embedded.plugins.base import Plugin
from stack.kong.embedded.replies import Reply


class Authenticator(Plugin):
    """Un plugin que autentica. Su configuración tiene `run_on_preflight` y `anonymous`."""

    async def access(self, x: Exchange, conf: PluginConfig) -> Reply | None:
        options = conf.config
        if x.request.method == "OPTIONS" and not options["run_on_preflight"]:
            return None
        if not options["anonymous"]:
            return self.authenticate(x, options)
        if x.credential is None and self.authenticate(x, options) is not None:
            x.authenticate(self.runtime.config().consumer(options["anonymous"]), None, None)
        return None

    def authenticate(self, x: Exchange, options: Any) -> Reply | None:
        """Comprueba la credencial y apunta de quién es, o devuelve la respuesta que la rechaza."""
        raise NotImplementedError
