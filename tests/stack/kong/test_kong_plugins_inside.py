"""Los plugins por dentro: ventanas de tiempo, quién cuenta para quién, y que ninguna credencial quede escrita."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from stack.kong.embedded.plugins.counters import Counters, window_start
from stack.kong.embedded.replies import negotiate
from stack.kong.embedded.tracing import SpanContext, sampled
from tests.support.kong_inside import Inside, inside, one_service, read_head, upstream

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: sesion=muy-secreta\r\n\r\nok"
GET = b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class Clock:
    """Un reloj que solo avanza cuando se le dice."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


async def answer_ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while not reader.at_eof():
        await read_head(reader)
        writer.write(OK)


def header(head: bytes, name: str) -> str | None:
    for line in head.decode("latin-1").split("\r\n")[1:]:
        key, _, value = line.partition(": ")
        if key.lower() == name.lower():
            return value
    return None


def limited(port: int, **options: Any) -> dict[str, Any]:
    return one_service(port) | {"plugins": [{"name": "rate-limiting", "config": options}]}


@pytest.mark.parametrize(
    ("period", "moment", "start"),
    [
        ("second", "2026-03-04T05:06:07.9", "2026-03-04T05:06:07"),
        ("minute", "2026-03-04T05:06:07", "2026-03-04T05:06:00"),
        ("hour", "2026-03-04T05:06:07", "2026-03-04T05:00:00"),
        ("day", "2026-03-04T05:06:07", "2026-03-04T00:00:00"),
        ("month", "2026-03-04T05:06:07", "2026-03-01T00:00:00"),
        ("year", "2026-03-04T05:06:07", "2026-01-01T00:00:00"),
    ],
)
def test_las_ventanas_son_las_del_reloj(period: str, moment: str, start: str) -> None:
    def seconds(text: str) -> float:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()

    assert window_start(period, seconds(moment)) == seconds(start)


def test_la_ventana_siguiente_empieza_de_cero_y_reset_lo_anuncia() -> None:
    async def scenario() -> None:
        clock = Clock(1_000_000_000.0)  # Faltan 20 s para el minuto siguiente.
        async with upstream(answer_ok) as port, inside(limited(port, minute=2), clock=clock) as kong:
            seen = [await kong.ask(GET) for _ in range(3)]
            assert [status for status, _, _ in seen] == [200, 200, 429]
            assert {header(head, "RateLimit-Reset") for _, head, _ in seen} == {"20"}
            assert header(seen[2][1], "Retry-After") == "20"
            clock.now += 20
            status, head, _ = await kong.ask(GET)
            assert status == 200
            assert [header(head, f"RateLimit-{name}") for name in ("Remaining", "Reset")] == ["1", "60"]

    asyncio.run(scenario())


def test_de_doscientas_a_la_vez_pasan_las_que_tocan() -> None:
    async def scenario() -> None:
        async with upstream(answer_ok) as port, inside(limited(port, year=50)) as kong:
            answers = await asyncio.gather(*(kong.ask(GET) for _ in range(200)))
            passed = [head for status, head, _ in answers if status == 200]
            assert len(passed) == 50
            left = sorted(int(header(head, "RateLimit-Remaining") or -1) for head in passed)
            assert left == list(range(50))

    asyncio.run(scenario())


def test_limitar_por_una_cabecera_y_esconder_las_cuentas() -> None:
    async def scenario() -> None:
        options = {"year": 1, "limit_by": "header", "header_name": "X-Cliente", "hide_client_headers": True}
        options |= {"error_code": 503, "error_message": "Vuelve mañana"}
        async with upstream(answer_ok) as port, inside(limited(port, **options)) as kong:

            async def call(who: bytes) -> tuple[int, bytes, bytes]:
                return await kong.ask(GET.replace(b"Host: x", b"Host: x\r\nX-Cliente: " + who))

            answers = [await call(who) for who in (b"ana", b"ana", b"beto")]
            assert [status for status, _, _ in answers] == [200, 503, 200]
            assert b"Vuelve ma\xc3\xb1ana" in answers[1][2]
            assert not any(header(head, "RateLimit-Limit") for _, head, _ in answers)

    asyncio.run(scenario())


def test_los_contadores_viejos_se_olvidan() -> None:
    counters = Counters()
    for second in range(10_000):
        counters.add("sitio", "ana", "second", second)
    assert len(counters._used) < 5000
    assert counters.used("sitio", "ana", "second", 9999) == 1


def test_expect_100_continue_con_un_cuerpo_demasiado_grande() -> None:
    async def scenario() -> None:
        plugin = {"name": "request-size-limiting", "config": {"allowed_payload_size": 1, "size_unit": "bytes"}}
        async with upstream(answer_ok) as port, inside(one_service(port) | {"plugins": [plugin]}) as kong:
            reader, writer = await kong.open()
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
            head = await read_head(reader)
            assert head.startswith(b"HTTP/1.1 417 ")
            assert header(head, "Connection") == "close"
            writer.close()

    asyncio.run(scenario())


SECRETS = ("clave-de-ana", "muy-secreta", "eyJ-un-token")


def secretive(port: int, path: str) -> dict[str, Any]:
    return one_service(port) | {
        "plugins": [
            {"name": "key-auth", "config": {"key_names": ["x-llave"], "anonymous": "nadie"}},
            {"name": "file-log", "config": {"path": path}},
            {"name": "opentelemetry", "config": {"traces_endpoint": "http://127.0.0.1:9/v1/traces"}},
        ],
        "consumers": [
            {"username": "nadie"},
            {"username": "ana", "keyauth_credentials": [{"key": "clave-de-ana"}]},
        ],
    }


async def call_with_every_secret(kong: Inside) -> None:
    status, _, _ = await kong.ask(
        b"GET /x?x-llave=clave-de-ana&jwt=eyJ-un-token&visible=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Authorization: Bearer eyJ-un-token\r\nCookie: sesion=muy-secreta\r\n\r\n"
    )
    assert status == 200


def test_ni_el_registro_ni_la_traza_llevan_credenciales(tmp_path: Path) -> None:
    log = tmp_path / "kong.log"
    exported: list[Any] = []

    async def scenario() -> None:
        async with upstream(answer_ok) as port, inside(secretive(port, str(log))) as kong:
            kong.gateway.exporters.enqueue = lambda plugin, spans: exported.extend(spans)  # type: ignore[method-assign]
            await call_with_every_secret(kong)
            assert kong.gateway.recent[0].path == "/x"

    asyncio.run(scenario())
    record = json.loads(log.read_text("utf-8"))
    everything = log.read_text("utf-8") + repr(exported)
    assert not [secret for secret in SECRETS if secret in everything]
    assert record["request"]["uri"] == "/x?x-llave=REDACTED&jwt=REDACTED&visible=1"
    assert record["request"]["headers"]["authorization"] == "REDACTED"
    assert (record["response"]["status"], record["consumer"]["username"]) == (200, "ana")
    assert record["trace_id"] == {"w3c": exported[0].trace_id}
    assert [span.name for span in exported][:2] == ["kong", "kong.router"]


def test_los_reintentos_se_ven_en_la_traza() -> None:
    exported: list[Any] = []

    async def scenario() -> None:
        plugin = {"name": "opentelemetry", "config": {"traces_endpoint": "http://127.0.0.1:9/v1/traces"}}
        async with inside(one_service(1, retries=2) | {"plugins": [plugin]}) as kong:
            kong.gateway.exporters.enqueue = lambda plugin, spans: exported.extend(spans)  # type: ignore[method-assign]
            assert (await kong.ask(GET))[0] == 502

    asyncio.run(scenario())
    tries = [span for span in exported if span.name == "kong.balancer"]
    assert [span.attributes["try_count"] for span in tries] == [1, 2, 3]
    assert {span.status for span in tries} == {2}
    assert {span.parent_id for span in tries} == {exported[0].span_id}


def test_un_plugin_que_revienta_es_un_500(capsys: pytest.CaptureFixture[str]) -> None:
    async def scenario() -> None:
        async with upstream(answer_ok) as port, inside(limited(port, year=1)) as kong:
            kong.gateway.counters.used = None  # type: ignore[assignment, method-assign]
            status, _, body = await kong.ask(GET)
            assert (status, body) == (500, b'{"message":"An unexpected error occurred"}')

    asyncio.run(scenario())
    assert "rate-limiting: TypeError" in capsys.readouterr().err


def test_un_plugin_que_revienta_al_anotar_no_estropea_la_respuesta(capsys: pytest.CaptureFixture[str]) -> None:
    async def scenario() -> None:
        document = one_service(1) | {
            "plugins": [{"name": "file-log", "config": {"path": "/"}}, {"name": "prometheus"}]
        }
        async with inside(document) as kong:
            kong.gateway.plugin("prometheus").log = None  # type: ignore[assignment, method-assign]
            assert [(await kong.ask(GET))[0] for _ in range(2)] == [502, 502]

    asyncio.run(scenario())
    errors = capsys.readouterr().err
    assert "file-log: no se puede escribir en /: Is a directory" in errors
    assert "prometheus: TypeError" in errors


@pytest.mark.parametrize(
    "value",
    [
        "",
        "00-" + "0" * 32 + "-b7ad6b7169203331-01",
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-corto-b7ad6b7169203331-01",
    ],
)
def test_un_traceparent_que_no_vale_no_se_sigue(value: str) -> None:
    assert SpanContext.parse(value) is None


def test_el_muestreo_lo_decide_el_identificador() -> None:
    low, high = "00" * 16, "ff" * 16
    assert [sampled(low, rate) for rate in (0, 0.5, 1)] == [False, True, True]
    assert [sampled(high, rate) for rate in (0, 0.5, 1)] == [False, False, True]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("text/html", "text/html"),
        ("text/*", "text/plain"),
        ("application/xml;q=0.4, text/plain;q=0.9", "text/plain"),
        ("image/png", "application/json"),
        ("text/html;q=0", "application/json"),
    ],
)
def test_en_que_formato_se_cuenta_un_error(accept: str | None, expected: str) -> None:
    assert negotiate(accept).split(";")[0] == expected
