"""Un servicio con métricas que la prueba puede cambiar y romper mientras Prometheus lo lee."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.running import from_service

TEXT = "text/plain; version=0.0.4"


class Exporter:
    """`pages` va de ruta a texto. `content_type` vacío es no decir ninguno; `types`, el de una ruta concreta."""

    def __init__(self, pages: dict[str, str]) -> None:
        self.pages, self.status, self.content_type = pages, 200, TEXT
        self.types: dict[str, str] = {}
        self.asked: list[str] = []
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                exporter.asked.append(self.path)
                path = self.path.partition("?")[0]
                text, kind = exporter.pages.get(path), exporter.types.get(path, exporter.content_type)
                self.send_response(404 if text is None else exporter.status)
                if kind:
                    self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write((text or "").encode())

            def log_message(self, format: str, *args: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.address = from_service(self.port)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Deja de contestar."""
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def exporter(**pages: str) -> Iterator[Exporter]:
    """Uno en marcha mientras dura el bloque; `metrics="…"` es lo que hay en `/metrics`."""
    one = Exporter({f"/{name}": text for name, text in pages.items()})
    try:
        yield one
    finally:
        one.close()
