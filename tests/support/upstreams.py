"""Servicios de mentira para probar un proxy: uno que cuenta lo que recibió, uno con WebSocket y un recolector."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Sin registro."""

    def body(self) -> bytes:
        """El cuerpo, venga con su longitud o a trozos."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)


class Echo(_Quiet):
    """Contesta un JSON con lo que recibió. Algunos caminos hacen cosas especiales; todos acaban en esa palabra."""

    def _answer(self) -> None:
        body = self.body()
        path = self.path.partition("?")[0]
        if path.endswith("/lento"):
            time.sleep(1.0)
        if path.endswith("/corta"):
            self.connection.shutdown(socket.SHUT_RDWR)
            return None
        if path.endswith("/trozos"):
            return self._chunks()
        content = json.dumps(
            {
                "method": self.command,
                "path": self.path,
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "size": len(body),
                "sha256": hashlib.sha256(body).hexdigest(),
                "framing": [name for name in ("Content-Length", "Transfer-Encoding") if name in self.headers],
            }
        ).encode()
        self.send_response(418 if path.endswith("/tetera") else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Del-Servicio", "sí".encode().decode("latin-1"))
        self.send_header("Connection", "keep-alive, X-Salto")
        self.send_header("X-Salto", "no debe pasar")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        return None

    def _chunks(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(100):
            piece = f"trozo {number};".encode()
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_HEAD = _answer


@dataclass
class Collector:
    """Un recolector de OTLP/HTTP que guarda los spans que le llegan."""

    url: str = ""
    spans: list[dict[str, Any]] = field(default_factory=list)

    def wait_for(self, trace_id: str, name: str, timeout_s: float = 5.0) -> list[dict[str, Any]]:
        """Los spans de `trace_id`, en cuanto haya llegado el que se llama `name`."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            found = [span for span in self.spans if span["trace_id"] == trace_id]
            if any(span["name"] == name for span in found):
                return found
            time.sleep(0.01)
        raise AssertionError(f"no llegó {name} de la traza {trace_id}: {self.spans}")

    def take(self, body: bytes) -> None:
        """Apunta los spans de una exportación."""
        message = ExportTraceServiceRequest.FromString(body)
        for resource in message.resource_spans:
            attributes = _plain(resource.resource.attributes)
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.spans.append(
                        {
                            "name": span.name,
                            "trace_id": span.trace_id.hex(),
                            "span_id": span.span_id.hex(),
                            "parent_id": span.parent_span_id.hex(),
                            "kind": span.kind,
                            "status": span.status.code,
                            "start_ns": span.start_time_unix_nano,
                            "end_ns": span.end_time_unix_nano,
                            "attributes": _plain(span.attributes),
                            "resource": attributes,
                        }
                    )


def _plain(attributes: Any) -> dict[str, Any]:
    return {item.key: getattr(item.value, item.value.WhichOneof("value") or "string_value") for item in attributes}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Que quien llama cuelgue a medias es parte de lo que se prueba."""


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """Sirve con `handler` en un puerto libre de 127.0.0.1; entrega cuál."""
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def collecting() -> Iterator[Collector]:
    """Un recolector en marcha."""
    collector = Collector()

    class Handler(_Quiet):
        def do_POST(self) -> None:
            collector.take(self.body())
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with serving(Handler) as collector.port:
        yield collector
