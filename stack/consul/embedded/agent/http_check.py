"""Una comprobación por HTTP: pedir una página y ver qué contesta, con los mensajes que da Consul.

Sigue https://developer.hashicorp.com/consul/docs/services/usage/checks#http-checks: 2xx pasa, 429 avisa, lo demás
es crítico. Se abre una conexión nueva cada vez.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import h11

from stack.consul.embedded.agent.check_definition import CheckDefinition
from stack.consul.embedded.golang import SECOND_NS
from stack.consul.embedded.state.catalog import CRITICAL, PASSING, WARNING

DEFAULT_TIMEOUT_S = 10.0
_MAX_REDIRECTS = 10
_REDIRECTS = {301, 302, 303, 307, 308}


@dataclass(frozen=True, slots=True)
class Outcome:
    """Cómo salió: el estado y lo que se cuenta de él."""

    status: str
    output: str


@dataclass(frozen=True, slots=True)
class _Answer:
    code: int
    reason: str
    location: str
    body: str


async def check_http(definition: CheckDefinition) -> Outcome:
    """Hace la petición de `definition`. Nunca falla: un fallo es un resultado."""
    url, method = definition.http, definition.method
    try:
        async with asyncio.timeout(timeout_s(definition)):
            answer = await _follow(definition)
    except TimeoutError:
        problem = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    except OSError as error:
        problem = dial_error(error, _address(url))
    except (h11.RemoteProtocolError, h11.LocalProtocolError) as error:
        problem = f"net/http: HTTP/1.x transport connection broken: {error}"
    except EOFError:
        problem = "EOF"
    except (ValueError, UnicodeError) as error:
        problem = str(error)
    else:
        status = PASSING if 200 <= answer.code <= 299 else WARNING if answer.code == 429 else CRITICAL
        said = f"HTTP {method} {url}: {answer.code} {answer.reason} Output: {answer.body}"
        return Outcome(status, said)
    return Outcome(CRITICAL, f'{method.capitalize()} "{url}": {problem}')


async def check_tcp(definition: CheckDefinition) -> Outcome:
    """Intenta conectarse a `definition.tcp` (`host:puerto`). Nunca falla: un fallo es un resultado."""
    host, _, port = definition.tcp.rpartition(":")
    try:
        async with asyncio.timeout(timeout_s(definition)):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        writer.close()
    except TimeoutError:
        return Outcome(CRITICAL, f"dial tcp {definition.tcp}: i/o timeout")
    except OSError as error:
        return Outcome(CRITICAL, dial_error(error, definition.tcp))
    except (ValueError, OverflowError):
        return Outcome(CRITICAL, f"dial tcp: address {definition.tcp}: missing port in address")
    return Outcome(PASSING, f"TCP connect {definition.tcp}: Success")


def timeout_s(definition: CheckDefinition) -> float:
    """Lo que se espera una respuesta, en segundos."""
    return definition.timeout_ns / SECOND_NS if definition.timeout_ns > 0 else DEFAULT_TIMEOUT_S


def dial_error(error: OSError, address: str) -> str:
    """Por qué no se pudo hablar con `address`, con las palabras de Go."""
    if isinstance(error, socket.gaierror):
        return f"dial tcp: lookup {address.rpartition(':')[0]}: no such host"
    if isinstance(error, ConnectionRefusedError) or "refused" in str(error).lower():
        return f"dial tcp {address}: connect: connection refused"
    if isinstance(error, ConnectionResetError):
        return f"read tcp {address}: connection reset by peer"
    return f"dial tcp {address}: {(error.strerror or str(error)).lower()}"


def _address(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 80}"


async def _follow(definition: CheckDefinition) -> _Answer:
    url, method, body = definition.http, definition.method, definition.body
    for _ in range(_MAX_REDIRECTS):
        answer = await _exchange(url, method, definition.header, body.encode(), definition.output_max)
        if not (definition.follow_redirects and answer.code in _REDIRECTS and answer.location):
            return answer
        url = urljoin(url, answer.location)
        if answer.code in (301, 302, 303) and method != "HEAD":
            method, body = "GET", ""
    raise ValueError(f"stopped after {_MAX_REDIRECTS} redirects")


async def _exchange(
    url: str, method: str, extra: Mapping[str, tuple[str, ...]], body: bytes, output_max: int
) -> _Answer:
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f'unsupported protocol scheme "{parts.scheme}"')
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return await _talk(reader, writer, method, path, _headers(extra, parts.netloc, body), body, output_max)
    finally:
        writer.close()


def _headers(extra: Mapping[str, tuple[str, ...]], host: str, body: bytes) -> list[tuple[bytes, bytes]]:
    given = {name.lower(): values for name, values in extra.items()}
    default = {
        "host": (host,),
        "user-agent": ("Consul Health Check",),
        "accept": ("text/plain, text/*, */*",),
        "connection": ("close",),
    }
    if body:
        given.pop("content-length", None)
        default["content-length"] = (str(len(body)),)
    return [(name.encode(), value.encode()) for name, values in (default | given).items() for value in values]


async def _talk(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    method: str,
    path: str,
    headers: list[tuple[bytes, bytes]],
    body: bytes,
    output_max: int,
) -> _Answer:
    protocol = h11.Connection(h11.CLIENT)
    request = h11.Request(method=method, target=path.encode(), headers=headers)
    for part in (request, *([h11.Data(data=body)] if body else []), h11.EndOfMessage()):
        writer.write(protocol.send(part) or b"")
    head: h11.Response | None = None
    received = bytearray()
    while True:
        event = protocol.next_event()
        if event is h11.NEED_DATA:
            data = await reader.read(65536)
            if not data and head is None:
                raise EOFError
            protocol.receive_data(data)
        elif isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            received += event.data
            del received[:-output_max]
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            break
    if head is None:
        raise EOFError
    location = next((value.decode("latin-1") for name, value in head.headers if name == b"location"), "")
    return _Answer(head.status_code, head.reason.decode("latin-1"), location, received.decode("utf-8", "replace"))
