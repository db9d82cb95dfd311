"""Kong dentro de la propia prueba: sin proceso aparte, para mirar lo que pasa por dentro."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import yaml

from stack.kong.embedded import declarative
from stack.kong.embedded.gateway import Gateway
from stack.kong.embedded.proxy.server import ProxyServer

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Inside:
    """Un proxy en marcha: `gateway` es su estado y `open` conecta con él."""

    def __init__(self, gateway: Gateway, server: ProxyServer, port: int) -> None:
        self.gateway, self.server, self.port = gateway, server, port

    async def open(self) -> Streams:
        """Una conexión nueva con el proxy."""
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, request: bytes) -> tuple[int, bytes, bytes]:
        """Manda `request` y lee hasta que cuelgue: código, cabeceras y cuerpo."""
        reader, writer = await self.open()
        writer.write(request)
        answer = await reader.read()
        writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1]), head, body


@asynccontextmanager
async def upstream(handler: Handler) -> AsyncIterator[int]:
    """Un servicio hecho a mano; entrega su puerto."""
    tasks: set[asyncio.Task[None]] = set()

    async def tracked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await handler(reader, writer)
        except (asyncio.CancelledError, OSError):
            pass
        finally:
            writer.close()
            tasks.discard(task)

    server = await asyncio.start_server(tracked, "127.0.0.1", 0, backlog=1024)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def inside(document: dict[str, Any] | str, **options: Any) -> AsyncIterator[Inside]:
    """Kong con esa configuración."""
    text = document if isinstance(document, str) else yaml.safe_dump({"_format_version": "3.0"} | document)
    gateway = Gateway(declarative.parse(text), "nodo-de-prueba", **options)
    server = ProxyServer(gateway)
    sock = socket.create_server(("127.0.0.1", 0))
    await server.start(sock)
    try:
        yield Inside(gateway, server, sock.getsockname()[1])
    finally:
        await server.stop(0.5)


def one_service(port: int, **options: Any) -> dict[str, Any]:
    """Un servicio en `port` con una ruta para todo. `options` son campos del servicio."""
    service = {"name": "svc", "url": f"http://127.0.0.1:{port}", "retries": 0} | options
    return {"services": [service | {"routes": [{"name": "todo", "paths": ["/"]}]}]}


async def read_head(reader: asyncio.StreamReader) -> bytes:
    """Una cabecera HTTP entera."""
    return await reader.readuntil(b"\r\n\r\n")


async def until(condition: Callable[[], Any], timeout_s: float = 3.0) -> None:
    """Espera a que `condition` se cumpla."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.005)
