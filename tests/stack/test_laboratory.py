"""El laboratorio con procesos de verdad: arrancar, repetir, cambiar, fallar y parar."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from stack import ports
from stack.errors import EngineAbsent, NotReady, PortTaken, StartError, StateError, StopError, UsageError
from stack.events import (
    Notice,
    ServiceFailed,
    ServiceReady,
    ServiceSkipped,
    ServiceStarting,
    ServiceStopped,
    ServiceStopping,
    ServiceUnchanged,
)
from stack.files import state_error
from stack.model import Fidelity, Kind
from stack.processes import is_alive
from stack.redis.service import REDIS
from stack.status import Condition
from tests.support.fakes import DIE, HEIR, PARENT, SERVE, SILENT, STUBBORN, fake, fragment, listener
from tests.support.running import free_port


def names(events: list[Any], kind: type) -> list[str]:
    return [event.service for event in events if isinstance(event, kind)]


def test_up_starts_in_order_and_twice_changes_nothing(bench: Any) -> None:
    lab = bench.lab(fake("web", depends_on=("base",)), fake("base"), fake("suelto"))
    first: list[Any] = []
    result = lab.up(["web"], on_event=first.append)
    assert [(one.name, one.started, one.fidelity) for one in result] == [
        ("web", True, Fidelity.EMBEDDED),
        ("base", True, Fidelity.EMBEDDED),
    ]
    assert [(type(event).__name__, event.service) for event in first] == [
        ("ServiceStarting", "base"),
        ("ServiceReady", "base"),
        ("ServiceStarting", "web"),
        ("ServiceReady", "web"),
    ]
    before = bench.alive()
    again: list[Any] = []
    assert [one.started for one in lab.up(["web"], on_event=again.append)] == [False, False]
    assert [type(event) for event in again] == [ServiceUnchanged, ServiceUnchanged]
    assert bench.alive() == before
    assert set(before) == {"web", "base"}


def test_without_names_everything_but_microservices(bench: Any) -> None:
    lab = bench.lab(fake("uno"), fake("micro", kind=Kind.MICROSERVICE))
    assert [one.name for one in lab.up()] == ["uno"]


def test_the_stack_outlives_the_laboratory_and_down_needs_no_state(bench: Any) -> None:
    services = (fake("uno"), fake("dos", depends_on=("uno",)))
    bench.lab(*services).up()
    for path in bench.folder.path.glob("state.json*"):
        path.unlink()
    events: list[Any] = []
    assert sorted(bench.lab(*services).down(on_event=events.append)) == ["dos", "uno"]
    assert names(events, ServiceStopping) == ["dos", "uno"], "nadie para antes que quien depende de él"
    assert bench.alive() == {}
    assert bench.lab(*services).down() == [], "dos veces no pasa nada"


def test_down_stops_what_the_catalog_no_longer_has(bench: Any) -> None:
    bench.lab(fake("viejo")).up()
    assert bench.lab(fake("nuevo")).down() == ["viejo"]
    assert bench.alive() == {}


def test_one_can_be_stopped_and_started_while_the_rest_goes_on(bench: Any) -> None:
    lab = bench.lab(fake("base"), fake("web", depends_on=("base",)))
    lab.up()
    web = bench.alive()["web"]
    assert lab.down(["base"]) == ["base"]
    assert {row.name: row.state for row in lab.status()} == {"base": Condition.STOPPED, "web": Condition.RUNNING}
    assert [one.started for one in lab.up()] == [True, False]
    assert bench.alive()["web"] == web


def test_a_changed_spec_restarts_it_and_its_dependents_only(bench: Any) -> None:
    base, web, other = fake("base"), fake("web", depends_on=("base",)), fake("otro")
    bench.lab(base, web, other).up()
    before = bench.alive()
    changed = replace(base, embedded=replace(base.embedded, env={"COLOR": "azul"}))
    events: list[Any] = []
    bench.lab(changed, web, other).up(["base"], on_event=events.append)
    after = bench.alive()
    assert after["otro"] == before["otro"]
    assert after["base"] != before["base"]
    assert after["web"] != before["web"], "nadie la nombró, pero depende de lo que cambió"
    assert names(events, ServiceStopped) == ["web", "base"]
    reasons = {event.service: event.reason for event in events if isinstance(event, ServiceStarting)}
    assert reasons == {
        "base": "cambió su configuración o algún puerto",
        "web": "se reinicia base, de quien depende",
    }


def test_one_left_with_another_configuration_is_told_until_it_is_put_right(bench: Any) -> None:
    base, other = fake("base"), fake("otro")
    lab = bench.lab(base, other)
    assert lab.outdated() == []
    lab.up()
    assert lab.outdated() == []
    bad = replace(base, embedded=replace(base.embedded, env={"COLOR": "roto"}))
    lab.with_services([bad, other]).up(["base"])
    assert lab.outdated() == ["base"]
    lab.up(["base"])
    assert lab.outdated() == []


def test_a_changed_config_file_restarts_and_leaves_no_old_files(bench: Any, tmp_path: Path) -> None:
    service = fake("uno", config=fragment(tmp_path / "a.txt", "url: ${UNO_HTTP_URL}\n"))
    lab = bench.lab(service)
    lab.up()
    folder = bench.folder.services / "uno" / "config"
    assert (folder / "ajustes.txt").read_text("utf-8") == f"url: http://127.0.0.1:{service.ports[0].number}\n"
    assert stat.S_IMODE((folder / "ajustes.txt").stat().st_mode) == 0o600
    (folder / "sobra.txt").write_text("de otra vez", "utf-8")
    fragment(tmp_path / "a.txt", "url: otra\n")
    before = bench.alive()
    lab.up()
    assert bench.alive() != before
    assert [path.name for path in folder.iterdir()] == ["ajustes.txt"]


def test_a_failed_start_says_why_and_the_next_up_converges(bench: Any) -> None:
    good, bad = fake("bueno"), fake("malo", DIE)
    after = fake("tras", depends_on=("malo",))
    events: list[Any] = []
    began = time.monotonic()
    with pytest.raises(NotReady) as caught:
        bench.lab(good, bad, after).up(on_event=events.append)
    assert time.monotonic() - began < bad.embedded.ready_timeout_s, "no espera a quien ya ha muerto"
    error = caught.value
    assert error.exit_code == 3
    assert "se murió al arrancar: el proceso terminó con código 3" in error.cause
    assert error.details == ("no encuentro mi fichero",)
    assert error.command == "stacklab logs malo"
    assert names(events, ServiceFailed) == ["malo"]
    assert [(event.service, event.missing) for event in events if isinstance(event, ServiceSkipped)] == [
        ("tras", "malo")
    ]
    rows = {row.name: row for row in bench.lab(good, bad, after).status()}
    assert [rows[name].state for name in ("bueno", "malo", "tras")] == ["running", "failed", "stopped"]
    assert rows["malo"].problem == "no llegó a arrancar"
    survivor = bench.alive()["bueno"]
    fixed = fake("malo", number=bad.ports[0].number)
    result = bench.lab(good, fixed, after).up()
    assert [(one.name, one.started) for one in result] == [("bueno", False), ("malo", True), ("tras", True)]
    assert bench.alive()["bueno"] == survivor


def test_everything_behind_a_failure_is_skipped(bench: Any) -> None:
    catalog = [
        fake("fin1", depends_on=("medio",)),
        fake("fin2", depends_on=("medio", "fin1")),
        fake("medio", depends_on=("malo",)),
        fake("malo", DIE),
        fake("libre"),
    ]
    events: list[Any] = []
    with pytest.raises(NotReady, match=r"^Malo se murió"):
        bench.lab(*catalog).up(on_event=events.append)
    skipped = {event.service: event.missing for event in events if isinstance(event, ServiceSkipped)}
    assert skipped == {"medio": "malo", "fin1": "medio", "fin2": "medio"}
    assert set(bench.alive()) == {"libre"}


def test_several_failures_are_all_told(bench: Any) -> None:
    with pytest.raises(NotReady) as caught:
        bench.lab(fake("uno", DIE), fake("dos", DIE)).up()
    text = f"{caught.value.cause} {caught.value.meaning}"
    assert "Uno se murió al arrancar" in text
    assert "Dos se murió al arrancar" in text
    assert bench.alive() == {}


def test_one_that_never_answers_has_a_deadline_and_leaves_nothing(bench: Any) -> None:
    with pytest.raises(NotReady) as caught:
        bench.lab(fake("mudo", SILENT, ready_s=0.3)).up()
    assert caught.value.cause == "Mudo no estuvo listo en 0.3 s"
    assert "Connection refused" in caught.value.meaning
    assert "GET http://127.0.0.1:" in caught.value.meaning
    assert caught.value.details == ("pensando",)
    assert bench.alive() == {}


def test_secrets_do_not_come_out_in_errors_or_logs(bench: Any) -> None:
    code = "import os, sys; print('mi clave es', os.environ['CLAVE'], flush=True); sys.exit(1)"
    lab = bench.lab(fake("charlatan", code, env={"CLAVE": "${CLAVE_SECRETA}"}, credentials=("clave_secreta",)))
    with pytest.raises(NotReady) as caught:
        lab.up()
    secret = lab.credentials()["CLAVE_SECRETA"]
    assert caught.value.details == ("mi clave es •••",)
    assert list(lab.logs("charlatan")) == ["mi clave es •••"]
    assert secret not in bench.folder.state.read_text("utf-8")


def test_killed_service_is_failed_and_starts_again(bench: Any) -> None:
    lab = bench.lab(fake("uno"))
    [first] = lab.up()
    os.kill(first.pid, signal.SIGKILL)
    _until(lambda: bench.alive() == {})
    [row] = lab.status()
    assert (row.state, row.problem, row.pid) == (Condition.FAILED, "terminó sin que nadie lo parase", None)
    [second] = lab.up()
    assert second.started
    [row] = lab.status()
    assert (row.state, row.pid, row.ports) == (Condition.RUNNING, second.pid, {"http": int(second.url[-5:])})
    assert row.memory_mb
    assert 0 < row.memory_mb < 50
    assert row.since is not None
    assert abs(row.since.timestamp() - time.time()) < 10
    lab.down()
    assert lab.status()[0].state is Condition.STOPPED


def test_one_that_hangs_is_failed_and_restarted(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stack.observe.SETTLE_S", 0.1)
    service = fake("uno", ready_s=0.2)
    lab = bench.lab(service)
    [first] = lab.up()
    hung = psutil.Process(first.pid)
    os.kill(first.pid, signal.SIGSTOP)
    _until(lambda: lab.status()[0].state is Condition.FAILED)
    assert "vive, pero no contesta" in (lab.status()[0].problem or "")
    events: list[Any] = []
    lab.up(on_event=events.append)
    [starting] = [event for event in events if isinstance(event, ServiceStarting)]
    assert starting.reason.startswith("no contesta: ")
    assert not is_alive(hung)


def test_trees_end_whole(bench: Any) -> None:
    lab = bench.lab(fake("familia", PARENT, grace_s=1.0))
    lab.up()
    assert len(bench.alive()["familia"]) == 3
    events: list[Any] = []
    lab.down(on_event=events.append)
    assert bench.alive() == {}
    assert [event.forced for event in events if isinstance(event, ServiceStopped)] == [True]


def test_what_is_born_while_stopping_ends_too(bench: Any) -> None:
    lab = bench.lab(fake("previsor", HEIR))
    lab.up()
    assert lab.down() == ["previsor"]
    assert bench.alive() == {}


def test_orphans_of_a_dead_service_are_cleared(bench: Any) -> None:
    lab = bench.lab(fake("familia", PARENT, grace_s=0.2))
    [one] = lab.up()
    os.kill(one.pid, signal.SIGKILL)
    _until(lambda: one.pid not in bench.alive().get("familia", []))
    orphans = bench.alive()["familia"]
    assert len(orphans) == 2
    [again] = lab.up()
    assert again.started
    assert not set(orphans) & set(bench.alive()["familia"])


def test_who_ignores_sigterm_is_killed_after_its_grace(bench: Any) -> None:
    lab = bench.lab(fake("terco", STUBBORN, grace_s=0.2))
    lab.up()
    events: list[Any] = []
    lab.down(on_event=events.append)
    [stopped] = [event for event in events if isinstance(event, ServiceStopped)]
    assert stopped.forced
    assert 0.2 <= stopped.seconds < 1
    assert bench.alive() == {}


def test_a_paused_service_can_be_stopped(bench: Any) -> None:
    lab = bench.lab(fake("uno", grace_s=5))
    [one] = lab.up()
    os.kill(one.pid, signal.SIGSTOP)
    began = time.monotonic()
    lab.down()
    assert time.monotonic() - began < 2
    assert bench.alive() == {}


def test_a_program_that_wipes_its_environment_is_still_ours(bench: Any) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("solo en Linux se reconoce por su salida")
    wiped = """
import os, sys
keep = {"STACKLAB_PORT_HTTP": os.environ["STACKLAB_PORT_HTTP"]}
os.execve(sys.executable, [sys.executable, "-S", "-c", CODE], keep)
"""
    lab = bench.lab(fake("camaleon", f"CODE = {SERVE!r}{wiped}"))
    [one] = lab.up()
    assert b"STACKLAB_SERVICE" not in Path(f"/proc/{one.pid}/environ").read_bytes()
    assert bench.alive() == {"camaleon": [one.pid]}
    assert [again.started for again in lab.up()] == [False], "el estado recuerda con qué configuración arrancó"
    bench.folder.state.unlink()
    (bench.folder.path / "state.json.bak").unlink(missing_ok=True)
    assert lab.down() == ["camaleon"]
    assert bench.alive() == {}


def test_redis_is_recognised_by_its_label(bench: Any) -> None:
    lab = bench.lab(replace(REDIS, ports=(replace(REDIS.ports[0], number=free_port()),)))
    [one] = lab.up()
    bench.folder.state.unlink()
    assert [again.started for again in lab.up()] == [False], "la configuración se lee del propio proceso"
    assert lab.env()["REDIS_URL"] == f"{one.url}/0"
    assert lab.status()[0].fidelity is REDIS.embedded.fidelity


def test_foreign_processes_are_untouched(bench: Any, tmp_path: Path) -> None:
    stranger = subprocess.Popen(
        [sys.executable, "-S", "-c", "import time; time.sleep(60)"],
        env=os.environ | {"STACKLAB_PROJECT": "prueba-de-otro", "STACKLAB_SERVICE": "uno"},
    )
    neighbour = type(bench)(tmp_path / "vecino")
    try:
        neighbour.lab(fake("uno")).up()
        lab = bench.lab(fake("uno"))
        lab.up()
        assert lab.down() == ["uno"]
        assert stranger.poll() is None
        assert set(neighbour.alive()) == {"uno"}
    finally:
        stranger.kill()
        stranger.wait()
        neighbour.lab(fake("uno")).down()


def test_ports_move_away_from_others_and_then_stay(bench: Any) -> None:
    number = free_port() % 20_000 + 1100
    with closing(listener(number)):
        lab = bench.lab(fake("uno", number=number))
        [one] = lab.up()
        moved = int(one.url.rpartition(":")[2])
        assert moved == number + 10_000 or moved != number
        assert moved < ports.FIRST_EPHEMERAL
        lab.down()
    [again] = lab.up()
    assert again.url == one.url, "el conocido ya está libre, pero los enlaces no cambian"
    assert [(e.service, e.number) for e in lab.endpoints()] == [("uno", moved)]


def test_a_forced_port_that_is_taken_names_its_owner(bench: Any) -> None:
    with closing(listener()) as other:
        number = other.getsockname()[1]
        with pytest.raises(PortTaken) as caught:
            bench.lab(fake("uno")).up(ports={"uno.http": number})
    assert f"el puerto {number} que pides para uno.http lo usa el proceso {os.getpid()}" in caught.value.cause
    assert caught.value.command == f"ps -fp {os.getpid()}"
    assert bench.alive() == {}


def test_a_forced_port_moves_a_running_service(bench: Any) -> None:
    lab = bench.lab(fake("uno"), fake("dos", env={"VECINO": "${UNO_HTTP_URL}"}))
    lab.up()
    number = free_port()
    result = {one.name: one for one in lab.up(["uno"], ports={"uno": number})}
    assert result["uno"].url == f"http://127.0.0.1:{number}"
    assert result["dos"].started, "su configuración llevaba el puerto de antes"
    assert [one.started for one in lab.up()] == [False, False]


@pytest.mark.parametrize("answers", [False, True], ids=["callado", "contesta a la sonda"])
def test_a_port_lost_in_a_race_is_tried_again_elsewhere(
    bench: Any, monkeypatch: pytest.MonkeyPatch, answers: bool
) -> None:
    lab = bench.lab(fake("uno"))
    number = lab.services[0].ports[0].number
    really_free = ports.is_free
    looks = [True]
    monkeypatch.setattr(ports, "is_free", lambda n: bool(looks and looks.pop()) or really_free(n))
    other = _web_server(number) if answers else None
    with closing(listener(number)) if other is None else other:
        events: list[Any] = []
        [one] = lab.up(on_event=events.append)
    assert one.url != f"http://127.0.0.1:{number}"
    assert names(events, ServiceFailed) == []
    assert names(events, ServiceReady) == ["uno"]


def test_a_broken_state_is_set_aside_and_rebuilt(bench: Any) -> None:
    lab = bench.lab(fake("uno"), fake("dos"))
    lab.up()
    before = bench.alive()
    urls = [one.url for one in lab.up()]
    whole = bench.folder.state.read_text("utf-8")
    for broken in (whole[:40], "", "\0" * 30, json.dumps({"schema": 99, "futuro": True})):
        bench.folder.state.write_text(broken, "utf-8")
        assert {row.state for row in lab.status()} == {Condition.RUNNING}, "mirar no cambia nada"
        events: list[Any] = []
        result = lab.up(on_event=events.append)
        assert [(one.started, one.url) for one in result] == [(False, url) for url in urls]
        [notice] = [event for event in events if isinstance(event, Notice)]
        assert "lo rehago mirando qué procesos hay en marcha" in notice.text
        aside = Path(notice.text.partition("apartado en ")[2].partition(" y lo")[0])
        assert aside.read_text("utf-8") == broken
        aside.unlink()
        assert json.loads(bench.folder.state.read_text("utf-8")) == json.loads(whole)
    assert bench.alive() == before


def test_a_folder_that_cannot_be_is_explained(tmp_path: Path) -> None:
    from stack.laboratory import Laboratory

    (tmp_path / "fichero").write_text("no soy una carpeta", "utf-8")
    with pytest.raises(StateError) as caught:
        Laboratory("prueba", tmp_path / "fichero", [fake("uno")]).up()
    assert caught.value.exit_code == 3
    assert str(tmp_path / "fichero" / "prueba") in caught.value.cause


def test_a_full_disk_halfway_starts_nothing_more(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from stack import state as states

    lab = bench.lab(fake("base"), fake("web", depends_on=("base",)))
    lab.up(["base"])
    lab.down()
    really, fail = states.write_whole, [False]

    def write(path: Path, text: str, **options: Any) -> None:
        if '"spec_hash"' in text:
            fail[0] = True
            raise states.state_error(path, OSError(errno.ENOSPC, "No space left on device"))
        really(path, text, **options)

    monkeypatch.setattr(states, "write_whole", write)
    with pytest.raises(StateError, match="no queda sitio en el disco"):
        lab.up()
    assert fail == [True]
    assert set(bench.alive()) == {"base"}
    monkeypatch.undo()
    assert [one.started for one in lab.up()] == [False, True], "lo arrancado no se pierde"


def test_down_goes_on_when_one_resists(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = bench.lab(fake("uno", grace_s=0.1), fake("dos"), fake("tres"))
    pids = {one.name: one.pid for one in lab.up()}
    really = psutil.Process.send_signal

    def send(process: psutil.Process, number: int) -> None:
        if process.pid == pids["uno"]:
            raise psutil.AccessDenied(process.pid)
        really(process, number)

    monkeypatch.setattr(psutil.Process, "send_signal", send)
    with pytest.raises(StopError) as caught:
        lab.down()
    monkeypatch.undo()
    assert caught.value.exit_code == 3
    assert "uno" in caught.value.cause
    assert caught.value.details == (f"kill -9 {pids['uno']}",)
    assert set(bench.alive()) == {"uno"}, "los demás sí están parados"
    assert lab.down() == ["uno"]


def full(context: pytest.MonkeyPatch) -> str:
    def write(path: Path, text: str, **options: Any) -> None:
        raise state_error(path, OSError(errno.ENOSPC, ""))

    context.setattr("stack.state.write_whole", write)
    return "no queda sitio en el disco"


def read_only(context: pytest.MonkeyPatch) -> str:
    really = os.open

    def refuse(path: Any, flags: int, *rest: Any, **options: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR) and "estado" in str(path):
            raise OSError(errno.EROFS, "", str(path))
        return really(path, flags, *rest, **options)

    context.setattr(os, "open", refuse)
    return "el disco está montado solo para lectura"


@pytest.mark.parametrize("disk", [full, read_only])
def test_down_stops_everything_whatever_the_disk_and_says_what_it_could_not_write(
    bench: Any, monkeypatch: pytest.MonkeyPatch, disk: Any
) -> None:
    lab = bench.lab(fake("uno"), fake("dos"))
    lab.up()
    events: list[Any] = []
    with monkeypatch.context() as context:
        says = disk(context)
        assert sorted(lab.down(on_event=events.append)) == ["dos", "uno"]
    assert bench.alive() == {}
    (told,) = [event.text for event in events if isinstance(event, Notice)]
    assert told.startswith(f"No se puede escribir {bench.folder.state}: {says}. Lo que se ha parado, parado está")
    assert {row.state for row in lab.status()} == {Condition.FAILED}, "como se dijo"
    lab.down()
    assert {row.state for row in lab.status()} == {Condition.STOPPED}


def test_down_that_cannot_forget_the_data_says_that_the_rest_is_done(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = bench.lab(fake("uno"))
    lab.up()

    def refuse(path: Path) -> None:
        raise OSError(errno.EROFS, "", str(path))

    with monkeypatch.context() as context:
        context.setattr("shutil.rmtree", refuse)
        with pytest.raises(StateError) as caught:
            lab.down(data=True)
    assert caught.value.cause.startswith(f"no se puede borrar {bench.folder.services / 'uno' / 'data'}")
    assert caught.value.meaning == "Lo que se pidió parar lo está, pero esos datos siguen ahí."
    assert caught.value.command == "stacklab doctor"
    assert bench.alive() == {}
    assert {row.state for row in lab.status()} == {Condition.STOPPED}


def test_down_can_forget_the_data(bench: Any) -> None:
    lab = bench.lab(fake("uno"))
    lab.up()
    kept = bench.folder.services / "uno" / "data" / "apunte"
    kept.write_text("x", "utf-8")
    lab.down()
    assert kept.exists()
    lab.down(data=True)
    assert not kept.exists()


def test_what_is_not_there_is_a_usage_error(bench: Any) -> None:
    lab = bench.lab(fake("kafka"), fake("redis"))
    for wrong, near in (
        (lambda: lab.up(["kafak"]), "kafka"),
        (lambda: lab.down(["redsi"]), "redis"),
        (lambda: lab.env(["redsi"]), "redis"),
        (lambda: lab.links("kafk"), "kafka"),
        (lambda: lab.logs("kafk"), "kafka"),
        (lambda: lab.up(["kafka"], ports={"kafka.htp": 1}), "kafka.http"),
        (lambda: lab.up(["kafka"], runtime="embeded"), "embedded"),
        (lambda: lab.up(["kafka"], per_service={"kafak": "embedded"}), "kafka"),
    ):
        with pytest.raises(UsageError) as caught:
            wrong()
        assert near in caught.value.meaning
        assert caught.value.exit_code == 2
    with pytest.raises(UsageError) as unlike:
        bench.lab(fake("finanzas"), fake("redis")).up(["nada"])
    assert unlike.value.meaning == "Los que hay: finanzas, redis.", "no se propone lo que no se parece"
    with pytest.raises(UsageError, match="70000"):
        lab.up(["kafka"], ports={"kafka": 70_000})
    assert bench.alive() == {}


def test_a_runtime_that_cannot_be_used_says_why(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{bench.folder.path}/no-hay.sock")
    with pytest.raises(EngineAbsent) as caught:
        bench.lab(fake("uno")).up(runtime="docker")
    assert "no-hay.sock" in caught.value.cause
    with pytest.raises(StartError, match="Uno") as strict:
        bench.lab(fake("uno")).up(per_service={"uno": "binary"})
    assert strict.value.exit_code == 3
    assert bench.alive() == {}


def test_without_the_real_program_binary_takes_what_pip_gives_and_says_so(bench: Any) -> None:
    running = bench.lab(fake("uno")).up(runtime="binary")
    assert [(one.runtime, one.fidelity) for one in running] == [("embedded", Fidelity.EMBEDDED)]


def test_env_and_links_tell_only_what_is_up(bench: Any) -> None:
    web = replace(fake("web"), links=(*fake("web").links, *fake("panel").links))
    lab = bench.lab(web, fake("panel"))
    assert lab.env() == {}
    lab.up(["web"])
    url = f"http://127.0.0.1:{web.ports[0].number}"
    assert lab.env() == {"WEB_URL": url}
    assert [link.url for link in lab.links("web")] == [f"{url}/"], "el otro enlace lleva a quien no está"
    lab.up()
    assert set(lab.env()) == {"WEB_URL", "PANEL_URL"}
    assert set(lab.env(["panel"])) == {"PANEL_URL"}
    assert len(lab.links("web")) == 2


def test_everything_on_disk_is_private(bench: Any) -> None:
    lab = bench.lab(fake("uno", credentials=("jwt_secret",)))
    lab.up()
    for path in [bench.folder.path, *bench.folder.path.rglob("*")]:
        if "/data/" not in str(path):
            assert path.stat().st_mode & 0o077 == 0, path


def test_the_plan_can_be_seen_without_doing_it(bench: Any) -> None:
    lab = bench.lab(fake("uno", credentials=("jwt_secret",)))
    number = lab.services[0].ports[0].number
    assert str(lab.plan()) == f"arrancar  uno         juguete (embedded) · http:{number}"
    assert not bench.folder.path.exists()
    lab.up()
    assert str(lab.plan()) == f"dejar     uno         juguete (embedded) · http:{number}"


def test_a_listener_that_fails_does_not_leave_things_halfway(bench: Any) -> None:
    lab = bench.lab(fake("uno"), fake("dos"))

    def closed_pipe(event: object) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        lab.up(on_event=closed_pipe)
    assert lab.down() != []
    assert bench.alive() == {}


def _until(condition: Any, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "no llegó a ocurrir"
        time.sleep(0.01)


def _web_server(number: int) -> Any:
    """Otro programa que, en ese puerto, contesta justo lo que espera la sonda."""
    child = subprocess.Popen(
        [sys.executable, "-S", "-c", SERVE],
        env=os.environ | {"STACKLAB_PORT_HTTP": str(number)},
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    child.stdout.readline()

    class _Server:
        def close(self) -> None:
            child.kill()
            child.wait()
            child.stdout.close()

    return closing(_Server())
