"""Ayuda, errores y códigos de salida: lo que no necesita ningún servicio en marcha."""

from __future__ import annotations

import json
import socket
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
    assert str(number) in result.stderr
    assert "Prueba:" in result.stderr


def test_docker_is_not_there_yet_and_it_says_so(stacklab: Terminal) -> None:
    result = stacklab("up", "redis", "--runtime", "docker")
    assert result.returncode == 3
    assert "docker" in result.stderr.lower()


def test_a_state_folder_that_cannot_be_written_is_three(stacklab: Terminal, tmp_path: Path) -> None:
    (tmp_path / "fichero").write_text("", "utf-8")
    result = stacklab("up", "redis", STACKLAB_HOME=str(tmp_path / "fichero"))
    assert result.returncode == 3
    assert "Traceback" not in result.stderr


def test_our_own_fault_is_four_and_leaves_a_report(stacklab: Terminal, tmp_path: Path) -> None:
    broken = tmp_path / "sitecustomize.py"
    broken.write_text(
        "import stack.laboratory as one\n"
        "def boom(self):\n    raise RuntimeError('algo impensable')\n"
        "one.Laboratory.status = boom\n",
        "utf-8",
    )
    result = stacklab("status", PYTHONPATH=f"{tmp_path}:{Path(__file__).parents[2]}")
    assert result.returncode == 4
    assert "algo impensable" in result.stderr
    assert "Traceback" not in result.stderr
    (report,) = (stacklab.home / "informes").glob("*.md")
    assert report.stat().st_mode & 0o777 == 0o600
    text = report.read_text("utf-8")
    assert "`stacklab status`" in text
    assert "RuntimeError: algo impensable" in text


def test_doctor_says_what_it_saw(stacklab: Terminal) -> None:
    findings = json.loads(stacklab("doctor", "--json").stdout)["checks"]
    assert {"Python", "Paquetes", "Puertos", "Memoria", "Disco", "Restos", "Docker"} <= {
        one["check"] for one in findings
    }
    assert all(one["status"] in ("ok", "warning", "bad") and one["text"] for one in findings)
    shown = stacklab("doctor")
    assert shown.returncode == 0
    assert "✔ Python" in shown.stdout
    report = stacklab("doctor", "--report").stdout
    assert report.startswith("# Informe de stacklab")


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
