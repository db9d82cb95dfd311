"""La conexión con un objetivo: queda abierta entre visitas, y si el otro la cierra se abre otra."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from stack.prometheus.embedded.fetching import Line, ScrapeFailed

FIXED = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nuno\n"
PIECES = b"2\r\nun\r\n2;nada=1\r\no\n\r\n0\r\nDespues: algo\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + PIECES
OPEN = b"HTTP/1.0 200 OK\r\n\r\nuno\n"
SHUT = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nuno\n"


async def talk(replies: Sequence[Sequence[bytes]], using: Callable[[Line], Awaitable[None]]) -> None:
    """Un servidor que por cada conexión da sus respuestas, en orden, y la cierra; y un `Line` que habla con él."""
    left = list(replies)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in left.pop(0):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(reply)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    line = Line(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/metrics?a=1")
    async with server, asyncio.timeout(5):
        try:
            await using(line)
            assert left == [], "no se han abierto tantas conexiones como se esperaba"
        finally:
            line.close()


@pytest.mark.parametrize(
    "replies",
    [[[FIXED, FIXED, FIXED]], [[CHUNKED, FIXED, CHUNKED]], [[FIXED], [FIXED, FIXED]], [[SHUT], [OPEN], [FIXED]]],
    ids=["largo dicho", "a trozos", "la cierra el otro entre visitas", "no se puede reutilizar"],
)
def test_three_visits(replies: list[list[bytes]]) -> None:
    async def using(line: Line) -> None:
        for _ in range(3):
            assert (await line.get())[1] == "uno\n"

    asyncio.run(talk(replies, using))


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nuno\n", "a medias"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "a medias"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", "8 MB"),
        (b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", "HTTP 503"),
        (b"hola\r\n\r\n", "no es HTTP"),
        (b"", "sin una respuesta"),
    ],
)
def test_after_a_failure_it_starts_again(reply: bytes, why: str) -> None:
    async def using(line: Line) -> None:
        await line.get()
        with pytest.raises(ScrapeFailed, match=why):
            await line.get()
        assert (await line.get())[1] == "uno\n"

    # La primera la cierra el otro al acabar; la segunda falla recién abierta; la tercera vuelve a salir.
    asyncio.run(talk([[FIXED], [reply], [FIXED]], using))
