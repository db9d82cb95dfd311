"""Una conexión TCP: separa las peticiones, las atiende de una en una y en orden, y envía las respuestas.

Igual que Kafka, no empieza una petición hasta haber contestado la anterior de la misma conexión. Unos bytes
que no siguen el protocolo cierran solo esa conexión.
"""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections import deque
from collections.abc import Awaitable

from stack.kafka.embedded.api import API_VERSIONS, APIS, write_versions
from stack.kafka.embedded.broker import Broker, Call
from stack.kafka.embedded.codec import Reader
from stack.kafka.embedded.errors import ErrorCode, Malformed

_LENGTH_BYTES = 4
_MOST_QUEUED = 64


class Connection(asyncio.Protocol):
    """El lado del servidor de una conexión."""

    def __init__(self, broker: Broker, open_connections: set[Connection]) -> None:
        self._broker = broker
        self._open = open_connections
        self._received = bytearray()
        self._queue: deque[bytes] = deque()
        self._running: asyncio.Task[None] | None = None
        self._hurry: asyncio.Future[None] | None = None
        self._writable = True
        self._transport: asyncio.Transport
        self._peer = ""

    # ── Lo que llama asyncio ────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._peer = (transport.get_extra_info("peername") or ("",))[0]
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._open.discard(self)
        self._queue.clear()
        self._received.clear()
        if self._running is not None:
            self._running.cancel()

    def data_received(self, data: bytes) -> None:
        self._received += data
        try:
            self._split()
        except Malformed as problem:
            self._refuse(problem)
            return
        if self._hurry is not None and self._queue and not self._hurry.done():
            self._hurry.set_result(None)
        if len(self._queue) > _MOST_QUEUED:
            self._transport.pause_reading()
        self._attend()

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._attend()

    def close(self) -> None:
        """Corta la conexión sin esperar a nadie."""
        self._transport.abort()

    # ── Lo nuestro ──────────────────────────────────────────────────────────────────────────────────────

    def _split(self) -> None:
        """Pasa a la cola cada petición completa."""
        start, received = 0, self._received
        while len(received) - start >= _LENGTH_BYTES:
            length = int.from_bytes(received[start : start + _LENGTH_BYTES], "big", signed=True)
            if not 0 <= length <= self._broker.settings.max_request_bytes:
                raise Malformed(f"una petición de {length} bytes")
            end = start + _LENGTH_BYTES + length
            if len(received) < end:
                break
            with memoryview(received) as view:
                self._queue.append(bytes(view[start + _LENGTH_BYTES : end]))
            start = end
        del received[:start]

    def _attend(self) -> None:
        """Atiende peticiones hasta que una tenga que esperar o el cliente no dé abasto a leer."""
        while self._queue and self._running is None and self._writable and not self._transport.is_closing():
            frame = self._queue.popleft()
            try:
                self._dispatch(frame)
            except Malformed as problem:
                self._refuse(problem)
                return
            except Exception:
                self._own_fault()
                return
        if len(self._queue) <= _MOST_QUEUED and not self._transport.is_closing():
            self._transport.resume_reading()

    def _dispatch(self, frame: bytes) -> None:
        r = Reader(frame)
        key, version, correlation = r.int16(), r.int16(), frame[4:8]
        r.int32()
        client_id = r.nullable_string() or ""
        api = APIS.get(key)
        call = Call(
            self._broker, version, client_id, self._peer, r, hurry=asyncio.get_running_loop().create_future()
        )
        if api is None:
            raise Malformed(f"una petición de un tipo que no se anuncia ({key})")
        if not api.minimum <= version <= api.maximum:
            if key != API_VERSIONS:
                raise Malformed(f"la versión {version} de la petición {key}, que no se anuncia")
            call.version = 0
            write_versions(call, ErrorCode.UNSUPPORTED_VERSION)
            self._answer(call, correlation)
            return
        call.r.flexible = call.w.flexible = version >= api.flexible_from
        r.tags()
        # La respuesta a ApiVersions lleva siempre la cabecera antigua: el cliente aún no sabe qué entendemos.
        header = correlation + (b"\0" if call.w.flexible and key != API_VERSIONS else b"")
        waiting = api.handler(call)
        if waiting is None:
            self._answer(call, header)
        else:
            self._hurry = call.hurry
            if self._queue:  # la siguiente llegó en el mismo paquete: no se la puede hacer esperar
                call.hurry.set_result(None)
            self._running = asyncio.get_running_loop().create_task(self._finish(waiting, call, header))

    async def _finish(self, waiting: Awaitable[None], call: Call, header: bytes) -> None:
        try:
            await waiting
            self._answer(call, header)
        except Malformed as problem:
            self._refuse(problem)
        except Exception:
            self._own_fault()
        finally:
            self._running = self._hurry = None
        self._attend()

    def _answer(self, call: Call, header: bytes) -> None:
        if call.silent or self._transport.is_closing():
            return
        body = call.w.buffer
        length = (len(header) + len(body)).to_bytes(_LENGTH_BYTES, "big")
        self._transport.writelines((length, header, body))

    def _refuse(self, problem: Malformed) -> None:
        print(
            f"Petición no válida de {self._peer}, se cierra su conexión: {problem}.", file=sys.stderr, flush=True
        )
        self._transport.abort()

    def _own_fault(self) -> None:
        """Un fallo nuestro al atender una petición: queda escrito y cuesta esta conexión, no el proceso."""
        print("Fallo interno al atender una petición:", file=sys.stderr)
        traceback.print_exc()
        self._transport.abort()
