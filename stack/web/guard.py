"""Solo esta máquina: se comprueba la cabecera Host y se rechazan las escrituras desde otro origen.

Sin esto, una página cualquiera abierta en el navegador podría hablar con el laboratorio (DNS rebinding, CSRF).
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


def allowed_hosts() -> frozenset[str]:
    """Los nombres con que se nos puede llamar. `STACKLAB_ALLOWED_HOSTS` añade otros, separados por comas.

    `host.docker.internal` es como nos llama un contenedor; nadie de Internet puede ser dueño de ese nombre.
    """
    extra = os.environ.get("STACKLAB_ALLOWED_HOSTS", "")
    ours = {"127.0.0.1", "localhost", "::1", "host.docker.internal"}
    return frozenset(ours | {name for name in extra.split(",") if name})


class LocalOnly:
    """Middleware ASGI: 403 si `Host` no es de esta máquina o si otro origen quiere escribir."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.hosts = allowed_hosts()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if urlsplit(f"//{headers.get('host', '')}").hostname not in self.hosts:
            refusal = "La cabecera Host no es de esta máquina: el laboratorio solo atiende a localhost."
        elif scope["method"] not in _SAFE_METHODS and self._foreign(headers.get("origin")):
            refusal = "Otro sitio web ha intentado escribir en el laboratorio y no se le deja."
        else:
            await self.app(scope, receive, send)
            return
        await JSONResponse({"error": refusal}, status_code=403)(scope, receive, send)

    def _foreign(self, origin: str | None) -> bool:
        return origin is not None and urlsplit(origin).hostname not in self.hosts
