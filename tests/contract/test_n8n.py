"""Contrato de n8n, con requests: un flujo de trabajo importado contesta en su webhook. Solo donde hay n8n.

Los flujos entran por la misma API que usa su página, así que valen igual para el programa y para la imagen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from stack.n8n.service import N8N
from tests.support.kafka import eventually
from tests.support.n8n import N8n, chain, node, output, reply, webhook
from tests.support.running import from_service, running, runtime
from tests.support.upstreams import Echo, serving

pytestmark = pytest.mark.skipif(
    runtime() == "embedded" and N8N.embedded is None,
    reason="n8n no viene con pip y aún no tiene suplente; se comprueba contra el programa y la imagen",
)


@pytest.fixture(scope="module")
def echo() -> Iterator[int]:
    """El puerto de un servicio que cuenta lo que recibió."""
    with serving(Echo) as port:
        yield port


@pytest.fixture(scope="module")
def n8n(started: Callable[..., dict[str, str]], echo: int) -> Iterator[N8n]:
    client = N8n(started("n8n", servers=[echo])["N8N_URL"])
    yield client
    client.close()


def test_it_says_it_is_ready(n8n: N8n) -> None:
    for path in ("/healthz", "/healthz/readiness"):
        answer = requests.get(n8n.url + path, timeout=10)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_the_addresses_it_gives_are_those_of_this_machine(n8n: N8n) -> None:
    settings = n8n.call("GET", "/rest/settings").json()["data"]
    assert settings["urlBaseWebhook"] == f"{n8n.url}/"
    assert settings["telemetry"] == {"enabled": False}


def test_nobody_gets_in_without_signing_in(n8n: N8n) -> None:
    for path in ("/rest/workflows", "/rest/executions", "/rest/credentials"):
        assert requests.get(n8n.url + path, timeout=10).status_code == 401
    wrong = {"emailOrLdapLoginId": "prueba@stacklab.test", "password": "otra"}
    assert requests.post(f"{n8n.url}/rest/login", json=wrong, timeout=10).status_code == 401


def test_an_imported_workflow_answers_on_its_webhook(n8n: N8n) -> None:
    nodes = [webhook("saluda"), reply("{ hola: $json.body.nombre, doble: $json.body.n * 2 }")]
    saved = n8n.publish("pruebaSaluda0001", nodes, chain(*nodes))
    assert saved["id"] == "pruebaSaluda0001"
    answer = n8n.hook("saluda", {"nombre": "ñandú", "n": 21})
    assert (answer.status_code, answer.json()) == (200, {"hola": "ñandú", "doble": 42})
    (execution,) = eventually(lambda: n8n.executions("pruebaSaluda0001"))
    assert (execution["status"], execution["mode"]) == ("success", "webhook")


def test_the_same_identifier_is_not_taken_twice(n8n: N8n) -> None:
    nodes = [webhook("repetido"), reply("{ ok: true }")]
    n8n.publish("pruebaRepetido01", nodes, chain(*nodes))
    with pytest.raises(requests.HTTPError, match="400"):
        n8n.publish("pruebaRepetido01", nodes, chain(*nodes))


def test_what_is_not_published_does_not_answer(n8n: N8n) -> None:
    answer = requests.post(f"{n8n.url}/webhook/no-hay", json={}, timeout=10)
    assert answer.status_code == 404
    assert "not registered" in answer.json()["message"]
    nodes = [webhook("efímero"), reply("{ ok: true }")]
    n8n.publish("pruebaEfimero001", nodes, chain(*nodes))
    assert n8n.hook("efímero").json() == {"ok": True}
    # Por otro método no es el mismo webhook.
    assert requests.get(f"{n8n.url}/webhook/efímero", timeout=10).status_code == 404
    n8n.call("POST", "/rest/workflows/pruebaEfimero001/deactivate", {}).raise_for_status()
    eventually(
        lambda: requests.post(f"{n8n.url}/webhook/efímero", json={}, timeout=10).status_code,
        until=lambda status: status == 404,
    )


def test_it_chooses_a_branch(n8n: N8n) -> None:
    condition = {
        "id": "c",
        "leftValue": "={{ $json.body.nota }}",
        "rightValue": 5,
        "operator": {"type": "number", "operation": "gte"},
    }
    options = {"caseSensitive": True, "leftValue": "", "typeValidation": "strict", "version": 2}
    choice = node(
        "Nota", "if", 2.2, conditions={"options": options, "combinator": "and", "conditions": [condition]}
    )
    start, passed, failed = (
        webhook("nota"),
        reply("{ apto: true }", "Apto"),
        reply("{ apto: false }", "No apto", 422),
    )
    links = chain(start, choice) | {"Nota": output(passed, failed)}
    n8n.publish("pruebaNota000001", [start, choice, passed, failed], links)
    assert [(answer.status_code, answer.json()) for answer in (n8n.hook("nota", {"nota": n}) for n in (7, 3))] == [
        (200, {"apto": True}),
        (422, {"apto": False}),
    ]


def test_it_calls_another_service(n8n: N8n, echo: int) -> None:
    start = webhook("llama")
    call = node(
        "Llama",
        "httpRequest",
        4.3,
        method="POST",
        url=f"http://{from_service(echo)}/pedidos",
        sendHeaders=True,
        headerParameters={
            "parameters": [{"name": "X-Quien", "value": "={{ $json.headers['x-quien'] }}"}],
        },
        sendBody=True,
        specifyBody="json",
        jsonBody="={{ JSON.stringify($json.body) }}",
        options={},
    )
    answer = reply("{ ruta: $json.path, quien: $json.headers['x-quien'], bytes: $json.size }")
    n8n.publish("pruebaLlama00001", [start, call, answer], chain(start, call, answer))
    found = n8n.hook("llama", {"pedido": 7}, headers={"X-Quien": "ana"})
    assert found.json() == {"ruta": "/pedidos", "quien": "ana", "bytes": len('{"pedido":7}')}


def test_it_runs_javascript(n8n: N8n) -> None:
    """Lo ejecuta un proceso hijo con el que habla por un puerto propio: sin él no habría respuesta."""
    code = "return $input.all().map(item => ({ json: { suma: item.json.body.reduce((a, b) => a + b, 0) } }));"
    nodes = [webhook("suma"), node("Suma", "code", 2, jsCode=code), reply("$json")]
    n8n.publish("pruebaSuma000001", nodes, chain(*nodes))
    assert n8n.hook("suma", [1, 2, 39]).json() == {"suma": 42}


def test_metrics(n8n: N8n) -> None:
    nodes = [webhook("contada"), reply("{ ok: true }")]
    n8n.publish("pruebaContada001", nodes, chain(*nodes))
    text = requests.get(f"{n8n.url}/metrics", timeout=10).text
    assert "n8n_version_info{" in text
    active = next(line for line in text.splitlines() if line.startswith("n8n_active_workflow_count"))
    assert float(active.split()[-1]) >= 1


def test_workflows_and_owner_are_there_after_a_restart(tmp_path: Path) -> None:
    nodes = [webhook("sigue"), reply("{ sigue: true }")]
    for first in (True, False):
        with running("n8n", root=tmp_path) as env:
            client = N8n(env["N8N_URL"])
            if first:
                client.publish("pruebaSigue00001", nodes, chain(*nodes))
            assert client.hook("sigue").json() == {"sigue": True}
            client.close()
