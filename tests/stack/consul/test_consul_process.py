"""El suplente de Consul como proceso: sus páginas, a quién atiende, qué no cubre y cómo para."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import pytest
import requests

from tests.support.consul import eventually, index
from tests.support.processes import process_on
from tests.support.running import running


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running("consul", root=tmp_path_factory.mktemp("consul")) as env:
        yield env["CONSUL_HTTP_URL"]


def page(url: str, path: str, status: int = 200) -> str:
    answer = requests.get(f"{url}/ui/dc1/{path}", timeout=5)
    assert answer.status_code == status
    return answer.text


def put(url: str, path: str, **options: object) -> requests.Response:
    return requests.put(f"{url}/v1/{path}", timeout=5, **options)  # type: ignore[arg-type]


def test_the_pages_show_services_checks_keys_and_sessions(url: str) -> None:
    body = {"Name": "pagos", "Port": 7301, "Tags": ["v1"], "Check": {"TTL": "1m", "Name": "Latido"}}
    put(url, "agent/service/register", json=body)
    put(url, "agent/check/warn/service:pagos?note=<b>lento</b>")
    session = put(url, "session/create", json={"Name": "turno", "TTL": "1h"}).json()["ID"]
    put(url, f"kv/cerrojos/turno?acquire={session}", data="ñandú <i>".encode())

    services = page(url, "services")
    assert "pagos" in services
    assert "1\xa0avisa" in services
    detail = page(url, "services/pagos")
    assert "127.0.0.1:7301" in detail
    assert "Latido" in detail
    assert "&lt;b&gt;lento&lt;/b&gt;" in detail
    assert "cerrojos/" in page(url, "kv")
    assert "cerrojo puesto" in page(url, "kv/cerrojos/")
    assert "ñandú &lt;i&gt;" in page(url, "kv/cerrojos/turno")
    assert "turno" in page(url, "sessions")


def test_what_is_not_there_has_its_page_too(url: str) -> None:
    assert "No hay ninguna instancia" in page(url, "services/nadie", 404)
    assert "no existe" in page(url, "kv/nada", 404)
    assert "no hay ninguna clave" in page(url, "kv/nada/")
    assert requests.get(url, timeout=5).url.endswith("/ui/dc1/services")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "txn"),
        ("PUT", "catalog/register"),
        ("GET", "acl/tokens"),
        ("PUT", "event/fire/x"),
        ("GET", 'health/service/x?filter=Service.Port == "1"'),
        ("GET", "agent/service/x?hash=1"),
    ],
)
def test_what_is_not_covered_is_a_501_in_spanish(url: str, method: str, path: str) -> None:
    answer = requests.request(method, f"{url}/v1/{path}", timeout=5)
    assert answer.status_code == 501
    assert "El suplente de Consul" in answer.json()["error"]


def test_only_this_machine_is_served(url: str) -> None:
    assert requests.get(f"{url}/v1/kv/x", headers={"Host": "malo.example"}, timeout=5).status_code == 403
    foreign = {"Origin": "https://malo.example"}
    assert put(url, "kv/robada", data=b"x", headers=foreign).status_code == 403
    assert put(url, "agent/service/register", json={"Name": "x"}, headers=foreign).status_code == 403
    assert requests.get(f"{url}/v1/kv/robada", timeout=5).status_code == 404


def test_whoever_leaves_is_no_longer_waited_for(url: str) -> None:
    seen = index(requests.get(f"{url}/v1/kv/espera", timeout=5))
    with requests.Session() as session, pytest.raises(requests.Timeout):
        session.get(f"{url}/v1/kv/espera", params={"index": seen, "wait": "60s"}, timeout=0.1)
    eventually(lambda: "nadie espera" in page(url, "sessions"))


def test_it_stops_at_once_and_answers_those_who_wait(tmp_path: Path) -> None:
    with running("consul", root=tmp_path) as env, ThreadPoolExecutor(1) as pool:
        url = env["CONSUL_HTTP_URL"]
        process = process_on(env["CONSUL_HTTP_PORT"])
        answer = pool.submit(requests.get, f"{url}/v1/catalog/services?index=99999&wait=60s", timeout=10)
        eventually(lambda: "1\xa0petición espera" in page(url, "services"))
        begun = monotonic()
        process.send_signal(signal.SIGTERM)
        assert answer.result(2).status_code == 200
        assert process.wait(5) == 0
        assert monotonic() - begun < 2
