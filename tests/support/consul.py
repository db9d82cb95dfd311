"""Ayudas para hablar con Consul en las pruebas: `python-consul`, y `requests` para lo que él no sabe pedir."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import urlsplit

import consul
import requests

T = TypeVar("T")
PATIENCE_S = 10.0


def eventually(ask: Callable[[], T], *, until: Callable[[T], bool] = bool, patience_s: float = PATIENCE_S) -> T:
    """Repite `ask` hasta que su respuesta cumpla `until`; si no llega a tiempo falla con la última respuesta."""
    deadline = time.monotonic() + patience_s
    while True:
        answer = ask()
        if until(answer):
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"tras {patience_s} s la respuesta sigue siendo {answer!r}")
        time.sleep(0.01)


def unique(prefix: str) -> str:
    """Un nombre que no usa nadie más: las pruebas comparten un mismo Consul."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


class Lab:
    """Un Consul en marcha en `url`, con los clientes que usan las pruebas."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._clients: list[consul.Consul] = []
        self._session = requests.Session()
        self._watchers = ThreadPoolExecutor(8)
        self.client = self.another()

    def another(self) -> consul.Consul:
        """Otro cliente, con sus propias conexiones."""
        parts = urlsplit(self.url)
        client = consul.Consul(host=parts.hostname or "", port=parts.port or 0)
        self._clients.append(client)
        return client

    def close(self) -> None:
        self._watchers.shutdown(cancel_futures=True)
        self._session.close()
        for client in self._clients:
            client.http.session.close()

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """Una petición cualquiera a `/v1/…`."""
        return self._session.request(method, f"{self.url}/v1/{path}", timeout=20, **options)

    def get(self, path: str, **params: Any) -> requests.Response:
        return self.ask("GET", path, params=params)

    def put(self, path: str, body: Any = None, **params: Any) -> requests.Response:
        return self.ask("PUT", path, params=params, json=body)

    def watch(self, path: str, index: int, wait: str = "20s", **params: Any) -> Future[requests.Response]:
        """Una espera larga (*blocking query*) en otro hilo y por otra conexión."""
        params |= {"index": index, "wait": wait}
        return self._watchers.submit(requests.get, f"{self.url}/v1/{path}", params=params, timeout=30)

    def register(self, name: str, body: dict[str, Any] | None = None, **fields: Any) -> None:
        """Da de alta una instancia y espera a verla en el catálogo: el agente avisa al servidor sin prisa."""
        body = {"Name": name} | (body or {}) | fields
        answer = self.put("agent/service/register", body)
        assert answer.status_code == 200, answer.text
        wanted = body.get("ID", name)
        eventually(lambda: wanted in {one["ServiceID"] for one in self.get(f"catalog/service/{name}").json()})

    def check(self, check_id: str) -> dict[str, Any]:
        """Una comprobación, como la ve el agente."""
        found: dict[str, Any] = self.get("agent/checks").json()[check_id]
        return found

    def status(self, check_id: str) -> str:
        return str(self.check(check_id)["Status"])

    def healthy(self, name: str) -> set[str]:
        """Las instancias sanas de `name`, por su identificador."""
        _, found = self.client.health.service(name, passing=True)
        return {one["Service"]["ID"] for one in found}

    def session(self, **fields: Any) -> str:
        """Una sesión sin el TTL mínimo ni el `lock-delay` que impone `python-consul`."""
        answer = self.put("session/create", {"LockDelay": "0s"} | fields)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["ID"])


def index(answer: requests.Response) -> int:
    """El `X-Consul-Index` de una respuesta."""
    return int(answer.headers["X-Consul-Index"])


class Target:
    """Un programa vigilado: contesta en `/200`, `/429`, `/500`… con ese código, y en `/lento` tarda demasiado.

    Escucha en 127.0.0.1:`port`; `address` es cómo llega Consul a él.
    """

    def __init__(self, port: int, address: str) -> None:
        seen: list[dict[str, Any]] = []
        self.seen = seen
        released = self._released = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                seen.append(
                    {
                        "method": self.command,
                        "path": self.path,
                        "headers": dict(self.headers.items()),
                        "body": self.rfile.read(length),
                    }
                )
                if self.path == "/lento":
                    released.wait(10)
                code = int(self.path.strip("/")) if self.path.strip("/").isdigit() else 200
                self.send_response(code)
                if code == 302:
                    self.send_header("Location", "/200")
                self.send_header("Content-Length", "6")
                self.end_headers()
                self.wfile.write("¡ole!".encode())

            do_GET = do_POST = do_PUT = answer

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://{address}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Se muere: su puerto deja de escuchar."""
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def target(port: int, address: str) -> Iterator[Target]:
    """Un programa vigilado mientras dure el bloque."""
    one = Target(port, address)
    try:
        yield one
    finally:
        one.close()
