"""Preguntar a un motor quién es, a mano y con plazo: dos peticiones HTTP por la misma conexión."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from stack.containers.found import Reason, Tls

_LIMIT = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """Lo que dijo un motor. `min_api_version` y `version` están vacías si no llegó a decirlas."""

    api_version: str
    os_type: str
    version: str
    min_api_version: str = ""


class NotDockerError(ValueError):
    """Quien escucha ahí no es un motor de Docker."""


def ask(url: str, tls: Tls | None, deadline: float) -> Answer:
    """Le pregunta antes de `deadline` (de `time.monotonic`).

    Raises:
        OSError: no hay nadie, no deja entrar o no contesta a tiempo.
        NotDockerError: contesta otro programa.
    """
    with contextlib.closing(_connect(url, tls, deadline)) as connection:
        status, headers, _ = _get(connection, "/_ping", deadline)
        if status != 200 or "api-version" not in headers:
            raise NotDockerError(f"{url} contesta, pero no como Docker")
        version = re.search(r"[\d.]+", headers.get("server", ""))
        answer = Answer(headers["api-version"], headers.get("ostype", "linux"), version.group() if version else "")
        try:
            _, _, body = _get(connection, "/version", deadline)
            document = json.loads(body)
        except (OSError, ValueError):
            # Ya se sabe lo principal: que está. La versión mínima se podrá ver en el primer error.
            return answer
    minimum = document.get("MinAPIVersion") if isinstance(document, dict) else None
    return Answer(answer.api_version, answer.os_type, answer.version, str(minimum or ""))


def reason_of(error: OSError | ValueError) -> Reason:
    """Por qué no ha servido un sitio."""
    match error:
        case FileNotFoundError() | NotADirectoryError():
            return "missing"
        case PermissionError():
            return "denied"
        case ConnectionRefusedError():
            return "refused"
        # A un socket con la cola llena no se puede ni llamar: quien escucha está ahí y no atiende.
        case TimeoutError() | BlockingIOError():
            return "timeout"
    return "strange"


def _connect(url: str, tls: Tls | None, deadline: float) -> socket.socket:
    where = urlsplit(url)
    if where.scheme == "unix":
        plain = socket.socket(socket.AF_UNIX)
        target: object = where.path
    else:
        host = where.hostname or "127.0.0.1"
        plain = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        target = (host, where.port or (2376 if tls else 2375))
    try:
        plain.settimeout(_left(deadline))
        plain.connect(target)  # type: ignore[arg-type]
        return plain if tls is None or where.scheme == "unix" else _secured(plain, tls, where.hostname or "")
    except BaseException:
        plain.close()
        raise


def _secured(plain: socket.socket, tls: Tls, host: str) -> socket.socket:
    import ssl

    context = ssl.create_default_context()
    if tls.ca.is_file():
        context.load_verify_locations(tls.ca)
    if not tls.verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if tls.cert.is_file():
        context.load_cert_chain(tls.cert, tls.key)
    return context.wrap_socket(plain, server_hostname=host)


def _get(connection: socket.socket, path: str, deadline: float) -> tuple[int, Mapping[str, str], bytes]:
    """Una petición y su respuesta: código, cabeceras (en minúsculas) y cuerpo."""
    connection.settimeout(_left(deadline))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: docker\r\nUser-Agent: stacklab\r\n\r\n".encode())
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(connection, data, deadline)
    head, _, body = data.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    words = first.split()
    if len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].isdigit():
        raise NotDockerError("no contesta en HTTP")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    return int(words[1]), headers, _body(connection, headers, body, deadline)


def _body(connection: socket.socket, headers: Mapping[str, str], body: bytes, deadline: float) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while not body.endswith(b"0\r\n\r\n"):
            body += _more(connection, body, deadline)
        return _unchunked(body)
    length = headers.get("content-length", "0")
    while len(body) < (int(length) if length.isdigit() else 0):
        body += _more(connection, body, deadline)
    return body


def _unchunked(body: bytes) -> bytes:
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        count = int(size, 16)
        whole, body = whole + body[:count], body[count + 2 :]
        if not count:
            break
    return whole


def _more(connection: socket.socket, before: bytes, deadline: float) -> bytes:
    connection.settimeout(_left(deadline))
    piece = connection.recv(8192)
    if not piece or len(before) > _LIMIT:
        raise NotDockerError("cuelga a mitad de la respuesta")
    return piece


def _left(deadline: float) -> float:
    """Los segundos que quedan, que nunca son cero: para un socket, cero es «sin esperar nada»."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("se acabó el plazo")
    return left
