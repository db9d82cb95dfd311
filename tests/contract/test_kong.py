"""Kong 3.9 como puerta de entrada: rutas, cabeceras, cuerpos y fallos. Lo dé quien lo dé."""

from __future__ import annotations

import hashlib
import http.client
import socket
from collections.abc import Callable, Iterator

import pytest
import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from stack.kong.service import KONG
from tests.support.kong import Kong, kong_lab
from tests.support.running import runtime


@pytest.fixture(scope="module")
def kong(started: Callable[..., dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kong]:
    with kong_lab(started, tmp_path_factory.mktemp("kong")) as lab:
        yield lab


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/recorta/uno/dos?a=1&a=2", "/uno/dos?a=1&a=2"),
        ("/recorta", "/"),
        ("/recorta/mas/larga/x", "/x"),
        ("/entera/uno", "/entera/uno"),
        ("/pedidos/42", "/pedidos/42"),
        ("/suelta/x", "/x"),
        ("/recorta/%C3%B1%20%2F", "/%C3%B1%20%2F"),
        ("/entera/../recorta/x", "/x"),
    ],
)
def test_the_chosen_route_and_what_the_service_sees(kong: Kong, path: str, seen: str) -> None:
    prepared = requests.Request("GET", kong.proxy + path).prepare()
    prepared.url = kong.proxy + path
    with requests.Session() as session:
        assert session.send(prepared, timeout=10).json()["path"] == seen


def test_the_route_with_more_conditions_wins(kong: Kong) -> None:
    debug = requests.get(f"{kong.admin}/routes", timeout=10).json()["data"]
    assert {route["name"] for route in debug} >= {"por-host", "por-cabecera", "solo-put"}
    answers = [
        requests.put(f"{kong.proxy}/recorta/x", timeout=10),
        kong.get("/recorta/x", headers={"Host": "tienda.ejemplo.es"}),
        kong.get("/recorta/x", headers={"X-Version": "V2"}),
        kong.get("/recorta/x"),
    ]
    assert [answer.status_code for answer in answers] == [200] * 4
    labels = kong.requests_by_route()
    assert {"solo-put", "por-host", "por-cabecera", "recorta"} <= labels.keys()


def test_no_route_is_a_404_of_kong(kong: Kong) -> None:
    for path, options in (("/no-hay", {}), ("/pedidos/abc", {}), ("/pedidos/42/mas", {})):
        answer = kong.get(path, **options)
        assert answer.status_code == 404
        assert answer.json()["message"] == "no Route matched with those values"
        assert answer.json()["request_id"] == answer.headers["X-Kong-Request-Id"]
        assert answer.headers["Server"].startswith("kong/3.9")
        assert int(answer.headers["X-Kong-Response-Latency"]) >= 0
        assert "Via" not in answer.headers


def test_errors_come_in_the_format_that_is_accepted(kong: Kong) -> None:
    html = kong.get("/no-hay", headers={"Accept": "text/html,application/json;q=0.5"})
    assert html.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<p>no Route matched with those values.</p>" in html.text
    plain = kong.get("/no-hay", headers={"Accept": "text/plain"})
    assert plain.text.startswith("no Route matched with those values\nrequest_id: ")


def test_a_route_only_for_https_asks_for_https(kong: Kong) -> None:
    answer = kong.get("/segura")
    assert answer.status_code == 426
    assert answer.json()["message"] == "Please use HTTPS protocol"


def test_headers_of_the_answer(kong: Kong) -> None:
    answer = kong.get("/recorta/tetera")
    assert answer.status_code == 418
    assert answer.headers["Via"].startswith("1.1 kong/3.9")
    assert answer.headers["Server"].startswith("BaseHTTP")
    assert int(answer.headers["X-Kong-Upstream-Latency"]) >= 0
    assert int(answer.headers["X-Kong-Proxy-Latency"]) >= 0
    assert len(answer.headers["X-Kong-Request-Id"]) == 32
    assert answer.headers["X-Del-Servicio"].encode("latin-1").decode() == "sí"
    assert "X-Salto" not in answer.headers


def test_headers_that_the_service_sees(kong: Kong) -> None:
    host, port = kong.address
    sent = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "https",
        "X-Real-IP": "203.0.113.9",
        "Connection": "keep-alive, X-De-Un-Salto",
        "X-De-Un-Salto": "no debe pasar",
        "Proxy-Connection": "keep-alive",
        "X-Normal": "sí pasa".encode().decode("latin-1"),
        "tracestate": "a=1",
        "baggage": "run=7",
    }
    answer = kong.get("/recorta/ver?x=1", headers=sent)
    seen = answer.json()["headers"]
    # En Docker, quien llama a Kong es la puerta de su red; y el puerto que ve es el de dentro.
    outside, inside = (
        ("127.0.0.1", port) if runtime() != "docker" else (seen["x-real-ip"], KONG.port("proxy").number)
    )
    assert seen["x-real-ip"] == outside != "203.0.113.9"
    assert seen["x-forwarded-for"] == f"203.0.113.9, {outside}"
    assert seen["x-forwarded-proto"] == "http"
    assert seen["x-forwarded-host"] == host
    assert seen["x-forwarded-port"] == str(inside)
    assert seen["x-forwarded-path"] == "/recorta/ver"
    assert seen["x-forwarded-prefix"] == "/recorta"
    assert seen["x-kong-request-id"] == answer.headers["X-Kong-Request-Id"]
    assert seen["via"].startswith("1.1 kong/3.9")
    assert seen["host"] == "{host}:{port}".format(**kong.document["services"][0])
    assert (seen["tracestate"], seen["baggage"]) == ("a=1", "run=7")
    assert not {"x-de-un-salto", "proxy-connection"} & seen.keys()


def test_preserve_host(kong: Kong) -> None:
    assert kong.get("/conserva/x", headers={"Host": "tienda.es"}).json()["headers"]["host"] == "tienda.es"


def test_a_body_of_20_mb_arrives_the_same(kong: Kong) -> None:
    body = bytes(range(256)) * (20 * 4096)
    whole = requests.post(f"{kong.proxy}/recorta/x", data=body, timeout=30).json()
    assert (whole["size"], whole["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
    pieces = (body[start : start + 100_000] for start in range(0, len(body), 100_000))
    assert requests.post(f"{kong.proxy}/recorta/x", data=pieces, timeout=30).json()["sha256"] == whole["sha256"]


def test_an_answer_in_chunks(kong: Kong) -> None:
    answer = kong.get("/recorta/trozos")
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.text == "".join(f"trozo {number};" for number in range(100))


def test_head_brings_no_body_and_the_connection_goes_on(kong: Kong) -> None:
    connection = http.client.HTTPConnection(*kong.address, timeout=10)
    connection.request("HEAD", "/recorta/x")
    head = connection.getresponse()
    assert (head.status, head.read()) == (200, b"")
    assert int(head.headers["Content-Length"]) > 0
    connection.request("GET", "/no-hay")
    assert connection.getresponse().status == 404
    connection.close()


def test_expect_100_continue(kong: Kong) -> None:
    with socket.create_connection(kong.address, 10) as raw:
        raw.sendall(
            b"POST /recorta/x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n"
            b"Connection: close\r\n\r\n"
        )
        assert raw.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
        raw.sendall(b"hola")
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'"expect"' not in answer


def test_websocket_both_ways_with_its_close_code(kong: Kong) -> None:
    url = kong.proxy.replace("http://", "ws://") + "/ws/sala"
    with connect(url) as chat:
        for message in ("hola", b"\x00\xff", "ñ" * 70_000):
            chat.send(message)
            assert chat.recv(timeout=5) == message
        chat.send("adiós")
        with pytest.raises(ConnectionClosed):
            chat.recv(timeout=5)
        assert (chat.close_code, chat.close_reason) == (4001, "hasta luego")


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/nadie/x", 502, "An invalid response was received from the upstream server"),
        ("/recorta/corta", 502, "An invalid response was received from the upstream server"),
        ("/recorta/lento", 504, "The upstream server is timing out"),
        ("/sin-nombre/x", 503, "name resolution failed"),
    ],
)
def test_when_the_service_fails(kong: Kong, path: str, status: int, message: str) -> None:
    answer = kong.get(path)
    assert (answer.status_code, answer.json()["message"]) == (status, message)
    assert answer.json()["request_id"] == answer.headers["X-Kong-Request-Id"]


@pytest.mark.parametrize(
    "lines",
    [
        [
            b"POST /recorta/x HTTP/1.1",
            b"Host: x",
            b"Content-Length: 4",
            b"Transfer-Encoding: chunked",
            b"",
            b"0",
            b"",
        ],
        [b"POST /recorta/x HTTP/1.1", b"Host: x", b"Content-Length: 4", b"Content-Length: 5", b"", b"hola"],
        [b"GET /recorta/x HTTP/1.1", b"Host: x", b"Host: y", b"", b""],
        [b"GET /recorta/x HTTP/1.1", b"", b""],
        [b"GET /recorta/x HTTP/1.1", b"Host: x", b"Mal Nombre: 1", b"", b""],
    ],
)
def test_what_is_ambiguous_is_refused(kong: Kong, lines: list[bytes]) -> None:
    with socket.create_connection(kong.address, 10) as raw:
        raw.sendall(b"\r\n".join(lines) + b"\r\n")
        assert raw.recv(1024).split(b"\r\n")[0].startswith(b"HTTP/1.1 400 ")
