"""Ayuda, errores y códigos de salida: lo que no necesita ningún servicio en marcha."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.conftest import Terminal

VERBS = ("list", "run", "up", "down", "status", "logs", "open", "env", "doctor", "completion")
ENGLISH = ("Usage", "Options", "Arguments", "Commands", "Show this message", "Missing", "No such", "Error")


@pytest.mark.parametrize("words", [(), *((verb,) for verb in VERBS)])
def test_the_help_is_spanish_and_fits(stacklab: Terminal, words: tuple[str, ...]) -> None:
    result = stacklab(*words, "--help")
    assert result.returncode == 0
    assert result.stdout.startswith("Uso: stacklab")
    assert "Opciones:" in result.stdout
    assert not [word for word in ENGLISH if word in result.stdout + result.stderr]
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_alone_it_teaches(stacklab: Terminal) -> None:
    result = stacklab()
    assert (result.returncode, "stacklab run flujo-a" in result.stdout) == (0, True)
    assert all(f"\n  {verb}" in result.stdout for verb in VERBS)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rum",), "run"),
        (("run", "flujo-aa"), "flujo-a"),
        (("run", "flujo-a", "--autoo"), "--auto"),
        (("run", "flujo-a", "--sabotage", "A99"), "A9"),
        (("run",), "FLUJO"),
        (("up", "kafca"), "kafka"),
        (("up", "--port", "kafka.broker=muchos"), "65535"),
        (("up", "--set", "kafka"), "nombre=valor"),
        (("up", "--runtime", "dokcer"), "docker"),
        (("logs", "kafca"), "kafka"),
        (("completion", "tcsh"), "bash"),
        (("status", "de", "más"), "sobra"),
    ],
)
def test_wrong_usage_is_two_and_suggests(stacklab: Terminal, words: tuple[str, ...], said: str) -> None:
    result = stacklab(*words)
    assert result.returncode == 2
    assert said.lower() in result.stderr.lower()
    assert "Prueba: stacklab" in result.stderr
    assert result.stdout == ""
    assert not [word for word in ENGLISH if word in result.stderr]


def test_a_file_that_is_not_there_is_one_and_starts_nothing(stacklab: Terminal) -> None:
    result = stacklab("run", "flujo-a", "--file", "no-existe.jpg")
    assert (result.returncode, "No encuentro el fichero no-existe.jpg" in result.stderr) == (1, True)
    status = json.loads(stacklab("status", "--json").stdout)
    assert {one["state"] for one in status["services"]} == {"stopped"}


def test_a_forced_port_that_is_taken_is_three_and_names_the_owner(stacklab: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        number = other.getsockname()[1]
        result = stacklab("up", "redis", "--port", f"redis.resp={number}")
    assert result.returncode == 3
    assert f"El puerto {number} que pides para redis.resp lo usa el proceso {os.getpid()}" in " ".join(
        result.stderr.split()
    )
    assert f"Prueba: ps -fp {os.getpid()}" in result.stderr


def test_docker_is_not_there_yet_and_it_says_so(stacklab: Terminal) -> None:
    result = stacklab("up", "redis", "--runtime", "docker")
    assert result.returncode == 3
    assert "docker" in result.stderr.lower()


@pytest.mark.parametrize("words", [("up", "redis"), ("run", "flujo-a")])
def test_a_state_folder_that_cannot_be_written_is_three(
    stacklab: Terminal, tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "fichero").write_text("", "utf-8")
    result = stacklab(*words, STACKLAB_HOME=str(tmp_path / "fichero"))
    assert result.returncode == 3
    assert "Traceback" not in result.stderr


BOOM = """
import stack.laboratory as one
def boom(self):
    raise RuntimeError("algo impensable con " + self.credentials()["MINIO_SECRET_KEY"])
one.Laboratory.status = boom
"""


def broken(folder: Path) -> str:
    """Un PYTHONPATH con el que `status` se rompe diciendo un secreto en el error."""
    (folder / "sitecustomize.py").write_text(BOOM, "utf-8")
    return f"{folder}:{Path(__file__).parents[2]}"


def test_our_own_fault_is_four_and_leaves_a_report_without_secrets(stacklab: Terminal, tmp_path: Path) -> None:
    home = tmp_path / "casa"
    (home / "default").mkdir(parents=True)
    credentials = home / "default" / "credentials.json"
    credentials.write_text(json.dumps({"minio_secret_key": "Secretisimo0123456789"}), "utf-8")
    credentials.chmod(0o600)
    result = stacklab("status", PYTHONPATH=broken(tmp_path), STACKLAB_HOME=str(home))
    assert result.returncode == 4
    assert "algo impensable con •••" in result.stderr
    assert "Traceback" not in result.stderr
    (report,) = (home / "informes").glob("*.md")
    assert str(report) in "".join(result.stderr.split())
    assert report.stat().st_mode & 0o777 == 0o600
    text = report.read_text("utf-8")
    assert "`stacklab status`" in text
    assert "RuntimeError: algo impensable con •••" in text
    asked = stacklab("doctor", "--report", STACKLAB_HOME=str(home)).stdout
    assert "RuntimeError: algo impensable con •••" in asked.partition("## Último error")[2]
    assert "- redis: stopped, resp 6379" in asked
    assert "Secretisimo" not in text + result.stdout + result.stderr + asked


def test_without_a_place_for_the_report_the_fault_is_still_four(stacklab: Terminal, tmp_path: Path) -> None:
    home = tmp_path / "casa"
    (home / "default").mkdir(parents=True)
    (home / "default" / "credentials.json").write_text('{"minio_secret_key": "x1"}', "utf-8")
    (home / "informes").write_text("", "utf-8")
    result = stacklab("status", PYTHONPATH=broken(tmp_path), STACKLAB_HOME=str(home))
    assert result.returncode == 4
    assert "algo impensable" in result.stderr
    assert "informe en" not in result.stderr
    assert "Traceback" not in result.stderr


def test_a_home_of_nobody_is_wrong_usage(stacklab: Terminal) -> None:
    result = stacklab("doctor", STACKLAB_HOME="~nadie-que-exista/x")
    assert (result.returncode, "Traceback" in result.stderr) == (2, False)
    assert "STACKLAB_HOME" in result.stderr


def findings(stacklab: Terminal, **extra: str) -> dict[str, dict[str, str]]:
    return {one["check"]: one for one in json.loads(stacklab("doctor", "--json", **extra).stdout)["checks"]}


def test_doctor_says_what_it_saw(stacklab: Terminal) -> None:
    seen = findings(stacklab)
    assert {"Python", "Paquetes", "Puertos", "Memoria", "Disco", "Restos", "Averías", "Docker", "Reloj"} <= set(
        seen
    )
    assert {tuple(one) for one in seen.values()} == {("check", "status", "text", "fix", "details")}
    assert all(one["status"] in ("ok", "warning", "bad") and one["text"] for one in seen.values())
    shown = stacklab("doctor")
    assert shown.returncode == 0
    assert "✔ Python" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80
    assert "\x1b" not in shown.stdout


def test_doctor_is_one_and_goes_on_when_the_state_cannot_be_kept(stacklab: Terminal, tmp_path: Path) -> None:
    (tmp_path / "fichero").write_text("", "utf-8")
    result = stacklab("doctor", STACKLAB_HOME=str(tmp_path / "fichero"))
    assert result.returncode == 1
    assert "✘ Disco" in result.stdout
    assert "no es una carpeta" in result.stdout
    assert "Reloj" in result.stdout


def test_doctor_sees_a_forgotten_fault_and_a_clock_that_went_back(stacklab: Terminal, tmp_path: Path) -> None:
    faults = tmp_path / "default" / "faults"
    faults.mkdir(parents=True)
    fault = {"kind": "pause", "details": {"pid": 1, "born": "nunca"}, "owner": [1, "otro nacimiento"]}
    (faults / "000001-a.json").write_text(json.dumps(fault), "utf-8")
    later = tmp_path / "default" / "historial.json"
    later.write_text("{}", "utf-8")
    os.utime(later, (later.stat().st_mtime + 86400,) * 2)
    seen = findings(stacklab, STACKLAB_HOME=str(tmp_path))
    assert (seen["Averías"]["status"], "pause" in seen["Averías"]["text"]) == ("warning", True)
    assert seen["Averías"]["fix"] == "stacklab up"
    assert seen["Reloj"]["status"] == "warning"


@contextmanager
def engine(path: Path, answer: bytes) -> Iterator[str]:
    """Algo que escucha en un socket como un motor de Docker y contesta `answer` una vez."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        server.settimeout(20)

        def attend() -> None:
            with server.accept()[0] as caller:
                caller.recv(1024)
                caller.sendall(answer)

        thread = threading.Thread(target=attend)
        thread.start()
        yield f"unix://{path}"
        thread.join()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.0 200 OK\r\nApi-Version: 1.51\r\n\r\nOK", "Docker está"),
        (b"HTTP/1.0 200 OK\r\nServer: otro\r\n\r\nhola", "no contesta ningún Docker"),
    ],
    ids=["docker", "otra cosa"],
)
def test_doctor_asks_the_docker_engine(stacklab: Terminal, tmp_path: Path, answer: bytes, said: str) -> None:
    with engine(tmp_path / "d.sock", answer) as address:
        docker = findings(stacklab, DOCKER_HOST=address)["Docker"]
    assert (docker["status"], said in docker["text"]) == ("ok", True)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(stacklab: Terminal, shell: str) -> None:
    script = stacklab("completion", shell).stdout
    assert "_STACKLAB_COMPLETE" in script
    if shell == "bash":
        words = stacklab(_STACKLAB_COMPLETE="complete_bash", COMP_WORDS="stacklab ru", COMP_CWORD="1").stdout
        assert words.split() == ["run"]
        words = stacklab(_STACKLAB_COMPLETE="complete_bash", COMP_WORDS="stacklab run fl", COMP_CWORD="2").stdout
        assert words.split() == ["flujo-a"]


def test_the_version(stacklab: Terminal) -> None:
    assert stacklab("--version").stdout.startswith("stacklab 0.")
