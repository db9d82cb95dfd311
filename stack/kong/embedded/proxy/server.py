"""El puerto del proxy: acepta conexiones, atiende sus peticiones una tras otra y se despide bien."""

from __future__ import annotations

import asyncio
import itertools
import socket
import sys

import h11

from stack.kong.embedded.exchange import Exchange, Request
from stack.kong.embedded.gateway import Gateway
from stack.kong.embedded.headers import Headers
from stack.kong.embedded.product import CHUNK_BYTES
from stack.kong.embedded.proxy.client import (
    BadRequest,
    ClientConnection,
    ClientGone,
    RequestBody,
    WatchedReader,
)
from stack.kong.embedded.proxy.finish import finish_headers
from stack.kong.embedded.proxy.forward import Forwarder
from stack.kong.embedded.proxy.upstream import UpstreamError
from stack.kong.embedded.replies import Reply

_CLIENT_CLOSED = 499


class ProxyServer:
    """El proxy de un `Gateway`."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._forwarder = Forwarder(gateway)
        self._serials = itertools.count(1)
        self._connections: dict[ClientConnection, asyncio.Task[None]] = {}
        self._server: asyncio.Server | None = None
        self._stopping = False

    async def start(self, sock: socket.socket) -> None:
        """Empieza a atender en `sock`, que ya está ligado a su puerto."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: asyncio.StreamReaderProtocol(
                WatchedReader(limit=CHUNK_BYTES, loop=loop), self._accept, loop=loop
            ),
            sock=sock,
            backlog=1024,
        )
        self._gateway.listening = True

    async def stop(self, timeout_s: float) -> None:
        """Deja de aceptar, cierra lo ocioso y espera como mucho `timeout_s` a que acabe lo demás."""
        self._stopping, self._gateway.listening = True, False
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            if connection.idle:
                connection.abort()
        if self._connections:
            await asyncio.wait(self._connections.values(), timeout=timeout_s)
        for connection, task in list(self._connections.items()):
            task.cancel()
            connection.abort()
        self._forwarder.pool.close()
        await self._gateway.exporters.flush(timeout_s)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert isinstance(reader, WatchedReader)
        counts = self._gateway.metrics.connections
        counts["accepted"] += 1
        counts["handled"] += 1
        counts["active"] += 1
        connection = ClientConnection(reader, writer, next(self._serials))
        task = asyncio.current_task()
        assert task is not None
        self._connections[connection] = task
        try:
            await self._serve(connection)
        except asyncio.CancelledError:
            connection.abort()
        except Exception as error:  # Un fallo nuestro: se pierde esta conexión y no las demás.
            print(f"proxy: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            connection.abort()
        finally:
            counts["active"] -= 1
            del self._connections[connection]
            await connection.close()

    async def _serve(self, client: ClientConnection) -> None:
        counts = self._gateway.metrics.connections
        while not self._stopping:
            counts["waiting"] += 1
            try:
                found = await client.read_request()
            except BadRequest as error:
                await self._refuse(client, error)
                return
            except ClientGone:
                return
            finally:
                counts["waiting"] -= 1
            if found is None:
                return
            counts["writing"] += 1
            try:
                reusable = await self._exchange(client, *found)
            finally:
                counts["writing"] -= 1
            if not reusable or not await client.finish_cycle():
                return

    async def _exchange(self, client: ClientConnection, request: Request, body: RequestBody | None) -> bool:
        """Atiende una petición; devuelve si la conexión puede seguir usándose."""
        x = self._gateway.begin(request, client.peer(), body)
        try:
            await self._answer(x, client, body)
        except ClientGone:
            x.status = x.status or _CLIENT_CLOSED
            client.abort()
        finally:
            if body is not None:
                body.close()
            x.request_size, x.response_size = client.received, client.sent
            self._gateway.log(x)
        return not client.reader.gone

    async def _answer(self, x: Exchange, client: ClientConnection, body: RequestBody | None) -> None:
        try:
            reply = await self._gateway.access(x)
            if reply is None:
                await self._forwarder.forward(x, client, body)
                return
            x.source = "error" if reply.unexpected else "exit"
        except BadRequest as error:
            reply = x.error(error.status)
        except UpstreamError as error:
            reply = x.error(error.status, "name resolution failed" if error.status == 503 else None)
            x.source = "exit" if error.status == 503 else "error"
        await self._reply(x, client, reply)

    async def _reply(self, x: Exchange, client: ClientConnection, reply: Reply) -> None:
        """Contesta Kong, sin servicio de por medio."""
        headers = Headers(reply.headers.items())
        headers.set("Content-Length", str(len(reply.body)))
        for name, value in x.response_headers:
            headers.set(name, value)
        self._gateway.header_filter(x, reply.status, headers)
        finish_headers(x, headers)
        if headers.get("connection") is None:
            headers.set("Connection", "keep-alive")
        if client.h11.they_are_waiting_for_100_continue or client.h11.their_state is h11.ERROR:
            headers.set("Connection", "close")
        x.response_headers = headers
        events: list[h11.Event] = [
            h11.Response(status_code=reply.status, reason=_reason(reply.status), headers=headers.to_wire())
        ]
        if reply.body and x.request.method != "HEAD":
            events.append(h11.Data(data=reply.body))
        await client.send(*events, h11.EndOfMessage())

    async def _refuse(self, client: ClientConnection, error: BadRequest) -> None:
        """Una petición que no se entiende: se dice y se cuelga."""
        if client.h11.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        x = self._gateway.begin(Request("GET", "/", "1.1", Headers()), client.peer(), None)
        reply = x.error(error.status)
        x.response_headers.set("Connection", "close")
        try:
            await self._reply(x, client, reply)
            await client.finish_cycle()
        except ClientGone:
            pass


def _reason(status: int) -> bytes:
    from http import HTTPStatus

    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b""
