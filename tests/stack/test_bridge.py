"""El puente: lleva a 127.0.0.1 lo que llega por la puerta de una red, solo de quien está en ella."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext, suppress

import pytest

from scenarios.catalog import SERVICES
from stack.bridge import door
from stack.bridge.relay import Door, gateway, relay
from stack.ports import FIRST_EPHEMERAL, free_ports

NEAR = ipaddress.IPv4Interface("127.0.0.1/8")
"""Una «red de contenedores» en la que está quien llama desde esta máquina."""


@asynccontextmanager
async def bridged(where: Door, answer: Callable[[bytes], bytes]) -> AsyncIterator[int]:
    """Un servidor que contesta `answer` a lo que le llega entero, y el puerto del puente que lleva a él."""

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(await reader.read()))
        await writer.drain()
        writer.close()

    outer, inner = free_ports(2)
    async with await asyncio.start_server(attend, "127.0.0.1", inner), await relay(where, outer, inner):
        yield outer


async def ask(number: int, sent: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", number)
    try:
        writer.write(sent)
        await writer.drain()
        writer.write_eof()
        return await reader.read()
    finally:
        writer.close()


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await work()

    asyncio.run(bounded())


def test_both_ways_and_whole() -> None:
    async def work() -> None:
        big = bytes(range(256)) * 40_000
        async with bridged(NEAR, lambda sent: sent[::-1]) as number:
            assert await ask(number, big) == big[::-1]
            many = [b"petici\xc3\xb3n %d" % one for one in range(30)]
            assert await asyncio.gather(*(ask(number, one) for one in many)) == [one[::-1] for one in many]

    run(work)


def test_who_is_not_in_the_network_stays_out() -> None:
    async def work() -> None:
        stranger = ipaddress.IPv4Interface("10.255.255.1/32")
        outer, inner = free_ports(2)
        served: list[bool] = []

        async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            served.append(True)
            writer.close()

        class Elsewhere(ipaddress.IPv4Interface):
            """Escucha aquí, pero su red es otra."""

            @property
            def ip(self) -> ipaddress.IPv4Address:
                return ipaddress.IPv4Address("127.0.0.1")

        where = Elsewhere(str(stranger))
        async with await asyncio.start_server(attend, "127.0.0.1", inner), await relay(where, outer, inner):
            reader, writer = await asyncio.open_connection("127.0.0.1", outer)
            with suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.close()
        assert served == []

    run(work)


def test_with_nobody_behind_it_hangs_up() -> None:
    async def work() -> None:
        outer, inner = free_ports(2)
        async with await relay(NEAR, outer, inner):
            reader, writer = await asyncio.open_connection("127.0.0.1", outer)
            assert await reader.read() == b""
            writer.close()

    run(work)


def test_the_gateway_is_found_by_its_interface_or_not_at_all() -> None:
    async def work() -> None:
        assert await gateway("lo", nullcontext()) == NEAR
        assert await gateway("no-hay-tal", asyncio.timeout(0.1)) is None

    run(work)


@pytest.mark.parametrize(
    ("number", "seen"), [(1024, 14_024), (7101, 20_101), (19_767, 32_767), (19_768, 1024), (32_767, 14_023)]
)
def test_every_port_has_a_door(number: int, seen: int) -> None:
    assert door(number) == seen


def test_no_two_ports_share_a_door_and_none_is_taken_by_a_connection_that_leaves() -> None:
    ours = range(1024, FIRST_EPHEMERAL)
    doors = {door(number) for number in ours}
    assert doors == set(ours)
    assert all(door(number) != number for number in ours)


def test_the_known_ports_do_not_fall_on_each_other() -> None:
    known = {port.number for service in SERVICES for port in service.ports}
    assert not known & {door(number) for number in known}


def test_a_door_that_is_taken_for_a_moment_is_waited_for() -> None:
    async def work() -> None:
        outer, inner = free_ports(2)
        with socket.create_server(("127.0.0.1", outer)) as taken:
            opening = asyncio.create_task(relay(NEAR, outer, inner))
            await asyncio.wait([opening], timeout=0.2)
            assert not opening.done()
            taken.close()
            async with await opening:
                assert await ask(outer, b"") == b""

    run(work)


def test_a_door_that_stays_taken_is_said() -> None:
    async def work() -> None:
        outer, inner = free_ports(2)
        with socket.create_server(("127.0.0.1", outer)), pytest.raises(OSError, match="in use"):
            await relay(NEAR, outer, inner, patience_s=0.2)

    run(work)
