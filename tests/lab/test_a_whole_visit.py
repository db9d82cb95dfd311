"""Una visita entera: ejecutar el flujo, mirar, conectarse, estropear, parar; y en terminales difíciles."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from minio import Minio

from stack.folder import Folder
from stack.processes import projects
from tests.lab.conftest import Terminal

SEVEN = ("kafka", "redis", "minio", "kong", "jaeger", "prometheus", "grafana")

RUN = ("run", "flujo-a", "--auto")


def read_until(descriptor: int, text: str, seconds: float = 30.0) -> str:
    """Lo que sale por la terminal hasta que aparece `text`."""
    seen, deadline = "", time.monotonic() + seconds
    while text not in seen:
        assert time.monotonic() < deadline, f"no apareció «{text}» en:\n{seen}"
        if select.select([descriptor], [], [], 0.2)[0]:
            try:
                seen += os.read(descriptor, 65536).decode("utf-8", "replace")
            except OSError:
                assert text in seen, f"se cerró sin «{text}»:\n{seen}"
    return seen


@contextmanager
def on_a_terminal(stacklab: Terminal, *words: str, **extra: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """`stacklab …` en una terminal de mentira: el proceso y el extremo por el que se teclea y se lee."""
    master, slave = pty.openpty()
    environment = stacklab.environment(**{"TERM": "xterm"} | extra)
    command = [sys.executable, "-m", "lab", *words]
    process = subprocess.Popen(command, env=environment, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    try:
        yield process, master
    finally:
        process.kill()
        process.wait()
        os.close(master)


@pytest.fixture(scope="module")
def first(stacklab: Terminal) -> subprocess.CompletedProcess[str]:
    return stacklab(*RUN, "--json")


def test_sixteen_of_sixteen_in_json(first: subprocess.CompletedProcess[str]) -> None:
    lines = [json.loads(line) for line in first.stdout.splitlines()]
    assert first.returncode == 0, first.stdout[-2000:] + first.stderr
    assert [line["type"] for line in lines] == ["run.started", *["hop"] * 16, "run.finished"]
    assert [line["id"] for line in lines[1:-1]] == [f"A{number}" for number in range(1, 17)]
    assert {line["status"] for line in lines[1:-1]} == {"proven"}
    assert (lines[-1]["status"], lines[-1]["proven"]) == ("passed", 16)


@pytest.mark.usefixtures("first")
def test_status_env_list_and_open(stacklab: Terminal) -> None:
    services = json.loads(stacklab("status", "--json").stdout)["services"]
    running = {one["name"] for one in services if one["state"] == "running"}
    assert running >= {*SEVEN, "uploads", "thumbnails"}
    assert {one["state"] for one in services} <= {"running", "stopped"}
    assert {"name", "runtime", "state", "url", "ports", "pid", "memory_mb", "since"} <= set(services[0])
    values = json.loads(stacklab("env", "--json").stdout)
    assert {"KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL", "JAEGER_URL", "PROMETHEUS_URL", "MINIO_SECRET_KEY"} <= set(
        values
    )
    assert f"export REDIS_URL={values['REDIS_URL']}" in stacklab("env", "redis").stdout
    assert "16 de 16 probados" in stacklab("list").stdout
    assert values["JAEGER_URL"] in stacklab("open", "jaeger").stdout
    everything = stacklab("doctor", "--report").stdout + stacklab("logs", "uploads").stdout
    assert values["MINIO_SECRET_KEY"] not in everything


@pytest.mark.usefixtures("first")
@pytest.mark.parametrize(
    "extra",
    [{"COLUMNS": "40"}, {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}],
    ids=["estrecha", "ascii"],
)
def test_difficult_terminals(stacklab: Terminal, extra: dict[str, str]) -> None:
    result = stacklab(*RUN, **extra)
    assert result.returncode == 0
    assert "16 de 16 pasos probados" in " ".join(result.stdout.split())
    assert "Traceback" not in result.stderr
    assert "\x1b" not in result.stdout
    assert "?" not in result.stdout.replace("?from=", "")
    width = int(extra.get("COLUMNS", "80"))
    assert not [line for line in result.stdout.splitlines() if len(line) > width and "http" not in line]


@pytest.mark.usefixtures("first")
def test_no_color_is_respected_in_a_terminal(stacklab: Terminal) -> None:
    def colours(**extra: str) -> list[str]:
        with on_a_terminal(stacklab, "status", TERM="xterm-256color", **extra) as (process, master):
            shown = read_until(master, "stacklab down")
            process.wait(20)
        return re.findall(r"\x1b\[(?:\d+;)*(?:[39][0-7]|38;5;\d+)m", shown)

    assert colours()
    assert not colours(NO_COLOR="1")


@pytest.mark.usefixtures("first")
def test_logs_are_for_people_in_a_terminal_and_for_programs_outside(stacklab: Terminal) -> None:
    piped = stacklab("logs", "uploads").stdout.splitlines()
    assert {"time", "level", "message"} <= set(json.loads(piped[0]))
    for words, start in (((), r"\d\d:\d\d:\d\d,\d{3}  "), (("--raw",), r"\{")):
        with on_a_terminal(stacklab, "logs", "uploads", *words, TERM="dumb") as (process, master):
            shown = read_until(master, "avatar guardado")
            process.wait(20)
        assert re.match(start, shown), shown


@pytest.mark.usefixtures("first")
@pytest.mark.parametrize("words", [(), ("--json",)], ids=["texto", "json"])
def test_a_closed_pipe_is_not_a_crash_nor_a_failed_hop(stacklab: Terminal, words: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "lab", *RUN, *words]
    process = subprocess.Popen(
        command, env=stacklab.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    assert process.wait(30) == 141


@pytest.mark.usefixtures("first")
def test_two_runs_at_once_both_pass_and_the_second_waits(stacklab: Terminal) -> None:
    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "lab", *RUN]
        environment = stacklab.environment(PYTHONUNBUFFERED="1")
        return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)

    def said(process: subprocess.Popen[bytes], text: str = "") -> str:
        assert process.stdout is not None
        if text:
            return read_until(process.stdout.fileno(), text)
        return process.communicate(timeout=60)[0].decode()

    one = start()
    try:
        said(one, "✔")
        one.send_signal(signal.SIGSTOP)  # así la otra llega seguro mientras esta tiene el turno
        other = start()
        try:
            waiting = said(other, "Espero a otra orden")
            assert "A1" not in waiting
        finally:
            one.send_signal(signal.SIGCONT)
        for process in (one, other):
            assert "16 de 16 pasos probados" in said(process)
            assert process.returncode == 0
    finally:
        one.kill()
        one.wait()


@pytest.mark.usefixtures("first")
def test_a_sabotage_turns_red(stacklab: Terminal) -> None:
    result = stacklab(*RUN, "--sabotage", "A4")
    assert result.returncode == 1
    assert "✘ no probado" in result.stdout


@pytest.mark.usefixtures("first")
def test_in_a_terminal_it_stands_still_before_each_hop(stacklab: Terminal) -> None:
    values = json.loads(stacklab("env", "--json").stdout)
    minio = Minio(
        values["MINIO_ENDPOINT"],
        access_key=values["MINIO_ACCESS_KEY"],
        secret_key=values["MINIO_SECRET_KEY"],
        secure=False,
    )

    def originals() -> set[str]:
        return {one.object_name for one in minio.list_objects("avatares", recursive=True) if one.object_name}

    before = originals()
    with on_a_terminal(stacklab, "run", "flujo-a", COLUMNS="100") as (process, master):
        read_until(master, "q salir")
        os.write(master, b"?")
        for _ in ("A1", "A2", "A3"):
            read_until(master, "q salir")
            os.write(master, b"\n")
        seen = read_until(master, "stacklab open minio")
        assert "antes de este paso" in seen
        if "q salir" not in seen.partition("stacklab open minio")[2]:
            read_until(master, "q salir")
        assert originals() == before
        os.write(master, b"\n")
        read_until(master, " A5 ")
        (new,) = originals() - before
        assert new.endswith(".png")
        os.write(master, b"q")
        read_until(master, "Lo dejaste aquí")
        assert process.wait(20) == 0


@pytest.mark.usefixtures("first")
def test_interrupting_is_130_and_leaves_what_was_already_up(stacklab: Terminal) -> None:
    with on_a_terminal(stacklab, "run", "flujo-a") as (process, master):
        read_until(master, "q salir")
        process.send_signal(signal.SIGINT)
        read_until(master, "Interrumpido")
        assert process.wait(20) == 130
    services = json.loads(stacklab("status", "--json").stdout)["services"]
    running = {one["name"] for one in services if one["state"] == "running"}
    assert running >= {*SEVEN, "uploads", "thumbnails"}
    assert {one["state"] for one in services} <= {"running", "stopped"}


@pytest.mark.usefixtures("first")
def test_down_leaves_no_process_and_no_open_port(stacklab: Terminal) -> None:
    services = json.loads(stacklab("status", "--json").stdout)["services"]
    ports = {number for one in services for number in one["ports"].values()}
    assert leftovers(stacklab).returncode == 1
    assert stacklab("down").returncode == 0
    assert (leftovers(stacklab).returncode, leftovers(stacklab).stderr) == (0, "")
    assert Folder(stacklab.home / "default").label not in projects()
    listening = {
        one.laddr.port for one in psutil.net_connections("tcp") if one.status == psutil.CONN_LISTEN and one.laddr
    }
    left = {one["pid"] for one in services if one["pid"] and _alive(one["pid"])}
    assert not left
    assert ports
    assert not [one for one in ports & listening if _is_ours(stacklab, one)]
    assert "No había nada en marcha" in stacklab("down").stdout


def test_terminating_a_run_that_started_everything_stops_everything(stacklab: Terminal) -> None:
    with on_a_terminal(stacklab, "run", "flujo-a") as (process, master):
        read_until(master, "q salir")
        process.send_signal(signal.SIGTERM)
        read_until(master, "Interrumpido")
        assert process.wait(20) == 130
    assert leftovers(stacklab).returncode == 0
    services = json.loads(stacklab("status", "--json").stdout)["services"]
    assert {one["state"] for one in services} == {"stopped"}


def leftovers(stacklab: Terminal) -> subprocess.CompletedProcess[str]:
    """Lo que mira la integración continua después de `down`."""
    command = [sys.executable, "-m", "tests.support.leftovers"]
    root = Path(__file__).parents[2]
    return subprocess.run(
        command, env=stacklab.environment(), cwd=root, capture_output=True, text=True, timeout=20, check=False
    )


def _alive(pid: int) -> bool:
    """Un proceso terminado del que nadie ha preguntado no cuenta."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _is_ours(stacklab: Terminal, number: int) -> bool:
    """Otro programa puede haber cogido el puerto en cuanto quedó libre: solo cuenta si es de esta persona."""
    for one in psutil.net_connections("tcp"):
        if one.laddr and one.laddr.port == number and one.pid:
            return psutil.Process(one.pid).environ().get("STACKLAB_HOME") == str(stacklab.home)
    return False
