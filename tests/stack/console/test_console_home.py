"""La portada y el proceso de la consola."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
import requests

from stack.console.app import console
from tests.support.asgi import get
from tests.support.processes import kill, process_on
from tests.support.running import free_port, running


def test_everything_running(tmp_path: Path) -> None:
    with running("kafka", "redis", "minio", "database", "console", root=tmp_path) as env:
        address = env["CONSOLE_HTTP_URL"]
        assert requests.get(f"{address}/salud", timeout=5).json() == {"status": "ok"}
        page = requests.get(address, timeout=10).text
        assert page.count("en marcha") == 4
        assert re.findall(r'<h2><a href="(.*?)">', page) == ["/kafka", "/redis", "/minio", "/database"]
        assert all(f"stacklab env {name}" in page for name in ("kafka", "redis", "minio", "database"))
        for path in re.findall(r'href="(/[^"]*)"', page):
            assert requests.get(f"{address}{path}", timeout=10).status_code == 200, path
        assert requests.get(address, headers={"Host": "malo.ejemplo"}, timeout=5).status_code == 403
        for name in ("MINIO_ACCESS_KEY", "MINIO_SECRET_KEY", "DATABASE_PASSWORD"):
            assert env[name] not in page
        kill(process_on(env["MINIO_API_PORT"]))


def test_everything_stopped_is_still_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"127.0.0.1:{free_port()}")
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    monkeypatch.setenv("MINIO_ENDPOINT", f"127.0.0.1:{free_port()}")
    monkeypatch.setenv("MINIO_ACCESS_KEY", "a")
    monkeypatch.setenv("MINIO_SECRET_KEY", "b")
    monkeypatch.setenv("DATABASE_URL", f"postgresql+psycopg://stacklab:x@127.0.0.1:{free_port()}/escuela")
    before = time.monotonic()
    page = get(console(), "/")
    assert page.status == 200
    assert page.text.count("no contesta") == 4
    assert re.findall(r"stacklab up (\w+)", page.text) == ["kafka", "redis", "minio", "database"]
    assert time.monotonic() - before < 5
