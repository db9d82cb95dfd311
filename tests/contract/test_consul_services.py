"""El contrato de Consul: dar de alta servicios y encontrarlos.

Sigue https://developer.hashicorp.com/consul/api-docs/agent/service, …/catalog y …/health.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from time import monotonic
from typing import Any

import consul
import pytest
import requests

from tests.support.consul import Lab, eventually, index, unique

STILL_S = 0.06
"""Cuánto se mira que algo no pasa."""


@pytest.fixture(scope="module")
def lab(started: Callable[..., dict[str, str]]) -> Iterator[Lab]:
    env = started("consul")
    lab = Lab(env["CONSUL_HTTP_URL"])
    yield lab
    lab.close()


@pytest.fixture
def name() -> str:
    return unique("pagos")


def blocked(watch: Future[requests.Response]) -> bool:
    """Si la espera larga sigue sin contestar un rato después."""
    try:
        watch.result(STILL_S)
    except NotYet:
        return True
    return False


def passing(seconds: str = "1m") -> dict[str, str]:
    """Una comprobación sana desde el principio, que nadie tiene que ir a mirar."""
    return {"TTL": seconds, "Status": "passing"}


# --- Dar de alta


def test_register_with_the_client_is_seen_by_agent_and_catalog(lab: Lab, name: str) -> None:
    client = lab.client
    assert client.agent.service.register(
        name, service_id=f"{name}-1", address="10.0.0.7", port=8081, tags=["v1", "primario"]
    )
    service = client.agent.services()[f"{name}-1"]
    assert {field: service[field] for field in ("ID", "Service", "Address", "Port", "Tags", "Meta")} == {
        "ID": f"{name}-1",
        "Service": name,
        "Address": "10.0.0.7",
        "Port": 8081,
        "Tags": ["v1", "primario"],
        "Meta": {},
    }
    assert service["Weights"] == {"Passing": 1, "Warning": 1}
    (entry,) = eventually(lambda: client.catalog.service(name)[1])
    assert (entry["Node"], entry["Address"], entry["Datacenter"]) == ("lab", "127.0.0.1", "dc1")
    assert (entry["ServiceID"], entry["ServiceAddress"], entry["ServicePort"]) == (f"{name}-1", "10.0.0.7", 8081)
    assert entry["ServiceTags"] == ["v1", "primario"]
    assert entry["CreateIndex"] == entry["ModifyIndex"]


def test_register_without_id_uses_the_name(lab: Lab, name: str) -> None:
    lab.register(name)
    service = lab.client.agent.services()[name]
    assert (service["ID"], service["Address"], service["Port"], service["Tags"]) == (name, "", 0, [])


def test_register_with_metadata_and_weights(lab: Lab, name: str) -> None:
    lab.register(name, Meta={"version": "1.2", "zona": "norte"}, Weights={"Passing": 5, "Warning": 2}, Port=80)
    (entry,) = lab.client.catalog.service(name)[1]
    assert entry["ServiceMeta"] == {"version": "1.2", "zona": "norte"}
    assert entry["ServiceWeights"] == {"Passing": 5, "Warning": 2}


def test_register_fields_may_be_written_in_any_case(lab: Lab, name: str) -> None:
    body = {"name": name, "id": f"{name}-x", "port": 1, "TAGS": ["t"], "enable_tag_override": True}
    assert lab.put("agent/service/register", body).status_code == 200
    service = lab.client.agent.services()[f"{name}-x"]
    assert (service["Port"], service["Tags"], service["EnableTagOverride"]) == (1, ["t"], True)


def test_register_an_ip_is_also_given_by_its_family(lab: Lab, name: str) -> None:
    lab.register(name, Address="10.0.0.9", Port=99)
    expected = {"Address": "10.0.0.9", "Port": 99}
    assert lab.client.agent.services()[name]["TaggedAddresses"] == {"lan_ipv4": expected, "wan_ipv4": expected}
    other = unique("con-nombre")
    lab.register(other, Address="pagos.local", Port=99)
    assert "TaggedAddresses" not in lab.client.agent.services()[other]


def test_register_again_replaces_what_was_there(lab: Lab, name: str) -> None:
    lab.register(name, Port=1, Tags=["viejo"], Meta={"a": "1"})
    (before,) = lab.client.catalog.service(name)[1]
    lab.register(name, Port=2)
    (after,) = eventually(
        lambda: lab.client.catalog.service(name)[1], until=lambda found: found[0]["ServicePort"] == 2
    )
    assert (after["ServiceTags"], after["ServiceMeta"]) == ([], {})
    assert after["CreateIndex"] == before["CreateIndex"]
    assert after["ModifyIndex"] > before["ModifyIndex"]


def test_register_again_with_another_name_moves_it_and_none_dies(lab: Lab, name: str) -> None:
    def nobody() -> int:
        """El índice de lo que no existe: cuándo se fue el último de algún servicio."""
        return index(lab.get("catalog/service/nadie"))

    lab.register(f"{name}-breve")
    before = nobody()
    lab.put(f"agent/service/deregister/{name}-breve")
    gone = eventually(nobody, until=lambda now: now > before)
    lab.register(f"{name}-uno", ID=name)
    waiting = lab.watch(f"health/service/{name}-uno", index(lab.get(f"health/service/{name}-uno")))
    eventually(waiting.running)
    lab.register(f"{name}-dos", ID=name)
    assert waiting.result().json() == []
    found = [lab.get(f"health/service/{name}-{which}").json() for which in ("uno", "dos")]
    assert [[one["Service"]["ID"] for one in instances] for instances in found] == [[], [name]]
    assert nobody() == gone


def test_register_the_same_again_is_not_a_change(lab: Lab, name: str) -> None:
    body = {"Port": 1, "Tags": ["a"], "Check": passing()}
    lab.register(name, body)
    before = index(lab.get(f"health/service/{name}"))
    lab.register(name, body)
    watch = lab.watch(f"health/service/{name}", before)
    assert blocked(watch)
    lab.client.agent.service.deregister(name)
    watch.result(2)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"Port": 1}, "Missing service name"),
        ({"Name": "x", "Address": "0.0.0.0"}, "Invalid service address"),
        (
            {"Name": "x", "Meta": {"con espacio": "1"}},
            "Invalid Service Meta: Couldn't load metadata pair "
            "('con espacio', '1'): Key contains invalid characters",
        ),
        (
            {"Name": "x", "Weights": {"Passing": 0, "Warning": 1}},
            "Invalid Weights: Passing must be greater than 0",
        ),
        (
            {"Name": "x", "Check": {"TTL": "10s", "Status": "regular"}},
            "Status for checks must 'passing', 'warning', 'critical'",
        ),
        (
            {"Name": "x", "Check": {"HTTP": "http://127.0.0.1:1/"}},
            "Invalid check: Interval must be > 0 for Script, HTTP, H2PING, TCP, UDP or OSService checks",
        ),
        (
            {"Name": "x", "Check": {"TTL": "10s", "Interval": "1s"}},
            "Invalid check: Interval and TTL cannot both be specified",
        ),
        ({"Name": "x", "Check": {"Name": "sin tipo"}}, "Invalid check: TTL must be > 0 for TTL checks"),
        ({"Name": "x", "Check": {"TTL": "un rato"}}, 'Request decode failed: time: invalid duration "un rato"'),
        ({"Name": "x", "Inventado": 1}, 'Request decode failed: json: unknown field "Inventado"'),
        ({"Name": 5}, "Request decode failed: json: cannot unmarshal number into Go struct field "),
    ],
)
def test_register_what_makes_no_sense_is_a_400(lab: Lab, body: dict[str, Any], text: str) -> None:
    answer = lab.put("agent/service/register", body)
    assert answer.status_code == 400
    assert answer.text.startswith(text)


def test_register_what_is_not_json_is_a_400(lab: Lab) -> None:
    answer = lab.ask("PUT", "agent/service/register", data=b"{nada")
    assert answer.status_code == 400
    assert answer.text.startswith("Request decode failed: ")
    assert lab.ask("PUT", "agent/service/register").status_code == 400


def test_deregister_takes_it_out_with_its_checks(lab: Lab, name: str) -> None:
    lab.register(name, Check=passing())
    assert lab.client.agent.service.deregister(name)
    assert name not in lab.client.agent.services()
    assert f"service:{name}" not in lab.client.agent.checks()
    eventually(lambda: lab.client.catalog.service(name)[1] == [])
    assert lab.client.health.checks(name)[1] == []
    assert name not in lab.client.catalog.services()[1]


def test_deregister_what_is_not_there_is_a_404(lab: Lab, name: str) -> None:
    answer = lab.put(f"agent/service/deregister/{name}")
    assert answer.status_code == 404
    assert answer.text == (
        f'Unknown service ID "{name}". Ensure that the service ID is passed, not the service name.'
    )


def test_agent_knows_each_of_its_services(lab: Lab, name: str) -> None:
    lab.register(name, ID=f"{name}-1", Port=5)
    assert lab.get(f"agent/service/{name}-1").json()["Port"] == 5
    answer = lab.get(f"agent/service/{name}")
    assert (answer.status_code, answer.text) == (404, f"unknown service ID: {name}")


def test_agent_says_who_it_is(lab: Lab) -> None:
    me = lab.client.agent.self()
    assert (me["Config"]["NodeName"], me["Config"]["Datacenter"], me["Config"]["Server"]) == ("lab", "dc1", True)
    assert me["Member"]["Name"] == "lab"
    (member,) = lab.client.agent.members()
    assert (member["Name"], member["Status"], member["Tags"]["role"]) == ("lab", 1, "consul")


@pytest.mark.parametrize(("status", "code"), [("passing", 200), ("warning", 429), ("critical", 503)])
def test_agent_gives_the_health_of_a_service_as_an_http_status(
    lab: Lab, name: str, status: str, code: int
) -> None:
    lab.register(name, Checks=[passing(), {"TTL": "1m", "Status": status}])
    for path in (f"agent/health/service/id/{name}", f"agent/health/service/name/{name}"):
        assert (lab.get(path).status_code, lab.get(path, format="text").text) == (code, status)
    assert lab.get(f"agent/health/service/id/{name}").json()["AggregatedStatus"] == status
    assert lab.get("agent/health/service/id/nadie").status_code == 404
    assert lab.get("agent/health/service/name/nadie", format="text").text == "ServiceName nadie Not Found"


# --- Encontrar


def test_agent_health_gives_its_checks_with_few_fields(lab: Lab, name: str) -> None:
    lab.register(name, Check={"TTL": "1m", "Status": "passing"})
    found = lab.get(f"agent/health/service/id/{name}").json()
    (check,) = (one for one in found["Checks"] if one["CheckID"] == f"service:{name}")
    assert (check["Status"], check["ServiceTags"], check["Type"]) == ("passing", None, "")
    assert "Interval" not in check
    assert check["Definition"]["Interval"] == "0s"


def test_names_may_be_asked_for_in_any_case(lab: Lab, name: str) -> None:
    lab.register(name)
    before, loud = lab.get(f"health/service/{name}"), lab.get(f"health/service/{name.upper()}")
    assert [one["Service"]["ID"] for one in loud.json()] == [name]
    assert index(loud) == index(before)
    assert lab.get("session/node/LAB").json() == lab.get("session/node/lab").json()


def test_watch_on_health_says_it_comes_from_a_stream(lab: Lab, name: str) -> None:
    lab.register(name)
    first = lab.get(f"health/service/{name}")
    second = lab.get(f"health/service/{name}", index=index(first) - 1)
    assert [one.headers["X-Consul-Query-Backend"] for one in (first, second)] == ["blocking-query", "streaming"]


def test_catalog_lists_services_with_all_their_tags(lab: Lab, name: str) -> None:
    lab.register(name, ID=f"{name}-1", Tags=["b", "a"])
    lab.register(name, ID=f"{name}-2", Tags=["c", "a"])
    _, services = lab.client.catalog.services()
    assert sorted(services[name]) == ["a", "b", "c"]
    assert services["consul"] == []


def test_catalog_knows_its_node_and_datacenter(lab: Lab, name: str) -> None:
    client = lab.client
    assert client.catalog.datacenters() == ["dc1"]
    (node,) = client.catalog.nodes()[1]
    assert (node["Node"], node["Address"], node["Datacenter"]) == ("lab", "127.0.0.1", "dc1")
    lab.register(name, Port=7)
    _, found = client.catalog.node("lab")
    assert found["Node"]["ID"] == node["ID"]
    assert found["Services"][name]["Port"] == 7
    assert client.catalog.node("otro")[1] is None
    assert client.catalog.service(unique("nadie"))[1] == []
    answer = lab.get("catalog/services", dc="otro")
    assert (answer.status_code, answer.text) == (500, "No path to datacenter")


def test_catalog_and_health_filter_by_tag(lab: Lab, name: str) -> None:
    for number, tags in enumerate((["v1"], ["v2", "Primario"], []), start=1):
        lab.register(name, ID=f"{name}-{number}", Tags=tags)
    for ask in (lab.client.catalog.service, lab.client.health.service):
        assert len(ask(name)[1]) == 3
        assert len(ask(name, tag="v2")[1]) == 1
        assert len(ask(name, tag="primario")[1]) == 1
        assert ask(name, tag="v3")[1] == []
    assert len(lab.get(f"health/service/{name}?tag=v2&tag=primario").json()) == 1
    assert lab.get(f"health/service/{name}?tag=v2&tag=v1").json() == []


def test_health_gives_node_service_and_all_its_checks(lab: Lab, name: str) -> None:
    lab.register(name, ID=f"{name}-1", Port=8080, Check={"TTL": "1m", "Notes": "late solo"})
    (found,) = lab.client.health.service(name)[1]
    assert found["Node"]["Node"] == "lab"
    assert (found["Service"]["ID"], found["Service"]["Service"], found["Service"]["Port"]) == (
        f"{name}-1",
        name,
        8080,
    )
    node_check, own = found["Checks"]
    assert (node_check["CheckID"], node_check["Status"]) == ("serfHealth", "passing")
    assert {field: own[field] for field in ("CheckID", "Name", "Status", "Notes", "Type", "ServiceID")} == {
        "CheckID": f"service:{name}-1",
        "Name": f"Service '{name}' check",
        "Status": "critical",
        "Notes": "late solo",
        "Type": "ttl",
        "ServiceID": f"{name}-1",
    }


def test_health_passing_leaves_out_whoever_has_a_check_that_does_not_pass(lab: Lab, name: str) -> None:
    lab.register(name, ID="sana", Checks=[passing(), passing()])
    lab.register(name, ID="avisa", Checks=[passing(), {"TTL": "1m", "Status": "warning"}])
    lab.register(name, ID="mala", Checks=[passing(), {"TTL": "1m", "Status": "critical"}])
    lab.register(name, ID="sin-comprobar")
    everyone = {one["Service"]["ID"] for one in lab.client.health.service(name)[1]}
    assert everyone == {"sana", "avisa", "mala", "sin-comprobar"}
    assert lab.healthy(name) == {"sana", "sin-comprobar"}
    for written, expected in (("passing", 2), ("passing=true", 2), ("passing=false", 4)):
        assert len(lab.get(f"health/service/{name}?{written}").json()) == expected
    answer = lab.get(f"health/service/{name}?passing=quizá")
    assert (answer.status_code, answer.text) == (400, "Invalid value for ?passing")
    for one in ("sana", "avisa", "mala", "sin-comprobar"):
        lab.client.agent.service.deregister(one)


def test_health_of_a_service_that_does_not_exist_is_empty(lab: Lab, name: str) -> None:
    seen, found = lab.client.health.service(name)
    assert (found, int(seen) > 0) == ([], True)
    assert lab.client.health.checks(name)[1] == []


def test_health_lists_checks_by_state_service_and_node(lab: Lab, name: str) -> None:
    lab.register(name, Checks=[passing(), {"TTL": "1m", "Status": "warning"}])
    mine = {f"service:{name}:1", f"service:{name}:2"}

    def ids(found: list[dict[str, Any]]) -> set[str]:
        return {one["CheckID"] for one in found}

    health = lab.client.health
    assert ids(health.checks(name)[1]) == mine
    assert ids(health.node("lab")[1]) >= mine | {"serfHealth"}
    assert ids(health.state("any")[1]) >= mine | {"serfHealth"}
    assert ids(health.state("warning")[1]) & mine == {f"service:{name}:2"}
    assert ids(health.state("passing")[1]) & mine == {f"service:{name}:1"}
    assert ids(health.state("critical")[1]) & mine == set()
    assert health.node("otro")[1] == []


# --- Esperar a que cambien


def test_watch_on_health_wakes_when_a_check_changes_of_state(lab: Lab, name: str) -> None:
    lab.register(name, Check=passing())
    for state, expected in ((lab.client.agent.check.ttl_fail, 0), (lab.client.agent.check.ttl_pass, 1)):
        seen = index(lab.get(f"health/service/{name}?passing"))
        watch = lab.watch(f"health/service/{name}?passing", seen)
        assert blocked(watch)
        state(f"service:{name}")
        answer = watch.result(2)
        assert len(answer.json()) == expected
        assert index(answer) > seen


def test_watch_on_health_wakes_when_an_instance_comes_and_goes(lab: Lab, name: str) -> None:
    # Mientras no existe, también hace volver la baja de cualquier otro servicio: se pregunta hasta que aparece.
    seen = index(lab.get(f"health/service/{name}"))
    watch = lab.watch(f"health/service/{name}", seen)
    assert blocked(watch)
    lab.register(name, ID=f"{name}-1")
    answer = watch.result(2)
    assert len(answer.json()) == 1
    watch = lab.watch(f"health/service/{name}", index(answer))
    assert blocked(watch)
    lab.register(name, ID=f"{name}-2")
    answer = watch.result(2)
    assert len(answer.json()) == 2
    for left, one in ((1, f"{name}-1"), (0, f"{name}-2")):
        watch = lab.watch(f"health/service/{name}", index(answer))
        assert blocked(watch)
        lab.client.agent.service.deregister(one)
        before, answer = index(answer), watch.result(2)
        assert len(answer.json()) == left
        assert index(answer) > before


def test_each_question_has_its_own_index(lab: Lab, name: str) -> None:
    """Un servicio sin comprobaciones mueve el índice de los servicios, pero no el de las comprobaciones."""
    services, checks = index(lab.get("catalog/services")), index(lab.get("health/state/any"))
    lab.register(name)
    assert index(lab.get("catalog/services")) > services
    assert index(lab.get("health/state/any")) == checks


def test_watch_on_health_does_not_wake_for_other_services(lab: Lab, name: str) -> None:
    other = unique("ajeno")
    lab.register(name, Check=passing())
    lab.register(other, Check=passing())
    watch = lab.watch(f"health/service/{name}", index(lab.get(f"health/service/{name}")))
    lab.client.agent.check.ttl_fail(f"service:{other}")
    lab.client.kv.put(other, "x")
    lab.client.agent.service.deregister(other)
    assert blocked(watch)
    lab.client.agent.check.ttl_fail(f"service:{name}")
    assert watch.result(2).status_code == 200


def test_watch_on_catalog_services_wakes_for_new_services_and_not_for_checks(lab: Lab, name: str) -> None:
    lab.register(name, Check=passing())
    seen = index(lab.get("catalog/services"))
    watch = lab.watch("catalog/services", seen)
    lab.client.agent.check.ttl_warn(f"service:{name}")
    assert blocked(watch)
    other = unique("nuevo")
    lab.register(other)
    answer = watch.result(2)
    assert other in answer.json()
    assert index(answer) > seen


def test_watch_on_nodes_does_not_wake_for_their_services(lab: Lab, name: str) -> None:
    """Aunque el índice de los nodos crezca con ellos: Consul mira además si lo que se vigila es otro."""
    lab.register(name)
    seen = index(lab.get("catalog/nodes"))
    watch = lab.watch("catalog/nodes", seen, wait="500ms")
    assert blocked(watch)
    lab.client.agent.service.deregister(name)
    eventually(lambda: index(lab.get("catalog/nodes")) > seen)
    assert blocked(watch)
    assert index(watch.result(5)) == seen


def test_watch_on_state_wakes_for_any_check(lab: Lab, name: str) -> None:
    lab.register(name, Check=passing())
    watch = lab.watch("health/state/warning", index(lab.get("health/state/warning")))
    assert blocked(watch)
    lab.client.agent.check.ttl_warn(f"service:{name}", notes="voy lento")
    (mine,) = [one for one in watch.result(2).json() if one["ServiceID"] == name]
    assert mine["Output"] == "voy lento"


def test_watch_on_health_comes_back_when_its_time_is_up(lab: Lab, name: str) -> None:
    lab.register(name)
    seen = index(lab.get(f"health/service/{name}"))
    begun = monotonic()
    answer = lab.get(f"health/service/{name}", index=seen, wait="100ms")
    assert 0.1 <= monotonic() - begun < 2
    assert index(answer) == seen


# --- Mantenimiento


def test_maintenance_takes_a_service_out_without_deregistering_it(lab: Lab, name: str) -> None:
    lab.register(name, Check=passing())
    assert lab.client.agent.service.maintenance(name, "true", "cambio de disco")
    check = lab.check(f"_service_maintenance:{name}")
    assert (check["Name"], check["Status"], check["Notes"], check["Type"]) == (
        "Service Maintenance Mode",
        "critical",
        "cambio de disco",
        "maintenance",
    )
    eventually(lambda: lab.healthy(name) == set())
    assert len(lab.client.health.service(name)[1]) == 1
    assert lab.client.agent.service.maintenance(name, "false")
    eventually(lambda: lab.healthy(name) == {name})
    assert f"_service_maintenance:{name}" not in lab.client.agent.checks()


def test_maintenance_without_a_reason_gives_one(lab: Lab, name: str) -> None:
    lab.register(name)
    lab.put(f"agent/service/maintenance/{name}?enable=true")
    notes = lab.check(f"_service_maintenance:{name}")["Notes"]
    assert notes == (
        "Maintenance mode is enabled for this service, but no reason was provided. This is a default message."
    )


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ("", 400, "Missing value for enable"),
        ("enable=quizás", 400, 'Invalid value for enable: "quizás"'),
        (
            "enable=true",
            404,
            'Unknown service ID "nadie". Ensure that the service ID is passed, not the service name.',
        ),
    ],
)
def test_maintenance_that_makes_no_sense_is_refused(lab: Lab, query: str, status: int, text: str) -> None:
    answer = lab.put(f"agent/service/maintenance/nadie?{query}")
    answer.encoding = "utf-8"
    assert (answer.status_code, answer.text) == (status, text)


def test_maintenance_of_the_node_takes_everything_out(lab: Lab, name: str) -> None:
    lab.register(name, Check=passing())
    eventually(lambda: lab.healthy(name) == {name})
    try:
        assert lab.client.agent.maintenance("true", "mudanza")
        eventually(lambda: lab.healthy(name) == set())
        assert lab.check("_node_maintenance")["Notes"] == "mudanza"
    finally:
        lab.client.agent.maintenance("false")
    eventually(lambda: lab.healthy(name) == {name})


def test_two_clients_see_the_same_thing(lab: Lab, name: str) -> None:
    other: consul.Consul = lab.another()
    lab.client.agent.service.register(name, port=1)
    assert name in other.agent.services()
    eventually(lambda: other.catalog.service(name)[1])
    other.agent.service.deregister(name)
    assert name not in lab.client.agent.services()
