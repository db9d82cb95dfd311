"""`GET` de una dirección `http://`, lo justo para leer métricas cada poco sin gastar."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

MAX_BODY = 8 * 1024 * 1024
_ACCEPT = "text/plain;version=0.0.4;q=0.9,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1"


class ScrapeFailed(Exception):
    """La visita no salió; el mensaje dice por qué."""


async def fetch(url: str) -> tuple[str | None, str]:
    """`GET url` con una conexión nueva; devuelve el tipo y el cuerpo.

    Raises:
        ScrapeFailed, OSError: véase `fetch_whole`.
    """
    headers, body = await fetch_whole(url)
    return headers.get("content-type"), body


async def fetch_whole(url: str) -> tuple[Mapping[str, str], str]:
    """Como `fetch`, pero con todas las cabeceras, en minúsculas.

    Raises:
        ScrapeFailed: no contestó 200, no habla HTTP o el cuerpo es demasiado grande. OSError: no hay conexión.
    """
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        # HTTP/1.0: el servidor cierra al acabar y no hay que entender trozos.
        writer.write(
            f"GET {path} HTTP/1.0\r\nHost: {parts.netloc}\r\nUser-Agent: stacklab-prometheus\r\n"
            f"Accept: {_ACCEPT}\r\n\r\n".encode()
        )
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise ScrapeFailed("cerró la conexión sin una respuesta HTTP") from error
        words = head[0].split(" ", 2)
        if len(words) < 2 or not words[0].startswith("HTTP/"):
            raise ScrapeFailed("lo que contestó no es HTTP")
        if words[1] != "200":
            raise ScrapeFailed(f"contestó HTTP {words[1]}")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])
        }
        body = bytearray()
        while chunk := await reader.read(65536):
            body += chunk
            if len(body) > MAX_BODY:
                raise ScrapeFailed("la respuesta pasa de 8 MB")
        return headers, body.decode("utf-8", "replace")
    finally:
        writer.close()
