"""`GET` de una dirección `http://`, lo justo para leer métricas cada poco sin gastar."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

MAX_BODY = 8 * 1024 * 1024
_ACCEPT = "text/plain;version=0.0.4;q=0.9,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1"


class ScrapeFailed(Exception):
    """La visita no salió; el mensaje dice por qué."""


class Line:
    """La conexión con un sitio al que se va una y otra vez; como en Prometheus, queda abierta entre visitas."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname, parts.port or 80
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._request = (
            f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUser-Agent: stacklab-prometheus\r\n"
            f"Accept: {_ACCEPT}\r\n\r\n".encode()
        )
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self) -> tuple[Mapping[str, str], str]:
        """Las cabeceras, en minúsculas, y el cuerpo. Después de un fallo la conexión queda cerrada.

        Raises:
            ScrapeFailed: no contestó 200, no habla HTTP o el cuerpo es demasiado grande. OSError: no hay conexión.
        """
        kept, self._open = self._open, None
        reader, writer = kept or await asyncio.open_connection(self._host, self._port)
        reusable = False
        try:
            try:
                writer.write(self._request)
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                if kept and not getattr(error, "partial", b""):
                    # La cerró mientras no se usaba, y está en su derecho: se empieza otra.
                    return await self.get()
                if isinstance(error, ConnectionError):
                    raise
                raise ScrapeFailed("cerró la conexión sin una respuesta HTTP") from error
            except asyncio.LimitOverrunError as error:
                raise ScrapeFailed("cerró la conexión sin una respuesta HTTP") from error
            words = head[0].split(" ", 2)
            if len(words) < 2 or not words[0].startswith("HTTP/"):
                raise ScrapeFailed("lo que contestó no es HTTP")
            if words[1] != "200":
                raise ScrapeFailed(f"contestó HTTP {words[1]}")
            headers = {
                name.strip().lower(): value.strip()
                for name, _, value in (line.partition(":") for line in head[1:])
            }
            body, whole = await _body(reader, headers)
            reusable = whole and words[0] == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
            return headers, body.decode("utf-8", "replace")
        finally:
            if reusable:
                self._open = reader, writer
            else:
                writer.close()

    def close(self) -> None:
        """Cierra la conexión, si la hay."""
        kept, self._open = self._open, None
        if kept:
            kept[1].close()


async def fetch(url: str) -> tuple[str | None, str]:
    """`GET url` con una conexión nueva; devuelve el tipo y el cuerpo.

    Raises:
        ScrapeFailed, OSError: véase `Line.get`.
    """
    headers, body = await fetch_whole(url)
    return headers.get("content-type"), body


async def fetch_whole(url: str) -> tuple[Mapping[str, str], str]:
    """Como `fetch`, pero con todas las cabeceras, en minúsculas."""
    line = Line(url)
    try:
        return await line.get()
    finally:
        line.close()


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> tuple[bytes, bool]:
    """El cuerpo, y si se sabe dónde acaba: si no, solo lo dice el fin de la conexión."""
    try:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return await _chunks(reader), True
        if (length := headers.get("content-length")) is not None:
            _check(int(length))
            return await reader.readexactly(int(length)), True
        body = bytearray()
        while chunk := await reader.read(65536):
            body += chunk
            _check(len(body))
        return bytes(body), False
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
        raise ScrapeFailed("la respuesta llegó a medias") from error


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        _check(len(body) + size)
        body += (await reader.readexactly(size + 2))[:-2]
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass  # lo que venga detrás no dice nada de las métricas
    return bytes(body)


def _check(size: int) -> None:
    if size > MAX_BODY:
        raise ScrapeFailed("la respuesta pasa de 8 MB")
