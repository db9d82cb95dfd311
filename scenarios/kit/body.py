"""Un límite para el cuerpo de las peticiones: nadie debe poder llenar el disco mandando un fichero enorme."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

_POLITE = 64 * 1024 * 1024


class BodyLimit:
    """Middleware ASGI: contesta 413 a los cuerpos de más de `limit` bytes, sin guardarlos.

    Antes de contestar lee y tira lo que queda (hasta 64 MB): si se cerrase la conexión a medio envío, quien
    llama vería «conexión cortada» y no la respuesta.
    """

    def __init__(self, app: Any, limit: int) -> None:
        self._app = app
        self._limit = limit
        self._detail = f"El cuerpo de la petición pasa de {limit // (1024 * 1024)} MB, el máximo."

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"")
        if declared.isdigit() and int(declared) > self._limit:
            if int(declared) <= _POLITE:
                while (await receive()).get("more_body"):
                    pass
            await JSONResponse({"detail": self._detail}, 413)(scope, receive, send)
            return
        seen = 0

        async def counted() -> Any:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._limit:
                raise HTTPException(413, self._detail)
            return message

        await self._app(scope, counted, send)
