"""Más allá de cuando todo va bien: cada caso de la tabla «Qué pasa si…» del flujo A."""

from __future__ import annotations

import io
import json
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import urllib3
from PIL import Image

from scenarios.flows import FLOWS
from scenarios.flujo_a.what_if import CASES
from stack.laboratory import Laboratory
from tests.support.avatars import DEAD_LETTERS, SIZES, Person, eventually, picture
from tests.support.breaking import killed, promptly, stopped_before, without

FLOW = FLOWS["flujo-a"]
PATIENCE_S = 20.0


def _url(answer: urllib3.BaseHTTPResponse) -> str:
    assert answer.status == 200, answer.data
    return str(answer.json()["url"])


def _with_thumbnails(person: Person) -> dict[str, str]:
    return eventually(person.thumbnails, within_s=PATIENCE_S)


def _nothing_left(person: Person) -> None:
    assert person.objects() == {}
    assert person.messages() == []
    assert person.redis.get(f"avatar:{person.name}") is None


def test_every_case_of_the_table_is_here() -> None:
    here = {name.removeprefix("test_if_") for name in globals() if name.startswith("test_if_")}
    assert here == {case.id for case in CASES}


# --- alguien muere a mitad ---------------------------------------------------------------------------------------


def test_if_uploads_dies_before_telling(laboratory: Laboratory, person: Person) -> None:
    with ThreadPoolExecutor(1) as pool, stopped_before(laboratory, FLOW.hop("A6")) as (headers, wait):
        answer = pool.submit(person.upload, picture(), headers=headers)
        wait()
        with killed(laboratory, "uploads"):
            assert answer.result(PATIENCE_S).status == 502
            assert person.upload(picture()).status == 502
            (orphan,) = person.objects()
            assert person.messages() == []
            assert person.redis.get(f"avatar:{person.name}") is None
    url = _url(person.upload(picture()))
    assert person.redis.get(f"avatar:{person.name}") == url
    _with_thumbnails(person)
    assert len(person.messages()) == 1
    assert len(person.objects()) == 5
    assert orphan in person.objects()
    assert not url.endswith(orphan)


def test_if_uploads_dies_before_answering(laboratory: Laboratory, person: Person) -> None:
    with ThreadPoolExecutor(1) as pool, stopped_before(laboratory, FLOW.hop("A8")) as (headers, wait):
        answer = pool.submit(person.upload, picture(), headers=headers)
        wait()
        with killed(laboratory, "uploads"):
            assert answer.result(PATIENCE_S).status == 502
            _with_thumbnails(person)
            first = str(person.redis.get(f"avatar:{person.name}"))
            assert len(person.messages()) == 1
    assert person.get(first).status == 200
    again = _url(person.upload(picture()))
    assert again != first
    assert person.redis.get(f"avatar:{person.name}") == again
    eventually(lambda: len(person.objects()) == 8, within_s=PATIENCE_S)


def test_if_thumbnails_dies_with_a_message(laboratory: Laboratory, person: Person) -> None:
    with stopped_before(laboratory, FLOW.hop("A13")) as (headers, wait):
        url = _url(person.upload(picture(), headers=headers))
        wait()
        half_done = person.objects()
        assert len(half_done) == 4
        assert person.thumbnails() == {}
        with killed(laboratory, "thumbnails"):
            assert person.get(url).status == 200
    _with_thumbnails(person)
    assert person.objects() == half_done


def test_if_thumbnails_is_down(laboratory: Laboratory, person: Person) -> None:
    with without(laboratory, "thumbnails"):
        content = picture()
        assert person.get(_url(person.upload(content))).data == content
        assert len(person.objects()) == 1
    assert len(_with_thumbnails(person)) == 3


# --- un servicio no está -----------------------------------------------------------------------------------------


def _says_503(answer: urllib3.BaseHTTPResponse, who: str) -> None:
    assert (answer.status, answer.json()["detail"]) == (
        503,
        f"{who} no contesta ahora mismo. Vuelve a intentarlo.",
    )


def test_if_kafka_is_down(laboratory: Laboratory, person: Person) -> None:
    with without(laboratory, "kafka"):
        began = time.monotonic()
        _says_503(person.upload(picture()), "Kafka")
        assert time.monotonic() - began > 2.5
        assert person.objects() == {}
    _nothing_left(person)
    _url(person.upload(picture()))
    _with_thumbnails(person)
    assert len(person.objects()) == 4


def test_if_minio_is_down(laboratory: Laboratory, person: Person) -> None:
    content = picture()
    earlier = _url(person.upload(content))
    with without(laboratory, "minio"):
        _says_503(person.upload(picture()), "El almacén")
        _says_503(person.get(earlier), "El almacén")
        assert len(person.messages()) == 1
        assert person.redis.get(f"avatar:{person.name}") == earlier
    assert person.get(earlier).data == content
    _url(person.upload(content))


def test_if_minio_leaves_before_the_thumbnails(laboratory: Laboratory, person: Person) -> None:
    with stopped_before(laboratory, FLOW.hop("A11")) as (headers, wait):
        url = _url(person.upload(picture(), headers=headers))
        wait()
        laboratory.down(["minio"])
    try:
        ((apart, why),) = eventually(lambda: person.messages(DEAD_LETTERS), within_s=PATIENCE_S)
    finally:
        laboratory.up(["minio"])
    assert why["dlq.reason"].startswith("El almacén".encode())
    assert url.endswith(json.loads(apart)["key"])
    assert len(person.objects()) == 1
    person.publish(apart)
    assert len(_with_thumbnails(person)) == 3


def test_if_redis_is_down(laboratory: Laboratory, person: Person) -> None:
    def attended() -> bool:
        return any("miniaturas hechas" in line and person.name in line for line in laboratory.logs("thumbnails"))

    content = picture()
    with without(laboratory, "redis"):
        assert person.get(_url(person.upload(content))).data == content
        eventually(attended, within_s=PATIENCE_S)
        assert len(person.objects()) == 4
    assert person.redis.keys(f"avatar:{person.name}*") == []
    url = _url(person.upload(content))
    assert person.redis.get(f"avatar:{person.name}") == url
    _with_thumbnails_of(person, url)


def _with_thumbnails_of(person: Person, url: str) -> None:
    stem = url.rpartition(".")[0]
    for size in SIZES:
        key = f"avatar:{person.name}:{size}"
        eventually(lambda key=key, size=size: person.redis.get(key) == f"{stem}-{size}.webp", within_s=PATIENCE_S)


def test_if_kong_is_down(laboratory: Laboratory, person: Person) -> None:
    with without(laboratory, "kong"):
        with pytest.raises(urllib3.exceptions.NewConnectionError):
            person.upload(picture())
        assert [person.get(f"{name}/health").status for name in ("UPLOADS_URL", "THUMBNAILS_URL")] == [200, 200]
        _nothing_left(person)
    assert person.upload(picture(), token="").status == 401
    _url(person.upload(picture()))


# --- no está quien mira ------------------------------------------------------------------------------------------


def _uploaded_without_waiting(person: Person, headers: dict[str, str] | None = None) -> None:
    promptly(lambda: _url(person.upload(picture(), headers=headers)))
    _with_thumbnails(person)


def test_if_consul_is_down(laboratory: Laboratory, person: Person) -> None:
    def signed_up() -> set[str]:
        return set(person.get(f"http://{person.env['CONSUL_HTTP_ADDR']}/v1/agent/services").json())

    with without(laboratory, "consul"):
        _uploaded_without_waiting(person)
    eventually(lambda: signed_up() >= {"uploads", "thumbnails"}, within_s=PATIENCE_S)


def test_if_jaeger_is_down(laboratory: Laboratory, person: Person) -> None:
    def followed() -> tuple[str, dict[str, str]]:
        trace_id = secrets.token_hex(16)
        return trace_id, {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}

    def services(trace_id: str) -> set[str]:
        answer = person.get(f"JAEGER_URL/api/traces/{trace_id}").json()
        return {one["serviceName"] for trace in answer["data"] or [] for one in trace["processes"].values()}

    def given_up(name: str) -> int:
        return sum("Failed to export" in line for line in laboratory.logs(name))

    lost, headers = followed()
    before = {name: given_up(name) for name in ("uploads", "thumbnails")}
    with without(laboratory, "jaeger"):
        _uploaded_without_waiting(person, headers)
        eventually(lambda: all(given_up(name) > count for name, count in before.items()), within_s=PATIENCE_S)
    seen, headers = followed()
    _url(person.upload(picture(), headers=headers))
    eventually(lambda: services(seen) >= {"uploads", "thumbnails"}, within_s=PATIENCE_S)
    assert not services(lost) & {"uploads", "thumbnails"}


UPLOADED = 'avatar_uploads_total{job="uploads",result="ok"}'


def _counted(person: Person) -> float:
    """Las subidas que lleva contadas Uploads."""
    text = person.get("UPLOADS_URL/metrics").data.decode()
    return next(float(line.split()[1]) for line in text.splitlines() if 'uploads_total{result="ok"}' in line)


def _in_prometheus(person: Person) -> float:
    """Las que ha leído Prometheus."""
    answer = person.http.request("GET", person.url("PROMETHEUS_URL/api/v1/query"), fields={"query": UPLOADED})
    return sum(float(one["value"][1]) for one in answer.json()["data"]["result"])


def _in_grafana(person: Person, moment: float) -> list[float]:
    """Las que enseña Grafana de lo que había en `moment`, en segundos desde 1970."""
    query = {"refId": "A", "datasource": {"uid": "prometheus"}, "expr": UPLOADED, "instant": True, "range": False}
    asked = {"from": str(round(moment * 1000) - 60_000), "to": str(round(moment * 1000)), "queries": [query]}
    answer = person.http.request("POST", person.url("GRAFANA_URL/api/ds/query"), json=asked).json()
    return [frame["data"]["values"][1][0] for frame in answer["results"]["A"]["frames"]]


def test_if_prometheus_is_down(laboratory: Laboratory, person: Person) -> None:
    before = _counted(person)
    with without(laboratory, "prometheus"):
        _uploaded_without_waiting(person)
        counted = _counted(person)
    assert counted > before
    eventually(lambda: _in_prometheus(person) >= counted, within_s=PATIENCE_S)


def test_if_grafana_is_down(laboratory: Laboratory, person: Person) -> None:
    before = _counted(person)
    with without(laboratory, "grafana"):
        _uploaded_without_waiting(person)
        eventually(lambda: _in_prometheus(person) > before, within_s=PATIENCE_S)
        moment = time.time()
    assert person.get(f"GRAFANA_URL/d/{FLOW.dashboard}").status == 200
    (seen,) = _in_grafana(person, moment)
    assert seen > before


# --- Kafka entrega lo que quiere ---------------------------------------------------------------------------------


def test_if_the_same_message_comes_twice(person: Person) -> None:
    _url(person.upload(picture("PNG", (400, 300))))
    before = _with_thumbnails(person)
    ((message, _),) = person.messages()
    # Lo único que se quita es una copia: si vuelve a estar, es que el mensaje se atendió otra vez.
    person.redis.delete(f"avatar:{person.name}:64")
    person.publish(message)
    assert _with_thumbnails(person) == before
    assert len(person.objects()) == 4


def test_if_it_is_not_understood(person: Person) -> None:
    series = ("kafka_dead_letters_total", "thumbnails_failed_total")
    before = [person.metric("THUMBNAILS_URL", one) for one in series]
    nobody = {"user": person.name, "key": f"{person.name}/{'0' * 32}.png"}
    poison = {
        b"esto no es JSON": "no es JSON",
        b"[1, 2]": "no es un objeto JSON",
        b'{"user": "eva"}': "le falta 'key'",
        b"": "no es JSON",
        json.dumps(nobody).encode(): nobody["key"],
    }
    for value in poison:
        person.publish(value)
    _url(person.upload(picture()))
    _with_thumbnails(person)
    for one, count in zip(series, before, strict=True):
        assert person.metric("THUMBNAILS_URL", one) >= count + len(poison)
    apart = person.messages(DEAD_LETTERS)
    assert sorted(value for value, _ in apart) == sorted(poison)
    for value, why in apart:
        assert poison[value] in why["dlq.reason"].decode()
        assert why["dlq.group"] == b"thumbnails"
        assert int(why["dlq.offset"]) >= 0


# --- todos a la vez ----------------------------------------------------------------------------------------------


@pytest.fixture
def fifty(laboratory: Laboratory) -> Iterator[list[Person]]:
    env, credentials = laboratory.env(), laboratory.credentials()
    people = [Person(env, credentials) for _ in range(50)]
    yield people
    for one in people:
        one.close()


def test_if_fifty_at_once(fifty: list[Person]) -> None:
    # Una miniatura nunca agranda: con un lado corto distinto en cada foto, las suyas se reconocen por su tamaño.
    pictures = [picture("PNG", (90, 10 + number)) for number in range(50)]
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(Person.upload, fifty, pictures))
    for number, (one, content, answer) in enumerate(zip(fifty, pictures, answers, strict=True)):
        url = _url(answer)
        assert one.redis.get(f"avatar:{one.name}") == url
        assert one.get(url).data == content
        _with_thumbnails_of(one, url)
        thumbnail = one.get(str(one.redis.get(f"avatar:{one.name}:256"))).data
        with Image.open(io.BytesIO(thumbnail)) as made:
            assert made.size == (10 + number, 10 + number)
        assert len(one.objects()) == 4
