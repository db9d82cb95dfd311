"""La Admin API, la Status API y las métricas de Kong 3.9. Las dé quien las dé."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from tests.support.kong import Kong, kong_lab


@pytest.fixture(scope="module")
def kong(started: Callable[..., dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kong]:
    with kong_lab(started, tmp_path_factory.mktemp("kong")) as lab:
        yield lab


def test_the_admin_api_reads(kong: Kong) -> None:
    def read(path: str) -> Any:
        answer = requests.get(kong.admin + path, timeout=10)
        assert answer.status_code == 200, path
        return answer.json()

    assert read("/")["version"].startswith("3.9")
    assert "server" in read("/status")
    services = {service["name"]: service for service in read("/services")["data"]}
    echo = read("/services/eco")
    assert echo == services["eco"] == read(f"/services/{echo['id']}")
    assert (echo["protocol"], echo["retries"], echo["tags"]) == ("http", 0, ["pruebas"])
    routes = read("/services/eco/routes")
    assert routes["next"] is None
    assert {route["service"]["id"] for route in routes["data"]} == {echo["id"]}
    assert read("/routes/jwt/plugins")["data"][0]["config"]["key_claim_name"] == "iss"
    assert {plugin["name"] for plugin in read("/plugins")["data"]} >= {"jwt", "cors", "prometheus"}
    assert read("/consumers/ana")["custom_id"] == "a-1"
    assert {row["key"] for row in read("/consumers/ana/jwt")["data"]} >= {"ana-256", "ana-rsa"}
    assert read("/consumers/ana/acls")["data"][0]["group"] == "admins"
    assert read("/upstreams") == {"data": [], "next": None}
    page = read("/routes?size=5")
    following = read(page["next"])
    assert len(page["data"]) == 5
    assert not {r["id"] for r in page["data"]} & {r["id"] for r in following["data"]}


def test_the_admin_api_says_what_is_missing_and_what_cannot_be_done(kong: Kong) -> None:
    missing = requests.get(f"{kong.admin}/services/no-hay", timeout=10)
    assert (missing.status_code, missing.json()) == (404, {"message": "Not found"})
    refused = requests.post(f"{kong.admin}/services", json={"name": "x", "url": "http://x"}, timeout=10)
    assert refused.status_code == 405
    assert refused.json()["message"] == "cannot create 'services' entities when not using a database"
    gone = requests.delete(f"{kong.admin}/services/eco", timeout=10)
    assert (gone.status_code, gone.json()["code"]) == (405, 12)


def test_the_configuration_is_loaded_again(kong: Kong) -> None:
    bad = kong.document | {"servicios": []}
    refused = requests.post(f"{kong.admin}/config", json=bad, timeout=10)
    assert refused.status_code == 400
    assert refused.json()["fields"] == {"servicios": "unknown field"}
    new = kong.document | {"routes": [{"name": "nueva", "service": "eco", "paths": ["/nueva"]}]}
    assert kong.get("/nueva").status_code == 404
    try:
        assert requests.post(f"{kong.admin}/config", json=new, timeout=10).status_code == 201
        deadline = time.monotonic() + 5
        while (answer := kong.get("/nueva")).status_code == 404 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert answer.status_code == 200
    finally:
        requests.post(f"{kong.admin}/config", json=kong.document, timeout=10)


def test_it_is_ready(kong: Kong) -> None:
    ready = requests.get(f"{kong.status}/status/ready", timeout=10)
    assert (ready.status_code, ready.json()) == (200, {"message": "ready"})


def test_metrics(kong: Kong) -> None:
    before = kong.requests_by_route().get("entera", 0.0)
    kong.get("/entera/x")
    kong.get("/entera/x")
    deadline = time.monotonic() + 5
    while (after := kong.requests_by_route().get("entera", 0.0)) < before + 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert after == before + 2
    families = kong.samples()
    labels = {"service": "eco", "route": "entera", "code": "200", "source": "service", "workspace": "default"}
    requests_total = [s for s in families["kong_http_requests"] if s.labels.items() >= labels.items()]
    assert len(requests_total) == 1
    names = {sample.name for samples in families.values() for sample in samples}
    assert names >= {
        "kong_kong_latency_ms_bucket",
        "kong_upstream_latency_ms_count",
        "kong_request_latency_ms_sum",
        "kong_nginx_connections_total",
        "kong_node_info",
        "kong_datastore_reachable",
    }
    # La biblioteca de Prometheus pone `_total` a todo contador; Kong, en este, no lo pone.
    assert "\nkong_bandwidth_bytes{" in requests.get(f"{kong.status}/metrics", timeout=10).text
    directions = {s.labels["direction"] for s in families["kong_bandwidth_bytes"]}
    assert directions == {"ingress", "egress"}
