"""Apuntarse en Consul y preguntarle: qué se le manda, y qué pasa cuando no está o lo ha olvidado todo."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from scenarios.kit import discovery
from scenarios.kit.discovery import Directory, Instance, Registration
from scenarios.kit.errors import Unavailable
from tests.support.avatars import eventually
from tests.support.running import free_port


class Consul:
    """Lo justo de Consul: apunta, olvida y contesta lo que se le diga."""

    def __init__(self, port: int = 0) -> None:
        self.services: dict[str, Any] = {}
        self.healthy: list[dict[str, Any]] = []
        self.asked: list[str] = []
        consul = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                consul.asked.append(self.path)
                self._reply(consul.services if "agent" in self.path else consul.healthy)

            def do_PUT(self) -> None:
                consul.asked.append(self.path)
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                if self.path.startswith("/v1/agent/service/register"):
                    definition = json.loads(body)
                    consul.services[definition["ID"]] = definition
                else:
                    consul.services.pop(self.path.split("?")[0].rpartition("/")[2], None)
                self._reply(None)

            def _reply(self, document: Any) -> None:
                payload = json.dumps(document).encode() if document is not None else b""
                self.send_response(200)
                self.send_header("X-Consul-Index", "7")
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, format: str, *args: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def consul(monkeypatch: pytest.MonkeyPatch) -> Iterator[Consul]:
    monkeypatch.setattr(discovery, "NOTICED_S", 0.05)
    one = Consul()
    yield one
    one.close()


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch, consul: Consul) -> pytest.MonkeyPatch:
    for name in ("ADVERTISE_ADDRESS", "CHECK_URL", "METRICS_ADDRESS", "SERVICE_ID", "CHECK_INTERVAL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CONSUL_HTTP_ADDR", consul.address)
    monkeypatch.setenv("PORT", "7999")
    return monkeypatch


def _registration(name: str = "tienda") -> Registration:
    found = Registration.from_env(name)
    assert found is not None
    return found


def test_it_signs_up_saying_how_each_one_sees_it(env: pytest.MonkeyPatch, consul: Consul) -> None:
    env.setenv("SERVICE_ID", "tienda-2")
    env.setenv("ADVERTISE_ADDRESS", "127.0.0.1:7000")
    env.setenv("CHECK_URL", "http://host.docker.internal:37000/ready")
    env.setenv("METRICS_ADDRESS", "host.docker.internal:37000")
    with _registration().running():
        written = eventually(lambda: consul.services.get("tienda-2"))
    assert (written["Name"], written["Address"], written["Port"]) == ("tienda", "127.0.0.1", 7000)
    assert written["Check"]["HTTP"] == "http://host.docker.internal:37000/ready"
    assert (written["Meta"]["metrics_address"], written["Tags"]) == ("host.docker.internal:37000", ["metricas"])
    assert consul.services == {}


def test_by_itself_it_knows_where_it_listens(env: pytest.MonkeyPatch, consul: Consul) -> None:
    with _registration().running():
        written = eventually(lambda: consul.services.get("tienda"))
    assert (written["Address"], written["Port"]) == ("127.0.0.1", 7999)
    assert written["Check"]["HTTP"] == "http://127.0.0.1:7999/ready"


def test_without_consul_in_the_settings_there_is_nothing_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONSUL_HTTP_ADDR", raising=False)
    assert Registration.from_env("tienda") is None


def test_it_signs_up_when_consul_arrives_and_again_when_it_forgets(env: pytest.MonkeyPatch) -> None:
    env.setattr(discovery, "RETRY_FIRST_S", 0.02)
    port = free_port()
    env.setenv("CONSUL_HTTP_ADDR", f"127.0.0.1:{port}")
    with _registration().running():
        late = Consul(port)
        try:
            eventually(lambda: "tienda" in late.services)
            late.services.clear()
            eventually(lambda: "tienda" in late.services)
        finally:
            late.close()


def test_leaving_what_was_never_reached_takes_no_time(env: pytest.MonkeyPatch) -> None:
    env.setenv("CONSUL_HTTP_ADDR", f"127.0.0.1:{free_port()}")
    one = _registration()
    one.start()
    one.leave()
    one.leave()


def _entry(name: str, address: str, port: int) -> dict[str, Any]:
    return {"Node": {"Address": "10.0.0.1"}, "Service": {"ID": name, "Address": address, "Port": port}}


def test_only_the_healthy_ones_are_asked_for(consul: Consul) -> None:
    consul.healthy = [_entry("a", "127.0.0.1", 1), _entry("b", "", 2)]
    found = Directory(consul.address).healthy("tienda")
    assert found == [Instance("a", "127.0.0.1", 1), Instance("b", "10.0.0.1", 2)]
    assert [one.url for one in found] == ["http://127.0.0.1:1", "http://10.0.0.1:2"]
    assert consul.asked == ["/v1/health/service/tienda?passing=1"]


def test_an_old_answer_is_worth_a_while_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Consul()
    one.healthy = [_entry("a", "127.0.0.1", 1)]
    directory = Directory(one.address)
    found = directory.healthy("tienda")
    one.close()
    assert directory.healthy("tienda") == found
    with pytest.raises(Unavailable, match="Consul"):
        directory.healthy("otra")
    monkeypatch.setattr(discovery, "STALE_S", -1.0)
    with pytest.raises(Unavailable, match="Consul"):
        directory.healthy("tienda")
