"""El flujo B de principio a fin, y lo que no debe quedar escrito en ningún sitio."""

from __future__ import annotations

import json
import stat

from scenarios.engine.context import Run
from scenarios.engine.events import HopStatus, RunEvent, RunFinished, RunStarted, as_json
from scenarios.engine.runner import run
from scenarios.flows import FLOWS
from scenarios.flujo_b.client import entering
from stack.laboratory import Laboratory
from tests.support.avatars import Person, eventually

FLOW = FLOWS["flujo-b"]


def test_twelve_of_twelve(login_laboratory: Laboratory, person: Person) -> None:
    events: list[RunEvent] = []
    result = run(FLOW, login_laboratory, on_event=events.append)
    assert [done.reason for done in result.hops if done.status is not HopStatus.PROVEN] == []
    assert result.passed
    assert isinstance(events[0], RunStarted)
    assert isinstance(events[-1], RunFinished)
    lines = [json.loads(json.dumps(as_json(event))) for event in events]
    assert [line["id"] for line in lines if line["type"] == "hop"] == [hop.id for hop in FLOW.hops]
    for line in lines[1:-1]:
        assert line["evidence"]["source"]
        assert line["evidence"]["summary"]
        assert line["evidence"]["details"]
        assert line["trace_id"] == lines[0]["trace_id"]
    assert person.get(lines[-1]["trace_url"]).status == 200
    assert person.get(lines[-1]["dashboard_url"]).status == 200


def test_a_dead_service_is_named_with_its_last_lines(login_laboratory: Laboratory) -> None:
    login_laboratory.down(["database"])
    try:
        impatient = dict.fromkeys(["B5", *FLOW.dependents("B5")], 2)
        result = run(FLOW, login_laboratory, patience_s=20, patience_by_hop=impatient)
    finally:
        login_laboratory.up(["database"])
    assert [done.hop.id for done in result.hops if done.status is HopStatus.PROVEN] == ["B1", "B2", "B3", "B4"]
    failed = result.hops[4]
    assert failed.status is HopStatus.FAILED
    assert "Base de datos no está en marcha" in failed.reason
    assert failed.trouble is not None
    assert (failed.trouble.service, bool(failed.trouble.log)) == ("database", True)


def test_no_secret_is_left_anywhere(login_laboratory: Laboratory, person: Person) -> None:
    """Ni en los spans, ni en los sucesos, ni en Redis, ni en las métricas, ni en la carpeta, ni en la pantalla."""
    seen: list[Run] = []
    told: list[RunEvent] = []

    def remember(context: Run) -> str:
        seen.append(context)
        return FLOW.summary(context)

    from dataclasses import replace

    result = run(replace(FLOW, summary=remember), login_laboratory, on_event=told.append)
    assert result.passed
    (context,) = seen
    answer = context.answered
    assert answer is not None
    names = login_laboratory.credentials()
    secrets = {
        "la contraseña": entering(context).password,
        "el token": answer.json()["token"],
        **{
            name: names[name]
            for name in (
                "JWT_SECRET", "DATABASE_PASSWORD", "VAULT_TOKEN", "AUTH_VAULT_SECRET_ID", "SCHOOL_PASSWORD",
                "STEP_SECRET",
            )
        },
    }  # fmt: skip
    env = login_laboratory.env()
    places: dict[str, bytes] = {
        "la traza": person.get(f"JAEGER_URL/api/traces/{result.hops[0].trace_id}").data,
        "los sucesos": b"".join(_messages(person, "usuario_autenticado")),
        "Redis": json.dumps(_everything(person)).encode(),
        "las métricas de Auth": person.get("AUTH_URL/metrics").data,
        "las métricas de Analytics": person.get("ANALYTICS_URL/metrics").data,
        "Consul": person.http.request("GET", f"http://{env['CONSUL_HTTP_ADDR']}/v1/agent/services").data,
        "la pantalla": json.dumps([as_json(event) for event in told]).encode(),
    }
    for path in login_laboratory.folder.rglob("*"):
        if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            places[str(path)] = path.read_bytes()
    for path in (login_laboratory.folder / "logs").iterdir():
        places[str(path)] = path.read_bytes()
    assert b"user-" in places["Redis"]
    assert b"read secret/jwt" in places["la traza"]
    found = [
        (what, where)
        for where, text in places.items()
        for what, secret in secrets.items()
        if secret.encode() in text
    ]
    assert found == []


def _messages(person: Person, topic: str) -> list[bytes]:
    from tests.support.logins import School

    school = School(person.env)
    try:
        messages = eventually(lambda: school.messages(topic))
        return [value + repr(headers).encode() for _, value, headers in messages]
    finally:
        school.close()


def _everything(person: Person) -> dict[str, object]:
    redis, found = person.redis, {}
    for key in redis.scan_iter(count=1000):
        kind = str(redis.type(key))
        found[str(key)] = str(redis.get(key) if kind == "string" else redis.zrange(key, 0, -1))
    return found
