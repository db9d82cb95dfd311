"""La conexión con un servicio: abrirla, mandar la petición, leer la respuesta y guardarla para la siguiente."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import cast
from urllib.parse import urlsplit

import h11

from stack.kong.embedded.product import CHUNK_BYTES, MAX_HEAD_BYTES, UPSTREAM_IDLE_S

Address = tuple[str, int]


class UpstreamError(Exception):
    """El servicio no contestó como debía. `status` es lo que se le dirá al cliente.

    `untouched` si el servicio no llegó a ver la petición: entonces se puede repetir sin miedo.
    """

    def __init__(self, message: str, status: int, *, untouched: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.untouched = untouched


class UpstreamConnection:
    """Una conexión HTTP/1.1 con un servicio."""

    def __init__(self, address: Address, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.address = address
        self.reader, self.writer = reader, writer
        self.h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=2 * MAX_HEAD_BYTES)
        self.reused = False
        self.answering = False
        self.idle_since = 0.0

    @classmethod
    async def open(cls, address: Address, timeout_s: float) -> UpstreamConnection:
        """Conecta con `address` (una IP y un puerto). `UpstreamError` 502 si lo rechaza, 504 si no contesta."""
        try:
            async with asyncio.timeout(timeout_s):
                reader, writer = await asyncio.open_connection(*address)
        except TimeoutError as error:
            raise UpstreamError("connection timed out", 504, untouched=True) from error
        except OSError as error:
            raise UpstreamError(error.strerror or str(error), 502, untouched=True) from error
        transport = writer.transport
        sock: socket.socket = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(address, reader, writer)

    async def send(self, *events: h11.Event, timeout_s: float) -> None:
        """Manda trozos de la petición y espera si el servicio no da abasto. 504 si se atasca, 502 si cortó."""
        try:
            data = b"".join(self.h11.send(event) or b"" for event in events)
            if not data:
                return
            self.writer.write(data)
            async with asyncio.timeout(timeout_s):
                await self.writer.drain()
        except TimeoutError as error:
            raise UpstreamError("upstream timed out while sending request", 504) from error
        except (OSError, h11.LocalProtocolError) as error:
            raise UpstreamError("upstream closed the connection", 502) from error

    async def next_event(self) -> h11.Event | type[h11.PAUSED]:
        """Lo siguiente que diga el servicio. Sin plazo propio: lo pone quien llama."""
        try:
            while True:
                event = self.h11.next_event()
                if event is not h11.NEED_DATA:
                    return cast("h11.Event", event)
                data = await self.reader.read(CHUNK_BYTES)
                self.answering = self.answering or bool(data)
                self.h11.receive_data(data)
        except h11.RemoteProtocolError as error:
            raise UpstreamError(f"upstream sent an invalid response: {error}", 502) from error
        except OSError as error:
            raise UpstreamError("upstream closed the connection", 502) from error

    async def read_head(self) -> h11.Response | h11.InformationalResponse:
        """La cabecera de la respuesta; de las informativas solo se atiende al 101."""
        while True:
            event = await self.next_event()
            if isinstance(event, h11.Response):
                return event
            if isinstance(event, h11.InformationalResponse) and event.status_code == 101:
                return event
            if isinstance(event, h11.ConnectionClosed):
                raise UpstreamError("upstream prematurely closed connection", 502)

    async def body(self, timeout_s: float) -> AsyncIterator[bytes]:
        """El cuerpo, según llega. `timeout_s` es el plazo entre un trozo y el siguiente."""
        while True:
            try:
                async with asyncio.timeout(timeout_s):
                    event = await self.next_event()
            except TimeoutError as error:
                raise UpstreamError("upstream timed out while reading response", 504) from error
            if isinstance(event, h11.Data):
                yield event.data
            elif isinstance(event, h11.EndOfMessage):
                return
            else:
                raise UpstreamError("upstream prematurely closed connection", 502)

    def recycle(self) -> bool:
        """Si la conversación acabó bien y la conexión vale para otra, la deja lista."""
        done = self.h11.our_state is h11.DONE and self.h11.their_state is h11.DONE
        if not done or self.h11.trailing_data[0] or not self.alive:
            return False
        self.h11.start_next_cycle()
        self.reused, self.answering = True, False
        return True

    @property
    def silent(self) -> bool:
        """Si de momento no hay más que leer: lo que ya se tenga conviene mandarlo."""
        return not self.h11.trailing_data[0]

    @property
    def alive(self) -> bool:
        """Si el otro extremo no ha colgado."""
        return not (self.reader.at_eof() or self.writer.is_closing())

    def abort(self) -> None:
        """Corta sin despedirse."""
        self.writer.transport.abort()


class Pool:
    """Las conexiones ociosas, por dirección."""

    def __init__(self) -> None:
        self._idle: dict[Address, list[UpstreamConnection]] = {}
        self._sweep: asyncio.TimerHandle | None = None

    def take(self, address: Address) -> UpstreamConnection | None:
        """Una que ya estuviera abierta, la última que se usó."""
        now = asyncio.get_running_loop().time()
        waiting = self._idle.get(address, [])
        while waiting:
            connection = waiting.pop()
            if connection.alive and now - connection.idle_since < UPSTREAM_IDLE_S:
                return connection
            connection.abort()
        return None

    def give_back(self, connection: UpstreamConnection) -> None:
        """Guarda una conexión para la siguiente petición, o la cierra si ya no sirve."""
        if not connection.recycle():
            connection.abort()
            return
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        self._idle.setdefault(connection.address, []).append(connection)
        if self._sweep is None:
            self._sweep = loop.call_later(UPSTREAM_IDLE_S, self._drop_old)

    def _drop_old(self) -> None:
        """Cierra las que llevan demasiado sin usarse; si quedan otras, volverá a mirar."""
        loop = asyncio.get_running_loop()
        for address, waiting in list(self._idle.items()):
            kept = [c for c in waiting if c.alive and loop.time() - c.idle_since < UPSTREAM_IDLE_S]
            for connection in set(waiting).difference(kept):
                connection.abort()
            self._idle[address] = kept
            if not kept:
                del self._idle[address]
        self._sweep = loop.call_later(UPSTREAM_IDLE_S, self._drop_old) if self._idle else None

    def close(self) -> None:
        """Las cierra todas."""
        if self._sweep is not None:
            self._sweep.cancel()
        for waiting in self._idle.values():
            for connection in waiting:
                connection.abort()
        self._idle.clear()


async def resolve(host: str) -> str:
    """La IP de `host`. `UpstreamError` 503 si no existe, con la frase de Kong."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise UpstreamError("name resolution failed", 503, untouched=True) from error
    # Si hay de las dos, IPv4: los servicios del laboratorio escuchan en 127.0.0.1.
    return str(min(found, key=lambda item: item[0] is not socket.AF_INET)[4][0])


async def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    connect_timeout_s: float,
    send_timeout_s: float,
    read_timeout_s: float,
) -> int:
    """Un POST suelto (solo `http`); devuelve el código. `UpstreamError` si no se pudo."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    address = (await resolve(host), parts.port or 80)
    connection = await UpstreamConnection.open(address, connect_timeout_s)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines: Iterable[tuple[str, str]] = [
            ("Host", parts.netloc.rpartition("@")[2]),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
            *headers.items(),
        ]
        await connection.send(
            h11.Request(method="POST", target=target, headers=list(lines)),
            h11.Data(data=body),
            h11.EndOfMessage(),
            timeout_s=send_timeout_s,
        )
        async with asyncio.timeout(read_timeout_s):
            head = await connection.read_head()
        return head.status_code
    except TimeoutError as error:
        raise UpstreamError("collector timed out", 504) from error
    finally:
        with contextlib.suppress(OSError):
            connection.abort()
