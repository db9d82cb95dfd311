"""La conexión con el cliente: leer sus peticiones, mandarle las respuestas y notar si se ha ido."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from typing import IO, cast

import h11

from stack.kong.embedded.exchange import Peer, Request
from stack.kong.embedded.headers import Headers
from stack.kong.embedded.product import (
    BODY_TIMEOUT_S,
    CHUNK_BYTES,
    HEADER_TIMEOUT_S,
    KEEPALIVE_TIMEOUT_S,
    MAX_HEAD_BYTES,
    MAX_LINE_BYTES,
    SEND_TIMEOUT_S,
)

# Lo que se está dispuesto a leer y tirar para que el cliente pueda leer la respuesta.
_DISCARD_BYTES = 64 * 1024 * 1024
_DISCARD_S = 5.0
_SPOOL_BYTES = 1024 * 1024


class BadRequest(Exception):
    """La petición está mal escrita o no llega. `status` es lo que contesta Kong."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class ClientGone(Exception):
    """El cliente colgó antes de tener su respuesta (el 499 de nginx)."""


class WatchedReader(asyncio.StreamReader):
    """Un `StreamReader` que avisa en cuanto el otro extremo cuelga."""

    on_gone: Callable[[], object] | None = None
    ended = False

    @property
    def gone(self) -> bool:
        """Si ya colgó."""
        return self.ended or self.exception() is not None

    def feed_eof(self) -> None:
        self.ended = True
        super().feed_eof()
        self._announce()

    def set_exception(self, exc: BaseException) -> None:
        super().set_exception(exc)  # type: ignore[arg-type]
        self._announce()

    def _announce(self) -> None:
        if self.on_gone is not None:
            self.on_gone()


class ClientConnection:
    """Una conexión HTTP/1.x con un cliente."""

    def __init__(self, reader: WatchedReader, writer: asyncio.StreamWriter, serial: int) -> None:
        self.reader, self.writer = reader, writer
        self.h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
        self.serial, self.requests = serial, 0
        self.idle = True
        self.received = self.sent = 0
        sock: socket.socket = writer.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._remote, self._local = writer.get_extra_info("peername"), writer.get_extra_info("sockname")

    async def read_request(self) -> tuple[Request, RequestBody | None] | None:
        """La siguiente petición, o `None` si no hay más. `BadRequest` si no se entiende."""
        self.idle, self.received, self.sent = True, 0, 0
        try:
            async with asyncio.timeout(KEEPALIVE_TIMEOUT_S if self.requests else HEADER_TIMEOUT_S):
                event = await self.next_event()
        except TimeoutError:
            return None
        if not isinstance(event, h11.Request):
            return None
        self.idle = False
        self.requests += 1
        request = _request(event)
        return request, RequestBody(self, request) if _has_body(request.headers) else None

    def peer(self) -> Peer:
        """Los dos extremos de esta conexión."""
        (ip, port), (local_ip, local_port) = self._remote[:2], self._local[:2]
        return Peer(ip, port, local_ip, local_port, self.serial, self.requests)

    async def next_event(self) -> h11.Event | type[h11.PAUSED]:
        """Lo siguiente que diga el cliente. `BadRequest` si no se entiende, `ClientGone` si colgó."""
        try:
            while True:
                event = self.h11.next_event()
                if event is not h11.NEED_DATA:
                    return cast("h11.Event", event)
                if self.h11.they_are_waiting_for_100_continue:
                    await self.send(h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue"))
                data = await self.reader.read(CHUNK_BYTES)
                if not data and self.h11.their_state is h11.SEND_BODY:
                    raise ClientGone
                self.received += len(data)
                self.idle = self.idle and not data
                self.h11.receive_data(data)
        except h11.RemoteProtocolError as error:
            status = {431: 494, 501: 400}.get(error.error_status_hint, error.error_status_hint)
            raise BadRequest(str(error), status) from error
        except OSError as error:
            raise ClientGone from error

    async def send(self, *events: h11.Event) -> None:
        """Manda los trozos de respuesta de una vez y espera si el cliente no da abasto."""
        data = b"".join(self.h11.send(event) or b"" for event in events)
        if not data:
            return
        self.sent += len(data)
        try:
            self.writer.write(data)
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self.writer.drain()
        except (TimeoutError, OSError) as error:
            raise ClientGone from error

    @contextlib.contextmanager
    def cancelling_if_gone(self) -> Iterator[None]:
        """Mientras dura el bloque, que el cliente cuelgue lo interrumpe con `ClientGone`."""
        task = asyncio.current_task()
        assert task is not None
        if self.reader.gone:
            raise ClientGone
        fired = False

        def cancel() -> None:
            nonlocal fired
            if not fired:
                fired = True
                task.cancel()

        self.reader.on_gone = cancel
        try:
            yield
        except asyncio.CancelledError:
            if fired and task.uncancel() == 0:
                raise ClientGone from None
            raise
        except ClientGone:
            if fired:
                task.uncancel()
            raise
        finally:
            self.reader.on_gone = None

    async def finish_cycle(self) -> bool:
        """Tras una respuesta: tira el cuerpo que nadie leyó y dice si la conexión vale para otra petición."""
        try:
            if self.h11.our_state is h11.MUST_CLOSE or self.h11.our_state is h11.CLOSED:
                await self._linger()
                return False
            if self.h11.our_state is not h11.DONE:
                return False
            async with asyncio.timeout(_DISCARD_S):
                limit = self.received + _DISCARD_BYTES
                while self.h11.their_state is h11.SEND_BODY and self.received < limit:
                    await self.next_event()
            if self.h11.their_state is not h11.DONE:
                return False
            self.h11.start_next_cycle()
            return True
        except (TimeoutError, BadRequest, ClientGone, h11.LocalProtocolError):
            return False

    async def _linger(self) -> None:
        """Cierra con calma: si se cortara de golpe con datos sin leer, el cliente perdería la respuesta."""
        if self.h11.their_state is h11.SEND_BODY:
            self.h11.next_event()  # Si no había cuerpo, esto es el final de la petición.
        if self.h11.their_state in (h11.DONE, h11.MUST_CLOSE, h11.CLOSED) or self.reader.gone:
            return
        with contextlib.suppress(TimeoutError, OSError):
            self.writer.write_eof()
            async with asyncio.timeout(1.0):
                left = _DISCARD_BYTES
                while left > 0 and (data := await self.reader.read(CHUNK_BYTES)):
                    left -= len(data)

    def abort(self) -> None:
        """Corta sin despedirse: el cliente nota que la respuesta quedó a medias."""
        self.writer.transport.abort()

    async def close(self) -> None:
        """Cierra cuando haya salido todo lo pendiente."""
        self.writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1.0):
                await self.writer.wait_closed()


class RequestBody:
    """El cuerpo de una petición, que se lee según llega o, si hace falta, se guarda entero antes."""

    def __init__(self, client: ClientConnection, request: Request) -> None:
        self._client = client
        self._spooled: IO[bytes] | None = None
        declared = request.headers.get("content-length")
        self.length = int(declared) if declared is not None else None
        self.expects_continue = client.h11.they_are_waiting_for_100_continue

    async def spool(self, limit: int) -> int | None:
        """Lo recibe entero; su tamaño, o `None` si pasa de `limit` bytes."""
        spooled = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115 (lo cierra `close`)
        self._spooled = spooled
        size = 0
        async for chunk in self._arriving():
            size += len(chunk)
            if size > limit:
                return None
            spooled.write(chunk)
        spooled.seek(0)
        self.length = size
        return size

    async def chunks(self) -> AsyncIterator[bytes]:
        """Los trozos. `BadRequest` si está mal o no llega, `ClientGone` si el cliente se va."""
        if self._spooled is None:
            async for chunk in self._arriving():
                yield chunk
            return
        while chunk := self._spooled.read(CHUNK_BYTES):
            yield chunk

    def close(self) -> None:
        """Borra lo que se hubiera guardado."""
        if self._spooled is not None:
            self._spooled.close()

    async def _arriving(self) -> AsyncIterator[bytes]:
        while True:
            try:
                async with asyncio.timeout(BODY_TIMEOUT_S):
                    event = await self._client.next_event()
            except TimeoutError as error:
                raise BadRequest("the body did not arrive", 408) from error
            if isinstance(event, h11.Data):
                yield event.data
            elif isinstance(event, h11.EndOfMessage):
                return
            else:
                raise ClientGone


def _has_body(headers: Headers) -> bool:
    return headers.get("transfer-encoding") is not None or (headers.get("content-length") or "0") != "0"


def _request(event: h11.Request) -> Request:
    """La petición. Lo que dos servidores podrían entender distinto se rechaza (RFC 9112 §6)."""
    headers = Headers.from_wire(event.headers.raw_items())
    target, version = event.target.decode("latin-1"), event.http_version.decode()
    coded = headers.get("transfer-encoding") is not None
    if coded and (headers.get("content-length") is not None or version != "1.1"):
        raise BadRequest("both Transfer-Encoding and Content-Length")
    if len(target) > MAX_LINE_BYTES:
        raise BadRequest("URI too long", 414)
    if any(len(name) + len(value) > MAX_LINE_BYTES for name, value in headers):
        raise BadRequest("header too large", 494)
    method = event.method.decode()
    if method in ("CONNECT", "TRACE"):
        raise BadRequest("method not allowed", 405)
    if target.lower().startswith(("http://", "https://")):
        authority, slash, rest = target.split("://", 1)[1].partition("/")
        headers.set("Host", authority)
        target = slash + rest or "/"
    target = target.partition("#")[0]
    if not target.startswith("/"):
        raise BadRequest("invalid URI")
    return Request(method, target, version, headers)
