"""El contrato de Consul: comprobar si un servicio está sano.

Sigue https://developer.hashicorp.com/consul/docs/services/usage/checks y …/api-docs/agent/check.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic
from typing import Any

import consul
import pytest
import requests

from stack.ports import free_ports
from tests.support.consul import Lab, Target, eventually, index, target, unique
from tests.support.running import from_service, runtime


@pytest.fixture(scope="module")
def ports() -> list[int]:
    """Los puertos de los programas vigilados: se eligen antes de arrancar Consul, que en Docker ha de verlos."""
    return free_ports(4)


@pytest.fixture(scope="module")
def lab(started: Callable[..., dict[str, str]], ports: list[int]) -> Iterator[Lab]:
    env = started("consul", servers=ports)
    lab = Lab(env["CONSUL_HTTP_URL"])
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def watched(ports: list[int]) -> Iterator[Target]:
    with target(ports[0], from_service(ports[0])) as one:
        yield one


@dataclass
class Mortals:
    """Tres servicios que iban bien y cuyos programas acaban de morir: HTTP, HTTP con paciencia y TCP."""

    web: str
    web_address: str
    patient: str
    tcp: str
    tcp_address: str
    tcp_alive: dict[str, Any]
    watch: Future[requests.Response]
    history: Future[list[str]]


@pytest.fixture(scope="module", autouse=True)
def mortals(lab: Lab, ports: list[int]) -> Iterator[Mortals]:
    """Mueren al empezar el fichero, para que Consul se vaya enterando mientras corren las demás pruebas."""
    web, patient, tcp = unique("web"), unique("paciente"), unique("puerto")
    places = [from_service(port) for port in ports[1:]]
    with (
        target(ports[1], places[0]) as web_target,
        target(ports[2], places[1]) as patient_target,
        socket.create_server(("127.0.0.1", ports[3])),
    ):
        register = lab.client.agent.service.register
        register(web, check=consul.Check.http(f"{web_target.url}/200", "1s", timeout="500ms"))
        assert lab.status(f"service:{web}") == "critical"
        host, _, port = places[2].partition(":")
        register(tcp, check=consul.Check.tcp(host, int(port), "1s", timeout="300ms"))
        failures = {"FailuresBeforeWarning": 1, "FailuresBeforeCritical": 2}
        lab.register(patient, Check={"HTTP": f"{patient_target.url}/200", "Interval": "1s"} | failures)
        for one in (web, patient, tcp):
            eventually(lambda: lab.healthy(one) == {one})  # noqa: B023
        alive = lab.check(f"service:{tcp}")
        watch = lab.watch(f"health/service/{web}?passing", index(lab.get(f"health/service/{web}?passing")))
    with ThreadPoolExecutor(1) as pool:
        history = pool.submit(follow, lab, patient)
        yield Mortals(web, places[0], patient, tcp, places[2], alive, watch, history)


def follow(lab: Lab, name: str) -> list[str]:
    """Los estados por los que pasa la comprobación de `name` hasta ponerse en crítico, con esperas largas."""
    answer, history = lab.get(f"health/checks/{name}"), list[str]()
    while True:
        status = answer.json()[0]["Status"]
        if status not in history[-1:]:
            history.append(status)
        if status == "critical":
            return history
        answer = lab.watch(f"health/checks/{name}", index(answer)).result(20)


@pytest.fixture
def name() -> str:
    return unique("vigilado")


# --- HTTP: Consul llama


def test_http_check_follows_the_status_code(lab: Lab, watched: Target, name: str) -> None:
    """2xx pasa, 429 avisa, lo demás es crítico; `Output` cuenta lo que contestó."""
    expected = {"200": "passing", "204": "passing", "429": "warning", "500": "critical", "404": "critical"}
    lab.register(
        name,
        Checks=[
            {"CheckID": f"{name}-{code}", "HTTP": f"{watched.url}/{code}", "Interval": "1s"} for code in expected
        ],
    )
    for code, status in expected.items():
        check = eventually(lambda: lab.check(f"{name}-{code}"), until=lambda one: one["Output"])  # noqa: B023
        assert (code, check["Status"]) == (code, status)
        assert check["Output"].startswith(f"HTTP GET {watched.url}/{code}: {code} ")
    assert lab.check(f"{name}-200")["Output"].endswith(": 200 OK Output: ¡ole!")
    assert lab.check(f"{name}-429")["Output"].endswith(": 429 Too Many Requests Output: ¡ole!")
    assert (lab.check(f"{name}-200")["Type"], lab.check(f"{name}-200")["Interval"]) == ("http", "1s")


def test_http_check_that_takes_too_long_is_critical(lab: Lab, watched: Target, name: str) -> None:
    lab.register(name, Check={"HTTP": f"{watched.url}/lento", "Interval": "1s", "Timeout": "200ms"})
    check = eventually(lambda: lab.check(f"service:{name}"), until=lambda one: one["Output"])
    assert check["Status"] == "critical"
    assert check["Output"].startswith(f'Get "{watched.url}/lento": ')
    assert "Client.Timeout exceeded" in check["Output"]
    assert check["Timeout"] == "200ms"


def test_http_check_sends_method_headers_and_body(lab: Lab, watched: Target, name: str) -> None:
    path = f"/200?{name}"
    lab.register(
        name,
        Check={
            "HTTP": f"{watched.url}{path}",
            "Interval": "1s",
            "Method": "POST",
            "Header": {"X-Prueba": ["sí"], "Host": ["pagos.local"]},
            "Body": "¿estás bien?",
        },
    )
    call = eventually(lambda: next((one for one in watched.seen if one["path"] == path), None))
    assert call is not None
    headers = {key.lower(): value for key, value in call["headers"].items()}
    assert (call["method"], call["body"].decode()) == ("POST", "¿estás bien?")
    assert headers["x-prueba"].encode("latin-1").decode() == "sí"
    assert headers["host"] == "pagos.local"
    assert headers["user-agent"] == "Consul Health Check"


def test_http_check_follows_redirects_unless_told_not_to(lab: Lab, watched: Target, name: str) -> None:
    lab.register(
        name,
        Checks=[
            {"CheckID": f"{name}-sigue", "HTTP": f"{watched.url}/302", "Interval": "1s"},
            {"CheckID": f"{name}-no", "HTTP": f"{watched.url}/302", "Interval": "1s", "DisableRedirects": True},
        ],
    )
    eventually(lambda: lab.status(f"{name}-sigue") == "passing")
    check = eventually(lambda: lab.check(f"{name}-no"), until=lambda one: one["Output"])
    assert (check["Status"], ": 302 Found Output:" in check["Output"]) == ("critical", True)


# --- TTL: el servicio da señales de vida


def test_ttl_check_is_what_its_service_says(lab: Lab, name: str) -> None:
    check, mine = lab.client.agent.check, f"service:{name}"
    lab.client.agent.service.register(name, check=consul.Check.ttl("1m"))
    assert lab.status(mine) == "critical"
    for say, status in ((check.ttl_pass, "passing"), (check.ttl_warn, "warning"), (check.ttl_fail, "critical")):
        assert say(mine, notes=f"digo {status}")
        assert (lab.check(mine)["Status"], lab.check(mine)["Output"]) == (status, f"digo {status}")
        eventually(lambda: lab.client.health.checks(name)[1], until=lambda one: one[0]["Status"] == status)  # noqa: B023


def test_ttl_check_that_gets_no_news_expires(lab: Lab, name: str) -> None:
    mine = f"service:{name}"
    lab.register(name, Check={"TTL": "200ms"})
    begun = monotonic()
    lab.client.agent.check.ttl_pass(mine, notes="todo bien")
    eventually(lambda: lab.status(mine) == "critical")
    assert 0.2 <= monotonic() - begun < 3
    assert lab.check(mine)["Output"] == "TTL expired (last output before timeout follows): todo bien"
    # Y en cuanto vuelve a darlas, sana.
    lab.client.agent.check.ttl_pass(mine)
    assert (lab.status(mine), lab.check(mine)["Output"]) == ("passing", "")


def test_ttl_check_stays_alive_while_it_gets_news(lab: Lab, name: str) -> None:
    mine = f"service:{name}"
    lab.register(name, Check={"TTL": "400ms"})
    begun = monotonic()
    lab.client.agent.check.ttl_pass(mine)

    def still() -> float:
        assert lab.status(mine) == "passing"
        lab.client.agent.check.ttl_pass(mine)
        return monotonic() - begun

    eventually(still, until=lambda lived: lived > 0.6)


def test_ttl_check_that_never_had_news_expires_too(lab: Lab, name: str) -> None:
    lab.register(name, Check={"TTL": "100ms", "Status": "passing"})
    check = eventually(lambda: lab.check(f"service:{name}"), until=lambda one: one["Status"] == "critical")
    assert check["Output"] == "TTL expired"


def test_ttl_check_may_be_updated_with_a_body(lab: Lab, name: str) -> None:
    mine = f"service:{name}"
    lab.register(name, Check={"TTL": "1m"})
    assert lab.put(f"agent/check/update/{mine}", {"Status": "warning", "Output": "á" * 3000}).status_code == 200
    # 6000 bytes: se recorta a 4096, y se dice.
    assert lab.check(mine)["Output"] == "á" * 2048 + " ... (captured 4096 of 6000 bytes)"
    answer = lab.put(f"agent/check/update/{mine}", {"Status": "regular"})
    assert (answer.status_code, answer.text) == (400, "Invalid check status: 'regular'")


def test_ttl_only_a_ttl_check_takes_news(lab: Lab, watched: Target, name: str) -> None:
    lab.register(name, Check={"HTTP": f"{watched.url}/200", "Interval": "1m"})
    answer = lab.put(f"agent/check/pass/service:{name}")
    assert (answer.status_code, answer.text) == (
        500,
        f'CheckID "service:{name}" does not have associated TTL',
    )
    answer = lab.put("agent/check/pass/nadie")
    assert (answer.status_code, answer.text) == (
        404,
        'Unknown check ID "nadie". Ensure that the check ID is passed, not the check name.',
    )


def test_ttl_news_that_change_nothing_do_not_wake_anyone(lab: Lab, name: str) -> None:
    """Un `Output` nuevo con el mismo estado se ve en el agente; al catálogo llega minutos después."""
    mine = f"service:{name}"
    lab.register(name, Check={"TTL": "1m"})
    lab.client.agent.check.ttl_pass(mine, notes="uno")
    eventually(lambda: lab.healthy(name))
    before = lab.get(f"health/service/{name}")
    lab.client.agent.check.ttl_pass(mine, notes="dos")
    assert lab.check(mine)["Output"] == "dos"
    after = lab.get(f"health/service/{name}", index=index(before), wait="100ms")
    assert (index(after), after.json()) == (index(before), before.json())


# --- Dar de alta y de baja comprobaciones sueltas


def test_check_may_be_added_to_a_service_and_removed(lab: Lab, name: str) -> None:
    lab.register(name, Tags=["t"])
    extra = unique("extra")
    assert lab.client.agent.check.register(
        "De más", check=consul.Check.ttl("1m"), check_id=extra, notes="aparte", service_id=name
    )
    check = lab.check(extra)
    assert (check["Name"], check["Notes"], check["ServiceName"], check["ServiceTags"]) == (
        "De más",
        "aparte",
        name,
        ["t"],
    )
    eventually(lambda: lab.healthy(name) == set())
    assert lab.client.agent.check.deregister(extra)
    eventually(lambda: lab.healthy(name) == {name})
    assert extra not in lab.client.agent.checks()


def test_check_of_the_node_counts_for_all_its_services(lab: Lab, name: str) -> None:
    lab.register(name)
    disk = unique("disco")
    lab.put("agent/check/register", {"Name": disk, "TTL": "1m", "Status": "passing"})
    assert lab.check(disk)["CheckID"] == disk
    eventually(lambda: disk in {one["CheckID"] for one in lab.client.health.service(name)[1][0]["Checks"]})
    assert lab.healthy(name) == {name}
    lab.client.agent.check.ttl_fail(disk)
    eventually(lambda: lab.healthy(name) == set())
    lab.client.agent.check.deregister(disk)
    eventually(lambda: lab.healthy(name) == {name})


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"TTL": "1m"}, 400, "Missing check name"),
        ({"Name": "x", "TTL": "1m", "Status": "regular"}, 400, "Bad check status"),
        ({"Name": "x"}, 400, "Invalid check: TTL must be > 0 for TTL checks"),
        ({"Name": "x", "TTL": "1m", "ServiceID": "nadie"}, 404, 'ServiceID "nadie" does not exist'),
        (
            {"Name": "x", "Args": ["true"], "Interval": "1s"},
            500,
            "Scripts are disabled on this agent from remote calls; "
            "to enable, configure 'enable_script_checks' to true",
        ),
    ],
)
def test_check_that_makes_no_sense_is_refused(lab: Lab, body: dict[str, Any], status: int, text: str) -> None:
    answer = lab.put("agent/check/register", body)
    assert (answer.status_code, answer.text) == (status, text)


def test_check_removing_what_is_not_there_is_a_404(lab: Lab) -> None:
    answer = lab.put("agent/check/deregister/nadie")
    assert answer.status_code == 404


def test_check_registered_again_keeps_its_state(lab: Lab, name: str) -> None:
    body = {"Check": {"TTL": "1m"}, "Port": 1}
    lab.register(name, body)
    lab.client.agent.check.ttl_pass(f"service:{name}", notes="sigo bien")
    lab.register(name, body | {"Port": 2})
    check = lab.check(f"service:{name}")
    assert (check["Status"], check["Output"]) == ("passing", "sigo bien")


def test_check_in_the_catalog_has_the_tags_its_service_had_when_its_agent_last_told(lab: Lab, name: str) -> None:
    """El agente solo cuenta lo que ha cambiado desde lo que él tenía, sin mirar qué hay en el catálogo."""

    def tags() -> list[str]:
        (check,) = lab.get(f"health/checks/{name}").json()
        return list(check["ServiceTags"])

    body = {"Check": {"TTL": "1m"}}
    lab.register(name, body, Tags=["a"])
    lab.register(name, Tags=["b"])
    assert tags() == ["a"]
    lab.client.agent.check.ttl_pass(f"service:{name}")
    eventually(tags, until=lambda now: now == ["b"])
    assert lab.check(f"service:{name}")["ServiceTags"] == ["a"]
    lab.register(name, body, Tags=["a"])
    assert lab.client.catalog.service(name)[1][0]["ServiceTags"] == ["a"]
    assert tags() == ["b"]
    lab.client.agent.check.ttl_warn(f"service:{name}")
    eventually(tags, until=lambda now: now == ["a"])


def test_check_left_out_of_a_new_registration_stays_unless_replaced(lab: Lab, name: str) -> None:
    check = {"CheckID": f"{name}-c", "TTL": "1m"}
    lab.register(name, Check=check)
    lab.register(name)
    assert f"{name}-c" in lab.client.agent.checks()
    assert lab.put("agent/service/register?replace-existing-checks=true", {"Name": name}).status_code == 200
    assert f"{name}-c" not in lab.client.agent.checks()


# --- Lo que se muere


def test_http_check_may_need_several_failures(mortals: Mortals) -> None:
    """Con uno avisa y con dos es crítico."""
    assert mortals.history.result(10) == ["passing", "warning", "critical"]


def test_http_check_turns_critical_when_its_target_dies(lab: Lab, mortals: Mortals) -> None:
    """Nadie le ha dicho nada a Consul: se entera él, y avisa a quien espera."""
    assert mortals.watch.result(5).json() == []
    check = lab.check(f"service:{mortals.web}")
    assert check["Status"] == "critical"
    assert check["Output"].startswith(f'Get "http://{mortals.web_address}/200": ')
    if runtime() != "docker":  # por el puente de los contenedores la conexión se abre y se corta
        assert check["Output"].endswith(f"dial tcp {mortals.web_address}: connect: connection refused")


def test_tcp_check_passes_while_someone_listens(lab: Lab, mortals: Mortals) -> None:
    assert mortals.tcp_alive["Output"] == f"TCP connect {mortals.tcp_address}: Success"
    assert mortals.tcp_alive["Type"] == "tcp"
    if runtime() == "docker":
        pytest.skip("en Docker lo de esta máquina se ve a través de un puente, que siempre acepta la conexión")
    check = eventually(lambda: lab.check(f"service:{mortals.tcp}"), until=lambda one: one["Status"] == "critical")
    assert check["Output"] == f"dial tcp {mortals.tcp_address}: connect: connection refused"
