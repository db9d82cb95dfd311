"""Más allá de cuando todo va bien: cada caso de la tabla «Qué pasa si…» del flujo C."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from scenarios.engine.flow import after, before
from scenarios.flows import FLOWS
from scenarios.flujo_c import spans
from scenarios.flujo_c.services import SICK, WELL
from scenarios.flujo_c.what_if import CASES
from stack.laboratory import Laboratory
from tests.support.avatars import eventually
from tests.support.breaking import promptly, without
from tests.support.charges import Till, a_key

FLOW = FLOWS["flujo-c"]
CHARGED = 'charges_total{result="succeeded"}'


@pytest.fixture
def till(cashier_laboratory: Laboratory) -> Iterator[Till]:
    """Con la primera pasarela enferma y la segunda sana, como al empezar el flujo."""
    one = Till(cashier_laboratory)
    one.with_keys(WELL)
    yield one
    one.behave()
    one.close()


@pytest.fixture
def both(cashier_laboratory: Laboratory) -> Iterator[Till]:
    """Con las dos pasarelas sanas."""
    one = Till(cashier_laboratory)
    one.with_keys(SICK, WELL)
    yield one
    one.close()


def test_every_case_of_the_table_is_a_test() -> None:
    assert {f"test_if_{case.id}" for case in CASES} == {name for name in globals() if name.startswith("test_if_")}


def test_if_the_provider_is_slow(till: Till) -> None:
    key = a_key()
    answer = till.charge(till.card("4000000000001505"), key=key)
    assert (answer.status, answer.headers.get("idempotent-replayed")) == (200, "true")
    assert [one["id"] for one in till.ledger(key)] == [answer.document["payment"]]


def test_if_the_provider_fails(till: Till) -> None:
    card, key = till.card(), a_key()
    till.behave(failing=True)
    answer = till.charge(card, key=key)
    assert answer.status == 503
    assert "El proveedor de pagos no contesta" in answer.document["detail"]
    assert "misma Idempotency-Key" in answer.document["detail"]
    till.behave()
    again = till.charge(card, key=key)
    assert (again.status, again.headers.get("idempotent-replayed")) == (200, None)
    assert len(till.ledger(key)) == 1


def test_if_the_bank_says_no(till: Till) -> None:
    retries = till.metric("FINANZAS_URL", "charge_retries_total")
    for number, status, code in (
        ("4000000000000002", 402, "generic_decline"),
        ("4000000000009995", 402, "insufficient_funds"),
        ("4000000000000069", 402, "expired_card"),
        ("4000002760003184", 202, None),
    ):
        key = a_key()
        answer = till.charge(till.card(number), key=key)
        assert (answer.status, answer.document.get("code")) == (status, code)
        (payment,) = till.ledger(key)
        assert payment["status"] == ("declined" if code else "requires_action")
        assert payment["id"] == answer.document["payment"]
    assert till.metric("FINANZAS_URL", "charge_retries_total") == retries


def test_if_the_provider_is_down(till: Till) -> None:
    till.laboratory.down(["cobros"])
    try:
        till.wait()
        answer = till.charge("pm_cualquiera")
        assert (answer.status, "ninguna pasarela de pago sana" in answer.document["detail"]) == (503, True)
        for name in ("PASARELAS_PAGO_1_URL", "PASARELAS_PAGO_2_URL"):
            assert till.http.request("GET", f"{till.env[name]}/health").status == 200
            reason = json.loads(till.http.request("GET", f"{till.env[name]}/ready").data)["reason"]
            assert reason == "el proveedor de pagos no contesta"
    finally:
        till.laboratory.up(["cobros"])
    till.wait(WELL)  # recién arrancado, la clave de la otra vuelve a estar suspendida
    assert till.charge(till.card()).status == 200


def test_if_consul_is_down(till: Till) -> None:
    card, running = till.card(), {"finanzas", "uploads", "thumbnails", SICK, WELL}
    assert till.charge(card).status == 200
    till.laboratory.down(["consul"])
    try:
        answer = till.charge(card)
        assert (answer.status, answer.document["gateway"]) == (200, WELL)
    finally:
        till.laboratory.up(["consul"])

    def signed_up() -> set[str]:
        return set(json.loads(till.http.request("GET", f"http://{address}/v1/agent/services").data))

    address = till.env["CONSUL_HTTP_ADDR"]
    eventually(lambda: running <= signed_up())
    till.wait(WELL)
    assert till.charge(card).status == 200


def test_if_the_watchers_are_down(till: Till) -> None:
    card, before_it = till.card(), till.metric("FINANZAS_URL", CHARGED)
    charged: list[int] = []
    with without(till.laboratory, "jaeger", "prometheus", "grafana"):
        promptly(lambda: charged.append(till.charge(card).status))
        counted = till.metric("FINANZAS_URL", CHARGED)
    assert set(charged) == {200}
    assert counted > before_it

    def read() -> float:
        url = f"{till.env['PROMETHEUS_URL']}/api/v1/query"
        answer = till.http.request("GET", url, fields={"query": CHARGED}).json()
        return sum(float(one["value"][1]) for one in answer["data"]["result"])

    eventually(lambda: read() >= counted, within_s=20)
    assert till.http.request("GET", f"{till.env['GRAFANA_URL']}/d/{FLOW.dashboard}").status == 200


def test_if_the_same_order_comes_twice(till: Till) -> None:
    card, key = till.card(), a_key()
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: till.charge(card, key=key), range(5)))
    assert [one.status for one in answers] == [200] * 5
    (payment,) = till.ledger(key)
    assert {one.document["payment"] for one in answers} == {payment["id"]}
    assert till.charge(card, key=key).headers["idempotent-replayed"] == "true"
    other = till.charge(card, key=key, amount=1)
    assert (other.status, "ya se usó" in other.document["detail"]) == (409, True)
    assert till.ledger(key) == [payment]


def test_if_it_is_not_understood(till: Till) -> None:
    key = a_key()
    assert till.charge("", key=key).status == 422
    assert till.charge(till.card(), key=key, amount=0).status == 422
    assert till.charge(till.card(), key=key, token="").status == 401
    assert till.charge("pm_de_otro", key=key).status == 422
    assert till.ledger(key) == []


def test_if_nobody_is_healthy(till: Till) -> None:
    card, key = till.card(), a_key()
    till.with_keys()
    answer = till.charge(card, key=key)
    assert answer.status == 503
    assert "no hay ninguna pasarela de pago sana" in answer.document["detail"]
    assert "No se ha cobrado nada" in answer.document["detail"]
    assert answer.headers["retry-after"]
    assert till.ledger(key) == []


def test_if_the_healthy_one_is_killed(both: Till) -> None:
    card = both.card()
    both.with_keys(WELL)
    assert both.charge(card).document["gateway"] == WELL
    both.with_keys(SICK, WELL)
    both.kill(WELL)
    try:
        assert both.charge(card).document["gateway"] == SICK  # aunque Consul todavía no se haya enterado
        both.wait(SICK)
        assert set(both.registered()) == {SICK, WELL}  # la muerta sigue a la vista, en rojo
        assert both.charge(card).document["gateway"] == SICK
    finally:
        both.laboratory.up([WELL])


def test_if_it_dies_between_the_answer_and_the_call(both: Till) -> None:
    card, key, killed = both.card(), a_key(), []
    before_it = both.metric("FINANZAS_URL", "charge_retries_total")
    with both.at(before(spans.CALL), lambda name: (killed.append(name), both.kill(name))) as headers:
        answer = both.charge(card, key=key, headers=headers)
    try:
        assert answer.status == 200, answer
        assert {answer.document["gateway"], *killed} == {SICK, WELL}
        assert [one["id"] for one in both.ledger(key)] == [answer.document["payment"]]
        assert both.metric("FINANZAS_URL", "charge_retries_total") == before_it + 1
    finally:
        both.laboratory.up(killed)


def test_if_it_dies_after_charging(both: Till) -> None:
    card, key, charged = both.card(), a_key(), []

    def die(_: str) -> None:
        (payment,) = both.ledger(key)
        charged.append(payment["api_key"])
        both.kill(payment["api_key"])

    with both.at(after(spans.PROVIDER), die) as headers:
        answer = both.charge(card, key=key, headers=headers)
    try:
        assert answer.status == 200, answer
        assert answer.headers["idempotent-replayed"] == "true"
        assert {answer.document["gateway"], *charged} == {SICK, WELL}
        assert [one["id"] for one in both.ledger(key)] == [answer.document["payment"]]
    finally:
        both.laboratory.up(charged)


def test_if_finance_dies_in_the_middle(both: Till) -> None:
    card, key = both.card(), a_key()
    with both.at(after(spans.PROVIDER), lambda _: both.kill("finanzas")) as headers:
        answer = both.charge(card, key=key, headers=headers)
    both.laboratory.up(["finanzas"])
    assert answer.status == 0
    again = both.charge(card, key=key)
    assert (again.status, again.headers.get("idempotent-replayed")) == (200, "true")
    assert [one["id"] for one in both.ledger(key)] == [again.document["payment"]]


def test_if_fifty_at_once(both: Till) -> None:
    card, wanted = both.card(), {a_key(): (f"alumna-{number}", 1000 + number) for number in range(50)}
    with ThreadPoolExecutor(50) as pool:
        answers = dict(
            zip(
                wanted,
                pool.map(
                    lambda key: both.charge(card, key=key, student=wanted[key][0], amount=wanted[key][1]), wanted
                ),
                strict=True,
            )
        )
    assert {one.status for one in answers.values()} == {200}
    for key, (student, amount) in wanted.items():
        (payment,) = both.ledger(key)
        assert (payment["metadata"]["student"], payment["amount"]) == (student, amount)
        assert payment["id"] == answers[key].document["payment"]
    assert {one.document["gateway"] for one in answers.values()} == {SICK, WELL}
