"""Pasar bytes de la red de los contenedores a 127.0.0.1, solo a quien está en esa red."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import socket
import time
from contextlib import AbstractAsyncContextManager
from typing import Any

import psutil

GATEWAY_PATIENCE_S = 5.0
PORT_PATIENCE_S = 3.0
CONNECT_S = 2.0
CHUNK = 65_536

_BODY = b"puente en marcha\n"
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (
    len(_BODY),
    _BODY,
)

Door = ipaddress.IPv4Interface
"""La dirección de esta máquina en la red de los contenedores, con el tamaño de esa red."""


async def gateway(interface: str, patience: AbstractAsyncContextManager[Any]) -> Door | None:
    """La puerta de la red que cuelga de `interface`, en cuanto exista; `None` si se acaba `patience`."""
    with contextlib.suppress(TimeoutError):
        async with patience:
            while True:
                for one in psutil.net_if_addrs().get(interface, ()):
                    if one.family == socket.AF_INET and one.netmask:
                        return ipaddress.IPv4Interface(f"{one.address}/{one.netmask}")
                await asyncio.sleep(0.05)
    return None


async def relay(door: Door, number: int, inner: int, patience_s: float = PORT_PATIENCE_S) -> asyncio.Server:
    """Un servidor en `door`, puerto `number`, que lleva cada conexión a 127.0.0.1, puerto `inner`.

    Si `number` está ocupado se espera hasta `patience_s` segundos a que se suelte: puede tenerlo una conexión que
    pasa, o el puente anterior, que se está yendo.

    Quien no esté en la red de los contenedores se queda fuera: a esa dirección podría llegar alguien de fuera. Si
    dentro no escucha nadie, se cuelga, como haría un puerto cerrado.

    Raises:
        OSError: `number` sigue ocupado, o no se puede escuchar ahí.
    """

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            caller = ipaddress.IPv4Address(writer.get_extra_info("peername")[0])
            if caller not in door.network:
                return
            try:
                async with asyncio.timeout(CONNECT_S):
                    inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", inner)
            except (OSError, TimeoutError):
                return
            with contextlib.closing(inner_writer):
                await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))

    deadline = time.monotonic() + patience_s
    while True:
        try:
            return await asyncio.start_server(attend, str(door.ip), number)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise
        await asyncio.sleep(0.05)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Lleva lo que se lea hasta el final y avisa al otro lado de que no habrá más (sin cerrarle la vuelta)."""
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        if writer.can_write_eof():
            writer.write_eof()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Contesta a la sonda: está en marcha."""
    with contextlib.closing(writer), contextlib.suppress(OSError):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(_ANSWER)
        await writer.drain()
