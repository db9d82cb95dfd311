"""Llevar una petición a su servicio y traer la respuesta, sin guardar ni una ni otra entera."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import time
from dataclasses import dataclass
from dataclasses import replace as changed

import h11

from stack.kong.embedded.exchange import Exchange, Try
from stack.kong.embedded.gateway import Gateway
from stack.kong.embedded.headers import Headers
from stack.kong.embedded.models import Service
from stack.kong.embedded.proxy.client import BadRequest, ClientConnection, ClientGone, RequestBody
from stack.kong.embedded.proxy.finish import finish_headers
from stack.kong.embedded.proxy.tunnel import tunnel
from stack.kong.embedded.proxy.upstream import Pool, UpstreamConnection, UpstreamError, resolve
from stack.kong.embedded.tracing import CLIENT, ERROR

# Lo que nginx no repite si el servicio pudo llegar a verlo (`non_idempotent`).
_ONCE = frozenset({"POST", "PATCH", "LOCK"})


@dataclass(slots=True)
class _Answer:
    """Una respuesta que empieza: por dónde llega, su cabecera y, si aún se está mandando el cuerpo, la tarea."""

    connection: UpstreamConnection
    head: h11.Response | h11.InformationalResponse
    sending: asyncio.Task[None] | None


class Forwarder:
    """Quien habla con los servicios."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.pool = Pool()

    async def forward(self, x: Exchange, client: ClientConnection, body: RequestBody | None) -> None:
        """Atiende `x` entera. `UpstreamError` si no hubo respuesta; a mitad de una, corta la conexión."""
        assert x.service is not None
        address = (await self._resolve(x, x.service.host), x.service.port)
        with client.cancelling_if_gone():
            answer = await self._answer(x, x.service, address, body)
            if answer.head.status_code == 101:
                await self._upgrade(x, client, answer)
                return
            try:
                await self._relay(x, client, answer)
            finally:
                await _settle(answer.sending)
                self.pool.give_back(answer.connection)

    async def _resolve(self, x: Exchange, host: str) -> str:
        try:
            return str(ipaddress.ip_address(host.strip("[]")))
        except ValueError:
            pass
        if x.trace is None:
            return await resolve(host)
        with x.trace.span("kong.dns", CLIENT) as span:
            span.attributes |= {"dns.record.domain": host}
            ip = await resolve(host)
            span.attributes["dns.record.ip"] = ip
            return ip

    async def _answer(
        self, x: Exchange, service: Service, address: tuple[str, int], body: RequestBody | None
    ) -> _Answer:
        """La cabecera de la respuesta, tras los intentos que hagan falta (`retries`)."""
        x.proxied = True
        left = service.retries
        while True:
            attempt = Try(address[0], address[1], time.time_ns())
            x.proxied_at = time.monotonic()
            reused: UpstreamConnection | None = None
            try:
                reused = self.pool.take(address)
                connection = reused or await UpstreamConnection.open(address, service.connect_timeout_s)
                answer = await self._ask(x, service, connection, body)
            except UpstreamError as error:
                again = error.untouched or (body is None and x.request.method not in _ONCE)
                # Una conexión guardada que resulta estar cerrada no cuenta como intento.
                if reused is not None and not reused.answering and again and error.status == 502:
                    continue
                code = error.status
                x.tries.append(changed(attempt, state="failed", code=code, ended_ns=time.time_ns()))
                if not again or left <= 0:
                    self._trace_tries(x, service)
                    raise
                left -= 1
            else:
                x.tries.append(attempt)
                return answer

    async def _ask(
        self, x: Exchange, service: Service, connection: UpstreamConnection, body: RequestBody | None
    ) -> _Answer:
        loop, sending, waiting = asyncio.get_running_loop(), None, True
        request = h11.Request(method=x.request.method, target=x.upstream_uri, headers=_wire_headers(x, body))
        end = [h11.EndOfMessage()] if body is None else []
        try:
            await connection.send(request, *end, timeout_s=service.write_timeout_s)
            # El plazo para contestar empieza cuando el servicio lo ha recibido todo.
            async with asyncio.timeout(None if body else service.read_timeout_s) as deadline:
                if body is not None:
                    sending = loop.create_task(_send_body(connection, body, service.write_timeout_s))
                    sending.add_done_callback(
                        lambda _: deadline.reschedule(loop.time() + service.read_timeout_s) if waiting else None
                    )
                try:
                    return _Answer(connection, await connection.read_head(), sending)
                finally:
                    waiting = False
        except (UpstreamError, TimeoutError, asyncio.CancelledError) as error:
            connection.abort()
            culprit = await _settle(sending)
            if isinstance(culprit, BadRequest | ClientGone):
                raise culprit from error
            if isinstance(error, TimeoutError):
                raise UpstreamError("upstream timed out while reading response header", 504) from error
            raise

    async def _relay(self, x: Exchange, client: ClientConnection, answer: _Answer) -> None:
        connection, head = answer.connection, answer.head
        assert x.service is not None
        received = Headers.from_wire(head.headers.raw_items())
        headers = received.end_to_end()
        if "trailers" in x.request.headers.tokens("te") and (trailer := received.get("trailer")):
            headers.set("Trailer", trailer)
        x.source = "service"
        self._respond(x, head.status_code, headers)
        headers.set("Connection", "keep-alive")
        pending: list[h11.Event] = [_wire_response(head, headers)]
        try:
            if connection.silent and received.get("content-length") != "0":
                await client.send(*pending)
                pending = []
            async for chunk in connection.body(x.service.read_timeout_s):
                await client.send(*pending, h11.Data(data=chunk))
                pending = []
            await client.send(*pending, h11.EndOfMessage())
        except UpstreamError:
            client.abort()
        finally:
            x.finished_ns = time.time_ns()
            self._trace_tries(x, x.service)

    async def _upgrade(self, x: Exchange, client: ClientConnection, answer: _Answer) -> None:
        """La conexión deja de ser HTTP (WebSocket): a partir de aquí solo se copian bytes."""
        assert x.service is not None
        received = Headers.from_wire(answer.head.headers.raw_items())
        headers = received.end_to_end()
        headers.set("Connection", "upgrade")
        headers.set("Upgrade", received.get("upgrade") or "websocket")
        x.source = "service"
        self._respond(x, 101, headers)
        try:
            await tunnel(client, answer.connection, headers, x.service.read_timeout_s)
        finally:
            x.finished_ns = time.time_ns()
            self._trace_tries(x, x.service)

    def _respond(self, x: Exchange, status: int, headers: Headers) -> None:
        for name, value in x.response_headers:
            headers.set(name, value)
        self._gateway.header_filter(x, status, headers)
        finish_headers(x, headers)
        x.response_headers = headers

    def _trace_tries(self, x: Exchange, service: Service) -> None:
        if x.trace is None:
            return
        for number, attempt in enumerate(x.tries, 1):
            last = number == len(x.tries)
            span = x.trace.start("kong.balancer", CLIENT, start_ns=attempt.started_ns)
            span.span_id = x.trace.balancer_id if last else span.span_id
            span.attributes = {"try_count": number, "net.peer.ip": attempt.ip, "net.peer.port": attempt.port}
            span.attributes["net.peer.name"] = service.host
            if attempt.state is not None:
                span.attributes["http.status_code"] = attempt.code
                span.status = ERROR
            span.finish(attempt.ended_ns or x.finished_ns)


async def _send_body(connection: UpstreamConnection, body: RequestBody, timeout_s: float) -> None:
    """Manda el cuerpo según llega. Si el cliente falla, corta: un cuerpo a medias no debe parecer entero."""
    try:
        async for chunk in body.chunks():
            await connection.send(h11.Data(data=chunk), timeout_s=timeout_s)
        await connection.send(h11.EndOfMessage(), timeout_s=timeout_s)
    except (BadRequest, ClientGone):
        connection.abort()
        raise


async def _settle(task: asyncio.Task[None] | None) -> BaseException | None:
    """Termina la tarea de mandar el cuerpo y devuelve con qué error acabó, si fue con alguno."""
    if task is None:
        return None
    if not task.done():
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wait([task])
    return None if task.cancelled() or not task.done() else task.exception()


def _wire_headers(x: Exchange, body: RequestBody | None) -> list[tuple[bytes, bytes]]:
    headers = Headers(x.upstream_headers)
    service = x.service
    assert service is not None
    port = "" if service.port == 80 else f":{service.port}"
    wire = Headers([("Host", x.upstream_host or f"{service.host}{port}"), *headers])
    if (x.request.headers.get("upgrade") or "").lower() == "websocket":
        wire.set("Connection", "keep-alive, Upgrade")
        wire.set("Upgrade", "websocket")
    else:
        wire.set("Connection", "keep-alive")
    if body is None:
        if x.request.headers.get("content-length") is not None:
            wire.set("Content-Length", "0")
    elif body.length is not None:
        wire.set("Content-Length", str(body.length))
    else:
        wire.set("Transfer-Encoding", "chunked")
    return wire.to_wire()


def _wire_response(head: h11.Response | h11.InformationalResponse, headers: Headers) -> h11.Response:
    return h11.Response(status_code=head.status_code, reason=head.reason, headers=headers.to_wire())
