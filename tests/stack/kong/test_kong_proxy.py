"""El proxy del suplente de Kong cuando las cosas no van como en un manual: cortes, esperas, prisas y atascos."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine
from typing import Any

import pytest

from tests.support.kong_inside import Streams, inside, one_service, read_head, until, upstream

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GET = b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def run(scenario: Coroutine[Any, Any, None]) -> None:
    """Corre un escenario con un tope de tiempo."""

    async def bounded() -> None:
        async with asyncio.timeout(15):
            await scenario

    asyncio.run(bounded())


async def answer_ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Un servicio que contesta a todo lo que no tiene cuerpo."""
    while not reader.at_eof():
        await read_head(reader)
        writer.write(OK)


def test_si_el_cliente_cuelga_el_servicio_se_entera() -> None:
    async def scenario() -> None:
        hung_up = asyncio.Event()

        async def thinking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_head(reader)
            assert await reader.read() == b""
            hung_up.set()

        async with upstream(thinking) as port, inside(one_service(port)) as kong:
            _, writer = await kong.open()
            writer.write(GET)
            await until(lambda: kong.gateway.metrics.connections["writing"])
            writer.close()
            await asyncio.wait_for(hung_up.wait(), 2)
            await until(lambda: kong.gateway.recent)
            assert kong.gateway.recent[0].status == 499

    run(scenario())


def test_un_cuerpo_a_medias_no_parece_entero() -> None:
    async def scenario() -> None:
        outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def receiving(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_head(reader)
            try:
                await reader.readuntil(b"0\r\n\r\n")
                outcome.set_result("completo")
            except (asyncio.IncompleteReadError, ConnectionError):
                outcome.set_result("cortado")

        async with upstream(receiving) as port, inside(one_service(port)) as kong:
            _, writer = await kong.open()
            writer.write(b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhola!\r\n")
            await writer.drain()
            await until(lambda: kong.gateway.metrics.connections["writing"])
            writer.close()
            assert await outcome == "cortado"

    run(scenario())


def test_una_respuesta_a_medias_no_parece_entera() -> None:
    async def scenario() -> None:
        async def breaking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_head(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhola!\r\n")
            await writer.drain()

        async with upstream(breaking) as port, inside(one_service(port)) as kong:
            reader, writer = await kong.open()
            writer.write(GET)
            received = b""
            with contextlib.suppress(ConnectionResetError):
                received = await reader.read()
            assert not received.endswith(b"0\r\n\r\n")
            writer.close()

    run(scenario())


def test_una_respuesta_temprana_llega_aunque_se_siga_subiendo() -> None:
    async def scenario() -> None:
        async def refusing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_head(reader)
            writer.write(b"HTTP/1.1 413 Payload Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
            await writer.drain()
            await asyncio.sleep(0.2)

        async with upstream(refusing) as port, inside(one_service(port)) as kong:
            size = 8 * 1024 * 1024
            reader, writer = await kong.open()
            writer.write(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
            writer.write(b"x" * size)
            head = await read_head(reader)
            assert head.startswith(b"HTTP/1.1 413 ")
            assert await reader.readexactly(2) == b"no"
            # Y la conexión con el cliente sigue valiendo.
            writer.write(b"GET /no HTTP/1.1\r\n\r\n")
            assert (await read_head(reader)).startswith(b"HTTP/1.1 400 ")
            writer.close()

    run(scenario())


def test_un_401_a_una_subida_grande_deja_usar_la_conexion() -> None:
    async def scenario() -> None:
        async with upstream(answer_ok) as port:
            document = one_service(port)
            document["plugins"] = [{"name": "key-auth"}]
            async with inside(document) as kong:
                size = 8 * 1024 * 1024
                reader, writer = await kong.open()
                writer.write(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
                for _ in range(2):
                    head = await read_head(reader)
                    assert head.startswith(b"HTTP/1.1 401 ")
                    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                    await reader.readexactly(length)
                    writer.write(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
                writer.close()

    run(scenario())


def test_lo_que_el_servicio_va_diciendo_llega_al_momento() -> None:
    async def scenario() -> None:
        go_on = asyncio.Event()

        async def talking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_head(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
            await go_on.wait()
            go_on.clear()
            writer.write(b"data: uno\n\n")
            await go_on.wait()

        async with upstream(talking) as port, inside(one_service(port)) as kong:
            reader, writer = await kong.open()
            writer.write(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"event-stream" in await read_head(reader)
            go_on.set()
            assert await reader.readuntil(b"uno\n\n\r\n") == b"b\r\ndata: uno\n\n\r\n"
            go_on.set()
            assert await reader.readuntil(b"0\r\n\r\n") == b"0\r\n\r\n"
            writer.close()

    run(scenario())


def test_un_servicio_atascado_frena_al_cliente_en_vez_de_llenar_la_memoria() -> None:
    async def scenario() -> None:
        async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_head(reader)
            await asyncio.Event().wait()

        async with upstream(deaf) as port, inside(one_service(port)) as kong:
            _, writer = await kong.open()
            writer.write(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (256 * 2**20))
            sent, piece = 0, b"x" * 2**20
            with contextlib.suppress(TimeoutError):
                for _ in range(256):
                    async with asyncio.timeout(0.5):
                        writer.write(piece)
                        await writer.drain()
                    sent += 1
            assert 0 < sent < 64  # Lo que cabe en los búferes del sistema, y no más.
            writer.transport.abort()

    run(scenario())


def test_una_conexion_guardada_que_se_cerro_no_se_nota() -> None:
    async def scenario() -> None:
        connections = 0

        async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            await read_head(reader)
            writer.write(OK)
            await writer.drain()

        async with upstream(once) as port, inside(one_service(port)) as kong:
            for _ in range(20):
                status, _, body = await kong.ask(GET)
                assert (status, body) == (200, b"ok")
            assert connections == 20

    run(scenario())


def test_un_post_no_va_por_una_conexion_que_ya_se_cerro() -> None:
    async def scenario() -> None:
        closed = asyncio.Event()

        async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_head(reader)
            writer.write(OK)
            await writer.drain()
            writer.close()
            closed.set()

        async with upstream(once) as port, inside(one_service(port)) as kong:
            for _ in range(5):
                closed.clear()
                # Un POST no se repite: si fuera por la conexión vieja, sería un 502.
                assert (await kong.ask(GET.replace(b"GET", b"POST")))[0] == 200
                await closed.wait()

    run(scenario())


def test_las_conexiones_con_el_servicio_se_reutilizan() -> None:
    async def scenario() -> None:
        connections = 0

        async def counting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            await answer_ok(reader, writer)

        async with upstream(counting) as port, inside(one_service(port)) as kong:
            for _ in range(20):
                assert (await kong.ask(GET))[0] == 200
            assert connections == 1

    run(scenario())


def test_una_conexion_que_nadie_usa_se_suelta(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stack.kong.embedded.proxy.upstream.UPSTREAM_IDLE_S", 0.05)

    async def scenario() -> None:
        dropped = asyncio.Event()

        async def faithful(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_head(reader)
            writer.write(OK)
            with contextlib.suppress(ConnectionResetError):
                await reader.read()
            dropped.set()

        async with upstream(faithful) as port, inside(one_service(port)) as kong:
            assert (await kong.ask(GET))[0] == 200
            await asyncio.wait_for(dropped.wait(), 2)

    run(scenario())


@pytest.mark.parametrize(("method", "status", "connections"), [("GET", 200, 2), ("POST", 502, 1)])
def test_se_repite_lo_que_se_puede_repetir(method: str, status: int, connections: int) -> None:
    async def scenario() -> None:
        seen = 0

        async def second_time_lucky(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal seen
            seen += 1
            await read_head(reader)
            if seen > 1:
                writer.write(OK)
                await writer.drain()

        async with upstream(second_time_lucky) as port, inside(one_service(port, retries=5)) as kong:
            answer = await kong.ask(method.encode() + b" /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert (answer[0], seen) == (status, connections)

    run(scenario())


def test_el_plazo_de_respuesta_no_corre_mientras_se_sube() -> None:
    async def scenario() -> None:
        async def patient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_head(reader)
            await reader.readexactly(4)
            writer.write(OK)
            await writer.drain()

        async with upstream(patient) as port, inside(one_service(port, read_timeout=150)) as kong:
            reader, writer = await kong.open()
            writer.write(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n")
            for letter in (b"h", b"o", b"l", b"a"):
                await asyncio.sleep(0.1)
                writer.write(letter)
            assert (await read_head(reader)).startswith(b"HTTP/1.1 200 ")
            writer.close()

    run(scenario())


def test_peticiones_encadenadas_se_contestan_en_orden() -> None:
    async def scenario() -> None:
        async def by_path(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while not reader.at_eof():
                path = (await read_head(reader)).split(b" ", 2)[1]
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(path) + path)

        async with upstream(by_path) as port, inside(one_service(port)) as kong:
            reader, writer = await kong.open()
            paths = [b"/uno", b"/dos", b"/tres"]
            writer.write(b"".join(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path for path in paths))
            for path in paths:
                await read_head(reader)
                assert await reader.readexactly(len(path)) == path
            writer.close()

    run(scenario())


def test_doscientas_conexiones_a_la_vez() -> None:
    async def scenario() -> None:
        async with upstream(answer_ok) as port, inside(one_service(port)) as kong:
            answers = await asyncio.gather(*(kong.ask(GET) for _ in range(200)))
            assert {answer[0] for answer in answers} == {200}
            await until(lambda: len(kong.gateway.recent) == 100)
            assert kong.gateway.metrics.statistics()["total_requests"] == 200
            await until(lambda: kong.gateway.metrics.connections["active"] == 0)

    run(scenario())


def test_http_1_0_y_la_forma_absoluta() -> None:
    async def scenario() -> None:
        heads: list[bytes] = []

        async def noting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while not reader.at_eof():
                heads.append(await read_head(reader))
                writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")

        async with upstream(noting) as port, inside(one_service(port)) as kong:
            status, head, body = await kong.ask(b"GET /viejo HTTP/1.0\r\n\r\n")
            assert (status, body) == (200, b"ok")
            assert b"chunked" not in head
            absolute = b"GET http://tienda.es/a?b HTTP/1.1\r\nHost: otro\r\nConnection: close\r\n\r\n"
            assert (await kong.ask(absolute))[0] == 200
            assert heads[0].startswith(b"GET /viejo HTTP/1.1\r\n")
            assert heads[1].startswith(b"GET /a?b HTTP/1.1\r\n")
            assert b"X-Forwarded-Host: tienda.es\r\n" in heads[1]

    run(scenario())


@pytest.mark.parametrize(
    ("request_line", "status", "message"),
    [
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, b"URI too long"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 400, b"header or cookie too large"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70000, 400, b"header or cookie too large"),
        (b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 405, b"Method not allowed"),
        (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 400, b"Bad request"),
        (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, b"Bad request"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 400, b"Bad request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", 400, b"Bad request"),
    ],
)
def test_lo_que_no_se_entiende(request_line: bytes, status: int, message: bytes) -> None:
    async def scenario() -> None:
        async with inside(one_service(1)) as kong:
            reader, writer = await kong.open()
            writer.write(request_line)
            if writer.can_write_eof() and request_line[:1] == b"\x16":
                writer.write(b"\r\n\r\n")
            head = await read_head(reader)
            assert head.startswith(b"HTTP/1.1 %d " % status)
            assert message in await reader.read()
            writer.close()

    run(scenario())


def test_un_trozo_mal_escrito_es_un_400() -> None:
    async def scenario() -> None:
        async def waiting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()

        async with upstream(waiting) as port, inside(one_service(port)) as kong:
            status, _, _ = await kong.ask(
                b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhola\r\n0\r\n\r\n"
            )
            assert status == 400

    run(scenario())


def test_nadie_puede_borrar_las_cabeceras_que_pone_kong() -> None:
    async def scenario() -> None:
        heads: list[bytes] = []

        async def noting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heads.append(await read_head(reader))
            writer.write(OK)
            await writer.drain()

        async with upstream(noting) as port:
            document = one_service(port)
            document["plugins"] = [{"name": "key-auth"}]
            document["consumers"] = [{"username": "ana", "keyauth_credentials": [{"key": "k"}]}]
            async with inside(document) as kong:
                await kong.ask(
                    b"GET / HTTP/1.1\r\nHost: x\r\napikey: k\r\nX-Consumer-Username: root\r\n"
                    b"Connection: close, X-Consumer-Username, X-Real-IP\r\n\r\n"
                )
            assert b"\r\nX-Consumer-Username: ana\r\n" in heads[0]
            assert b"\r\nX-Real-IP: 127.0.0.1\r\n" in heads[0]
            assert b"root" not in heads[0]

    run(scenario())


def test_un_tunel_sin_actividad_se_cierra() -> None:
    async def scenario() -> None:
        async def switching(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await read_head(reader)
            assert b"Connection: keep-alive, Upgrade\r\n" in head
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n")
            writer.write(b"Connection: Upgrade\r\n\r\nhola")
            writer.write(await reader.readexactly(4))
            await writer.drain()
            assert await reader.read() == b""

        async with upstream(switching) as port, inside(one_service(port, read_timeout=200)) as kong:
            reader, writer = await kong.open()
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\neco!")
            assert (await read_head(reader)).startswith(b"HTTP/1.1 101 ")
            start = time.monotonic()
            assert await reader.read() == b"holaeco!"
            assert 0.15 < time.monotonic() - start < 2
            await until(lambda: kong.gateway.recent)
            assert kong.gateway.recent[0].status == 101
            writer.close()

    run(scenario())


def test_al_parar_lo_ocioso_se_cierra_y_lo_que_estaba_en_marcha_acaba() -> None:
    async def scenario() -> None:
        arrived = asyncio.Event()

        async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_head(reader)
            arrived.set()
            await asyncio.sleep(0.2)
            writer.write(OK)
            await writer.drain()

        async with upstream(slow) as port, inside(one_service(port)) as kong:
            idle: Streams = await kong.open()
            busy = asyncio.create_task(kong.ask(GET))
            await arrived.wait()
            start = time.monotonic()
            await kong.server.stop(1.0)
            assert (await busy)[0] == 200
            assert time.monotonic() - start < 0.9
            assert await idle[0].read() == b""
            idle[1].close()

    run(scenario())
