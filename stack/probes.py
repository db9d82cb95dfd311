"""Las sondas: preguntan a un servicio si está listo y saben decir qué preguntaron."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable, Mapping

from stack.addresses import Endpoint
from stack.model import HttpProbe, KafkaProbe, PostgresProbe, Probe, RedisProbe


def describe(probe: Probe, endpoints: Mapping[str, Endpoint]) -> str:
    """La pregunta, para una persona: «GET http://127.0.0.1:9090/-/ready → 200»."""
    endpoint = endpoints[probe.port]
    address = f"{endpoint.host}:{endpoint.number}"
    match probe:
        case HttpProbe(path=path, status=status):
            return f"GET http://{address}{path} → {status}"
        case RedisProbe():
            return f"PING a {address} → PONG"
        case KafkaProbe():
            return f"metadatos de Kafka en {address}"
        case PostgresProbe(database=database):
            return f"una conexión a {database} en {address}"


FIRST_PAUSE_S, LAST_PAUSE_S = 0.01, 0.1


def wait(
    probe: Probe,
    endpoints: Mapping[str, Endpoint],
    *,
    deadline: float,
    ended: Callable[[], str | None] = lambda: None,
    confirmed: Callable[[], bool] = lambda: True,
    cancelled: Callable[[], bool] = lambda: False,
) -> str | None:
    """Pregunta hasta que esté listo (`None`); si no llega a estarlo, por qué no, en una frase.

    `deadline` es un instante de `time.monotonic()`. Deja de esperar en cuanto `ended` dice cómo acabó el
    proceso, o `cancelled` es cierto. `confirmed` dice si quien contesta es quien se espera. Pregunta cada 10 ms al
    principio y cada 100 ms después: lo primero ahorra tiempo a quien arranca deprisa; lo segundo, procesador.
    """
    pause = FIRST_PAUSE_S
    while True:
        problem = check(probe, endpoints, max(0.05, min(1.0, deadline - time.monotonic())))
        if problem is None:
            if confirmed():
                return None
            problem = "en su puerto contesta otro programa"
        if (end := ended()) is not None:
            return end
        if cancelled():
            return "se dejó de esperar"
        if time.monotonic() + pause > deadline:
            return problem
        time.sleep(pause)
        pause = min(pause * 1.3, LAST_PAUSE_S)


def check(probe: Probe, endpoints: Mapping[str, Endpoint], timeout_s: float = 1.0) -> str | None:
    """Pregunta una vez: `None` si está listo; si no, por qué no, en una frase."""
    endpoint = endpoints[probe.port]
    try:
        match probe:
            case HttpProbe():
                return _http(probe, endpoint, timeout_s)
            case RedisProbe():
                return _redis(endpoint, timeout_s)
            case KafkaProbe():
                return _kafka(endpoint, timeout_s)
            case PostgresProbe():
                return _postgres(probe, endpoint, timeout_s)
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}"


def _http(probe: HttpProbe, endpoint: Endpoint, timeout_s: float) -> str | None:
    connection = http.client.HTTPConnection(endpoint.host, endpoint.number, timeout=timeout_s)
    try:
        connection.request("GET", probe.path)
        response = connection.getresponse()
        body = response.read(65536).decode("utf-8", "replace")
    finally:
        connection.close()
    if response.status != probe.status:
        return f"contestó {response.status} en lugar de {probe.status}"
    if probe.contains and probe.contains not in body:
        return f"contestó {response.status} sin «{probe.contains}»"
    return None


def _redis(endpoint: Endpoint, timeout_s: float) -> str | None:
    with socket.create_connection((endpoint.host, endpoint.number), timeout_s) as connection:
        connection.sendall(b"*1\r\n$4\r\nPING\r\n")
        answer = connection.recv(64)
    return None if answer == b"+PONG\r\n" else f"contestó {answer!r} en lugar de PONG"


def _kafka(endpoint: Endpoint, timeout_s: float) -> str | None:
    """Petición Metadata v1 sin topics (https://kafka.apache.org/protocol): 4 + 2+2+4+2 + 4 bytes."""
    request = b"\x00\x03\x00\x01" + b"\x00\x00\x00\x01" + b"\xff\xff" + b"\x00\x00\x00\x00"
    with socket.create_connection((endpoint.host, endpoint.number), timeout_s) as connection:
        connection.sendall(len(request).to_bytes(4, "big") + request)
        header = connection.recv(8)
    return None if header[4:8] == b"\x00\x00\x00\x01" else "no contestó a la petición de metadatos"


def _postgres(probe: PostgresProbe, endpoint: Endpoint, timeout_s: float) -> str | None:
    """Mensaje de arranque de la versión 3.0: https://www.postgresql.org/docs/current/protocol-message-formats.html

    A eso contesta `R` (cómo hay que identificarse) o `E` y, dentro, una frase tras la letra `M`. No se sigue: para
    saber que atiende basta, y la contraseña no tiene por qué estar aquí.
    """
    body = f"\0\3\0\0user\0{probe.user}\0database\0{probe.database}\0\0".encode()
    with socket.create_connection((endpoint.host, endpoint.number), timeout_s) as connection:
        connection.sendall((len(body) + 4).to_bytes(4, "big") + body)
        answer = connection.recv(4096)
    if answer[:1] == b"R":
        return None
    fields = answer[5:].split(b"\0") if answer[:1] == b"E" else []
    told = next((field[1:].decode("utf-8", "replace") for field in fields if field[:1] == b"M"), "")
    return f"contestó «{told}»" if told else f"contestó {answer[:20]!r} en lugar de pedir la contraseña"
