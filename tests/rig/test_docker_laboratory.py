"""El laboratorio sobre contenedores: lo mismo que con procesos, mirado desde el motor."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis
import requests

from stack.bridge.service import BRIDGE
from stack.containers import names
from stack.errors import ContainerEnded, EngineAbsent, HostUnreachable, NameConflict, NotReady, PortTaken
from stack.events import Notice, ServiceStarting
from stack.model import ConfigFile
from stack.ports import free_ports
from stack.status import Condition
from tests.rig.boxes import DIE, SERVER, SILENT, box, process
from tests.rig.conftest import Bench
from tests.support.fakes import listener

IMAGE = "redis:8.10.1-trixie"


def client(bench: Bench, service: Any) -> Any:
    return redis.Redis(port=service.ports[0].number, decode_responses=True)


@contextlib.contextmanager
def api_calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Las llamadas que se hacen al motor mientras dura el bloque: «GET /v1.41/containers/json»."""
    seen: list[str] = []
    before = requests.Session.send

    def send(self: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        seen.append(f"{request.method} {request.path_url}")
        return before(self, request, **options)

    monkeypatch.setattr(requests.Session, "send", send)
    yield seen
    monkeypatch.setattr(requests.Session, "send", before)


def test_up_publishes_on_this_machine_only_with_limits_and_labels(bench: Bench) -> None:
    base, web = box("base", memory_mb=32), box("web", depends_on=("base",))
    running = bench.lab(base, web).up(runtime="docker")
    assert [(one.name, one.runtime, one.started) for one in running] == [
        ("base", "docker", True),
        ("web", "docker", True),
    ]
    about = bench.engine.containers(bench.folder)["base"]
    assert about["Name"] == "/stacklab-matriz-base"
    assert about["Config"]["Labels"][names.PROJECT] == bench.folder.label
    assert len(about["Config"]["Labels"][names.SPEC]) == 16
    assert about["HostConfig"]["Memory"] == 32 * 1024 * 1024
    assert about["HostConfig"]["LogConfig"]["Config"] == {"max-size": "5m", "max-file": "2"}
    published = about["NetworkSettings"]["Ports"]["6379/tcp"]
    assert published == [{"HostIp": "127.0.0.1", "HostPort": str(base.ports[0].number)}]
    assert [one["Name"] for one in bench.engine.networks(bench.folder)] == ["stacklab-matriz"]
    assert client(bench, base).ping()
    rows = {row.name: row for row in bench.lab(base, web).status()}
    assert rows["base"].state is Condition.RUNNING
    assert rows["base"].container == "stacklab-matriz-base"
    assert (rows["base"].memory_mb or 0) > 1


def test_the_second_up_writes_nothing_in_the_engine(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = (box("base"), box("web", depends_on=("base",)))
    bench.lab(*catalog).up(runtime="docker")
    before = bench.alive()
    with api_calls(monkeypatch) as seen:
        assert [one.started for one in bench.lab(*catalog).up()] == [False, False]
    assert seen, "algo se le tuvo que preguntar"
    assert [one for one in seen if not one.startswith("GET ")] == []
    assert bench.alive() == before


def test_a_changed_spec_recreates_it_and_who_depends_on_it(bench: Bench) -> None:
    base, web, other = box("base"), box("web", depends_on=("base",)), box("suelto")
    bench.lab(base, web, other).up(runtime="docker")
    before = bench.alive()
    assert base.container is not None
    changed = replace(base, container=replace(base.container, env={"COLOR": "azul"}))
    events: list[Any] = []
    bench.lab(changed, web, other).up(on_event=events.append)
    after = bench.alive()
    assert {name for name in after if after[name] != before[name]} == {"base", "web"}
    reasons = {one.service: one.reason for one in events if isinstance(one, ServiceStarting)}
    assert "cambió" in reasons["base"]
    assert "base" in reasons["web"]
    assert "COLOR=azul" in bench.engine.containers(bench.folder)["base"]["Config"]["Env"]


def test_siblings_start_side_by_side(bench: Bench) -> None:
    catalog = [box(f"uno-{number}") for number in range(4)]
    order: list[str] = []
    bench.lab(*catalog).up(runtime="docker", on_event=lambda event: order.append(type(event).__name__))
    started = [name for name in order if name in ("ServiceStarting", "ServiceReady")]
    assert started[:2] == ["ServiceStarting", "ServiceStarting"], "el segundo no espera al primero"


def test_its_files_are_inside_and_whoever_it_is_can_read_them(bench: Bench, tmp_path: Path) -> None:
    source = tmp_path / "redis.conf"
    source.write_text("maxmemory 7mb\nprotected-mode no\n", "utf-8")
    base = box("base", ("redis-server", "/etc/stacklab/redis.conf"), config=(ConfigFile("redis.conf", (source,)),))
    assert base.container is not None
    base = replace(base, container=replace(base.container, user="65534:65534"))
    bench.lab(base).up(runtime="docker")
    assert client(bench, base).config_get("maxmemory") == {"maxmemory": str(7 * 1024 * 1024)}


def test_data_outlives_the_container_until_it_is_thrown_away(bench: Bench) -> None:
    argv = (*SERVER[:1], "--appendonly", "yes", "--dir", "/data", "--protected-mode", "no")
    base = box("base", argv, volume="/data")
    bench.lab(base).up(runtime="docker")
    client(bench, base).set("clave", "valor")
    bench.lab(base).down()
    assert bench.alive() == {}
    bench.lab(base).up(runtime="docker")
    assert client(bench, base).get("clave") == "valor"
    bench.lab(base).down(data=True)
    bench.lab(base).up(runtime="docker")
    assert client(bench, base).get("clave") is None


def test_a_container_removed_by_hand_is_missed_and_put_back_alone(bench: Bench) -> None:
    base, other = box("base"), box("suelto")
    bench.lab(base, other).up(runtime="docker")
    before = bench.alive()
    bench.engine.client.remove_container(before["base"], force=True)
    row = next(one for one in bench.lab(base, other).status() if one.name == "base")
    assert (row.state, row.problem) == (Condition.FAILED, "terminó sin que nadie lo parase")
    bench.lab(base, other).up()
    after = bench.alive()
    assert after["suelto"] == before["suelto"]
    assert after["base"] != before["base"]


def test_a_killed_container_is_started_again(bench: Bench) -> None:
    base = box("base")
    bench.lab(base).up(runtime="docker")
    before = bench.alive()["base"]
    bench.engine.client.kill(before)
    bench.lab(base).up()
    assert bench.alive()["base"] != before
    assert client(bench, base).ping()


def test_a_container_restarted_by_hand_counts_as_another(bench: Bench) -> None:
    """Lo que guardaba en memoria ya no está: hay que empezarlo, y sembrarlo, otra vez."""
    base, other = box("base"), box("suelto")
    bench.lab(base, other).up(runtime="docker")
    before = bench.alive()
    bench.engine.client.restart(before["base"], timeout=1)
    running = {one.name: one.started for one in bench.lab(base, other).up()}
    assert running == {"base": True, "suelto": False}
    assert bench.alive()["base"] != before["base"]


@contextlib.contextmanager
def foreign(bench: Bench, name: str, **options: Any) -> Iterator[str]:
    """Un contenedor de otra persona."""
    made = bench.engine.client.create_container(IMAGE, name=name, command=["sleep", "60"], **options)["Id"]
    bench.engine.client.start(made)
    try:
        yield made
        assert bench.engine.client.inspect_container(made)["State"]["Running"], "lo ajeno no se toca"
    finally:
        bench.engine.client.remove_container(made, force=True)


def test_a_foreign_container_with_a_similar_name_is_untouched(bench: Bench) -> None:
    base = box("base")
    stranger = {names.PROJECT: "otro-laboratorio", names.SERVICE: "base"}
    with foreign(bench, "stacklab-matriz-base2"), foreign(bench, "stacklab-matriz-ajeno", labels=stranger):
        lab = bench.lab(base)
        lab.up(runtime="docker")
        lab.down()


def test_a_foreign_container_with_our_very_name_stops_us(bench: Bench) -> None:
    with foreign(bench, "stacklab-matriz-base") as identity, pytest.raises(NameConflict) as caught:
        bench.lab(box("base")).up(runtime="docker")
    assert identity[:12] in caught.value.cause
    assert "--project" in (caught.value.command or "")
    assert caught.value.exit_code == 40


def test_a_container_that_ends_says_how_at_once(bench: Bench) -> None:
    began = time.monotonic()
    with pytest.raises(ContainerEnded) as caught:
        bench.lab(box("base", DIE, ready_s=30)).up(runtime="docker")
    assert time.monotonic() - began < 15, "no espera a quien ya ha muerto"
    assert "terminó con código 3" in caught.value.cause
    assert caught.value.details == ("no encuentro mi fichero",)
    assert caught.value.exit_code == 43
    assert bench.alive() == {}
    assert list(bench.lab(box("base")).logs("base")) == ["no encuentro mi fichero"], "el log se puede leer después"


def test_a_container_without_memory_says_so(bench: Bench) -> None:
    eater = ("sh", "-c", "exec tail /dev/zero")
    with pytest.raises(ContainerEnded, match="sin memoria") as caught:
        bench.lab(box("base", eater, memory_mb=16)).up(runtime="docker")
    assert "16 MB" in caught.value.meaning


def test_a_container_that_never_answers_says_what_was_asked(bench: Bench) -> None:
    with pytest.raises(NotReady) as caught:
        bench.lab(box("base", SILENT, ready_s=2)).up(runtime="docker")
    assert "PING" in caught.value.meaning
    assert caught.value.details == ("pensando",)


def test_a_taken_port_is_avoided_and_a_forced_one_is_refused(bench: Bench) -> None:
    number = free_ports(1)[0]
    with listener(number):
        base = box("base", number=number)
        running = bench.lab(base).up(runtime="docker")
        assert running[0].url != f"redis://127.0.0.1:{number}"
        bench.lab(base).down()
        with pytest.raises(PortTaken, match=str(number)):
            bench.lab(base).up(runtime="docker", ports={"base": number})


def test_logs_follow_a_container_that_is_replaced(bench: Bench) -> None:
    base = box("base")
    bench.lab(base).up(runtime="docker")
    lines = bench.lab(base).logs("base", follow=True)
    seen: list[str] = []

    def follow() -> None:
        # Sigue a la espera cuando acaba esta prueba, y otra para el motor.
        with contextlib.suppress(EngineAbsent):
            seen.extend(itertools.islice(lines, 200))

    threading.Thread(target=follow, daemon=True).start()
    _until(lambda: _ready(seen) == 1)
    bench.lab(base).down()
    bench.lab(base).up(runtime="docker")
    _until(lambda: _ready(seen) == 2)


def _ready(seen: list[str]) -> int:
    return sum("Ready to accept connections" in line for line in list(seen))


def _until(condition: Any, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "no se cumplió a tiempo"
        time.sleep(0.05)


def test_two_projects_live_side_by_side(bench: Bench, tmp_path: Path) -> None:
    number = free_ports(1)[0]
    other = Bench(tmp_path / "estado", bench.engine, "aula-07")
    try:
        bench.lab(box("base", number=number)).up(runtime="docker")
        running = other.lab(box("base", number=number)).up(runtime="docker")
        assert running[0].url != f"redis://127.0.0.1:{number}", "el puerto conocido ya era del otro"
        bench.lab().down()
        assert list(other.alive()) == ["base"]
    finally:
        other.lab().down(data=True)
    assert bench.engine.networks(other.folder) == []


def test_a_container_reaches_the_processes_of_this_machine(bench: Bench) -> None:
    micro = process("micro")
    caller = box("base", env={"QUIEN": "${MICRO_HTTP_URL}"})
    bench.lab(micro, caller, BRIDGE).up(["micro", "base"], runtime="docker")
    about = bench.engine.containers(bench.folder)["base"]
    url = next(one.partition("=")[2] for one in about["Config"]["Env"] if one.startswith("QUIEN="))
    assert url.startswith("http://host.docker.internal:")
    host, _, number = url.removeprefix("http://").partition(":")
    script = f"exec 3<>/dev/tcp/{host}/{number}; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3"
    made = bench.engine.client.exec_create(about["Id"], ["bash", "-c", script])
    assert bench.engine.client.exec_start(made["Id"]).endswith(b"ok")
    assert "bridge" in {row.name for row in bench.lab(micro, caller, BRIDGE).status() if row.pid}


def test_without_a_process_to_reach_there_is_no_bridge(bench: Bench) -> None:
    running = bench.lab(process("micro"), box("base"), BRIDGE).up(["base"], runtime="docker")
    assert [one.name for one in running] == ["base"]


def test_a_firewall_in_the_way_is_named_with_its_rule(bench: Bench, firewalled: str) -> None:
    micro = process("micro")
    caller = box("base", env={"QUIEN": "${MICRO_HTTP_URL}"})
    with pytest.raises(HostUnreachable) as caught:
        bench.lab(micro, caller, BRIDGE).up(["micro", "base"], runtime="docker")
    assert caught.value.exit_code == 42
    assert "iptables -I INPUT" in (caught.value.command or "") or "ufw" in (caught.value.command or "")


@pytest.fixture
def firewalled(bench: Bench) -> Iterator[str]:
    """Un cortafuegos que corta lo que entra por la red de este laboratorio, y solo eso."""
    import subprocess

    interface = names.interface(bench.folder.label)
    rule = ["INPUT", "-i", interface, "-m", "conntrack", "--ctstate", "NEW", "-j", "REJECT"]
    subprocess.run(["iptables", "-I", *rule], check=True)
    yield interface
    subprocess.run(["iptables", "-D", *rule], check=True)


def test_images_that_are_not_the_official_ones_are_told(bench: Bench) -> None:
    told: list[Any] = []
    running = bench.lab(box("base")).up(runtime="docker", on_event=told.append)
    assert any(IMAGE in one.text for one in told if isinstance(one, Notice))
    assert running[0].product.endswith("(imagen local)")


def test_the_state_says_the_same_as_the_engine_when_the_file_is_lost(bench: Bench) -> None:
    base = box("base")
    bench.lab(base).up(runtime="docker")
    before = bench.alive()
    bench.folder.state.unlink()
    (bench.folder.path / "state.json.bak").unlink(missing_ok=True)
    assert [one.started for one in bench.lab(base).up()] == [False]
    assert bench.alive() == before
    assert json.loads(bench.folder.state.read_text("utf-8"))["services"]["base"]["runtime"] == "docker"
