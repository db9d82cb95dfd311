"""La puerta OTLP/HTTP: `POST /v1/traces`, en protobuf o JSON, comprimido o no, de una vez o a trozos.

Contesta como el receptor OTLP que lleva dentro Jaeger: los errores son un `google.rpc.Status` en el mismo
formato en que se preguntó (https://opentelemetry.io/docs/specs/otlp/#failures).
"""

from __future__ import annotations

import json
import zlib
from typing import Protocol

from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from stack.jaeger.embedded import otlp
from stack.jaeger.embedded.models import MAX_SPANS_PER_TRACE, Store
from stack.web.guard import LocalOnly

MAX_BODY = 20 * 2**20
_INVALID_ARGUMENT = 3
_UNIMPLEMENTED = 12
# El «deflate» de HTTP es zlib; gzip lleva otra cabecera.
_WINDOW_BITS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS, "zlib": zlib.MAX_WBITS}
_NOT_HERE = {"zstd", "snappy", "x-snappy-framed", "lz4"}


class _Refused(Exception):
    """La petición no se puede atender."""

    def __init__(self, message: str, status: int = 400, code: int = _INVALID_ARGUMENT) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def receiver_app(store: Store) -> Starlette:
    """La aplicación que recibe spans y los deja en `store`."""

    async def traces(request: Request) -> Response:
        return await _export(request, store)

    return Starlette(
        routes=[Route("/v1/traces", traces, methods=["POST"])],
        middleware=[Middleware(LocalOnly)],
        exception_handlers={404: _no_such_path, 405: _wrong_method},
    )


async def _export(request: Request, store: Store) -> Response:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in (otlp.PROTOBUF, otlp.JSON):
        text = f"415: ese tipo de contenido no se admite; se admiten [{otlp.JSON}, {otlp.PROTOBUF}]"
        return PlainTextResponse(text, status_code=415)
    try:
        batch = otlp.read(await _body(request), content_type)
    except otlp.Unreadable as error:
        return _error(content_type, str(error))
    except _Refused as error:
        return _error(content_type, str(error), error.status, error.code)
    refused = store.add(batch.spans)
    reason = batch.reason
    if refused:
        reason = f"esa traza es demasiado grande: como mucho se guardan {MAX_SPANS_PER_TRACE} spans de cada una"
    return Response(otlp.answer(content_type, batch.rejected + refused, reason), media_type=content_type)


async def _body(request: Request) -> bytes:
    """El cuerpo ya descomprimido, sin pasar nunca de `MAX_BODY` (ni él ni lo que salga de él)."""
    inflate = _inflater(request.headers.get("content-encoding", "").strip().lower())
    chunks: list[bytes] = []
    received = size = 0
    try:
        async for chunk in request.stream():
            received += len(chunk)
            data = inflate.decompress(chunk, MAX_BODY + 1 - size) if inflate else chunk
            size += len(data)
            if received > MAX_BODY or size > MAX_BODY:
                raise _Refused(f"el cuerpo es demasiado grande: el máximo son {MAX_BODY // 2**20} MiB")
            chunks.append(data)
    except zlib.error as error:
        raise _Refused("el cuerpo no se puede descomprimir: no es lo que dice Content-Encoding") from error
    except ClientDisconnect as error:
        raise _Refused("la conexión se cerró a media petición") from error
    if inflate and received and not inflate.eof:
        raise _Refused("el cuerpo comprimido está cortado")
    return b"".join(chunks)


class _Inflater(Protocol):
    """El trozo de `zlib` que se usa."""

    @property
    def eof(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _inflater(encoding: str) -> _Inflater | None:
    if encoding in ("", "identity"):
        return None
    if encoding in _WINDOW_BITS:
        return zlib.decompressobj(_WINDOW_BITS[encoding])
    if encoding in _NOT_HERE:
        message = f"este suplente no descomprime «{encoding}»: manda los spans con gzip o sin comprimir"
        raise _Refused(message, 501, _UNIMPLEMENTED)
    raise _Refused(f"Content-Encoding «{encoding[:40]}» no se admite")


def _error(content_type: str, message: str, status: int = 400, code: int = _INVALID_ARGUMENT) -> Response:
    if content_type == otlp.JSON:
        body = json.dumps({"code": code, "message": message}, ensure_ascii=False).encode()
    else:
        body = Status(code=code, message=message).SerializeToString()
    return Response(body, status_code=status, media_type=content_type)


async def _no_such_path(request: Request, _: Exception) -> Response:
    text = f"404: aquí no hay {request.url.path}; Jaeger solo recibe trazas, en POST /v1/traces"
    return PlainTextResponse(text, status_code=404)


async def _wrong_method(_: Request, __: Exception) -> Response:
    return PlainTextResponse(
        "405: ese método no se admite; se admite [POST]", status_code=405, headers={"Allow": "POST"}
    )
