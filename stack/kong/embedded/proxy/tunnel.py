"""Una conexión que ha dejado de ser HTTP (WebSocket): se copian bytes en los dos sentidos hasta que acabe.

No se miran los mensajes: lo que un extremo manda, el otro lo recibe igual, tramas de control y códigos de
cierre incluidos. Como nginx, si en `idle_s` segundos no pasa nada en ningún sentido, se cierra.
"""

from __future__ import annotations

import asyncio
import contextlib

import h11

from stack.kong.embedded.headers import Headers
from stack.kong.embedded.product import CHUNK_BYTES
from stack.kong.embedded.proxy.client import ClientConnection, ClientGone
from stack.kong.embedded.proxy.upstream import UpstreamConnection


class _Activity:
    """Cuándo pasó algo por última vez, en cualquier sentido."""

    def __init__(self, idle_s: float) -> None:
        self._idle_s = idle_s
        self._loop = asyncio.get_running_loop()
        self.touch()

    def touch(self) -> None:
        self._last = self._loop.time()

    @property
    def left(self) -> float:
        return self._last + self._idle_s - self._loop.time()


async def tunnel(client: ClientConnection, upstream: UpstreamConnection, headers: Headers, idle_s: float) -> None:
    """Dice 101 al cliente con `headers` y copia hasta que un extremo cuelgue; entonces cierra los dos."""
    while client.h11.their_state is h11.SEND_BODY:
        await client.next_event()
    await client.send(
        h11.InformationalResponse(status_code=101, reason=b"Switching Protocols", headers=headers.to_wire())
    )
    activity = _Activity(idle_s)
    early_from_client, early_from_upstream = client.h11.trailing_data[0], upstream.h11.trailing_data[0]
    up = asyncio.create_task(_copy(client.reader, upstream.writer, early_from_client, activity))
    down = asyncio.create_task(_copy(upstream.reader, client.writer, early_from_upstream, activity))
    try:
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
    except (asyncio.CancelledError, ClientGone):
        # El cliente colgó: lo último que mandó (la trama de cierre) todavía ha de llegar al servicio.
        await asyncio.wait({up}, timeout=1.0)
        raise
    finally:
        for task in (up, down):
            task.cancel()
        sizes = await asyncio.gather(up, down, return_exceptions=True)
        client.received += sizes[0] if isinstance(sizes[0], int) else 0
        client.sent += sizes[1] if isinstance(sizes[1], int) else 0
        upstream.writer.close()


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, early: bytes, activity: _Activity
) -> int:
    """Copia de `reader` a `writer` hasta el final; devuelve los bytes."""
    copied, data = 0, early
    with contextlib.suppress(OSError, asyncio.CancelledError):
        while True:
            if data:
                writer.write(data)
                await writer.drain()
                copied += len(data)
                activity.touch()
            data = await _read(reader, activity)
            if not data:
                break
    return copied


async def _read(reader: asyncio.StreamReader, activity: _Activity) -> bytes:
    while (left := activity.left) > 0:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(left):
                return await reader.read(CHUNK_BYTES)
    return b""
