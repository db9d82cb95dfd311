"""Un Prometheus de mentira para probar a quien pregunta: contesta la forma de su API con datos que se le dan."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Labels = Mapping[str, str]


@dataclass
class FakePrometheus:
    """`answers` va de expresión exacta a sus series `(etiquetas, valor)`; lo que no está no tiene series.

    `refusals` son las expresiones que rechaza, con su mensaje. En `asked` queda cada petición.
    """

    url: str = ""
    answers: dict[str, Sequence[tuple[Labels, float]]] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)
    label_values: dict[str, list[str]] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, list[str]]]] = field(default_factory=list)

    def reply(self, method: str, path: str, params: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        """`(código, JSON)` de una petición."""
        self.asked.append((method, path, params))
        if path.startswith("/api/v1/label/"):
            return 200, {"status": "success", "data": self.label_values.get(path.split("/")[4], [])}
        expr = params.get("query", [""])[0]
        if expr in self.refusals:
            return 400, {"status": "error", "errorType": "bad_data", "error": self.refusals[expr]}
        series = self.answers.get(expr, [])
        if path == "/api/v1/query":
            at = float(params["time"][0])
            result = [{"metric": dict(labels), "value": [at, f"{value:g}"]} for labels, value in series]
            return 200, {"status": "success", "data": {"resultType": "vector", "result": result}}
        if path == "/api/v1/query_range":
            start, end, step = (float(params[name][0]) for name in ("start", "end", "step"))
            times = [start + index * step for index in range(int((end - start) / step) + 1)]
            result = [
                {"metric": dict(labels), "values": [[at, f"{value:g}"] for at in times]}
                for labels, value in series
            ]
            return 200, {"status": "success", "data": {"resultType": "matrix", "result": result}}
        return 404, {"status": "error", "errorType": "not_found", "error": "no está"}


@contextmanager
def fake_prometheus(**given: Any) -> Iterator[FakePrometheus]:
    """Lo pone a escuchar en un puerto libre mientras dura el bloque."""
    fake = FakePrometheus(**given)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            status, content = fake.reply(self.command, parts.path, parse_qs(parts.query) | parse_qs(body))
            payload = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = _answer

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join(2)
