"""Ayuda, errores y códigos de salida: lo que no necesita ningún servicio en marcha."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from lab.cli import main
from stack.containers.images import load
from stack.model import Fidelity, Kind
from stack.status import Running
from tests.lab.conftest import Terminal
from tests.support.docker_stub import Refusal, Scenario, docker_engine

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
        (("status", "de", "más"), "sobra «de más».\n  prueba: stacklab status --help"),
        (("run", "flujo-a", "otro"), "sobra «otro».\n  prueba: stacklab run --help"),
        (("run", "flujo-a", "--runtime"), "necesita un valor.\n  prueba: stacklab run --help"),
        (("status", "--jason"), "¿querías decir --json?"),
        (("--project", "otro", "env"), "van detrás"),
        (("status", "--project", "Mi Aula"), "minúsculas"),
        (("up", "--jason"), "--jason.\n  prueba"),
        (("run", "flujo-z"), "los que hay son: flujo-a, flujo-b, flujo-c."),
        (("run", "D"), "flujo-d todavía no se puede ejecutar"),
        (("run", "../flujo_d"), "no conozco ningún flujo"),
        (("logs", "redis", "-n", "-3"), "n líneas (0 o más)"),
    ],
)
def test_wrong_usage_is_two_and_suggests(
    words: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # En este mismo proceso: son muchas, y arrancar uno por cada una es lo que más tarda.
    monkeypatch.setenv("STACKLAB_HOME", str(tmp_path))
    with pytest.raises(SystemExit) as left:
        main(words)
    shown = capsys.readouterr()
    assert left.value.code == 2
    assert said.lower() in shown.err.lower()
    assert "Prueba: stacklab" in shown.err
    assert shown.out == ""
    assert not [word for word in ENGLISH if word in shown.err]


def test_a_name_is_written_as_it_is_also_at_the_beginning(stacklab: Terminal) -> None:
    assert stacklab("run", "flujo-b", "--file", "x.png").stderr.startswith("✘ flujo-b no sube ninguna foto.")


def test_a_log_with_nothing_in_it_says_so_apart(stacklab: Terminal) -> None:
    result = stacklab("logs", "kafka")
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr.startswith("kafka no ha escrito nada.")


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("console", "Para verlo: stacklab open console · para parar: stacklab down\n"),
        ("redis", "Para parar: stacklab down\n"),
    ],
)
def test_up_ends_saying_where_to_look_and_how_to_stop(
    name: str, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    running = Running(name, name, Kind.SERVICE, "binary", Fidelity.BINARY, "", "", None, True, 0.1)
    monkeypatch.setenv("STACKLAB_HOME", str(tmp_path))
    monkeypatch.setattr("stack.laboratory.Laboratory.up", lambda self, names, **options: [running])
    with pytest.raises(SystemExit) as left:
        main(["up", name])
    assert (left.value.code, capsys.readouterr().out) == (0, end)


def test_the_list_says_what_each_flow_is_about(stacklab: Terminal) -> None:
    shown = stacklab("list").stdout
    assert "Una estudiante sube su foto.\n" in shown
    assert "Base de datos" in shown
    assert max(map(len, shown.splitlines())) <= 80
    (first, *_) = json.loads(stacklab("list", "--json").stdout)["flows"]
    assert set(first) == {"id", "title", "hops", "services", "memory_mb", "last"}


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
    assert "- redis: parado, resp 6379" in asked
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


def test_doctor_asks_the_docker_engine_and_the_registries(stacklab: Terminal) -> None:
    known = {
        image.reference: {"Descriptor": {"digest": image.digest}, "Platforms": []} for image in load().values()
    }
    scenario = Scenario(version="27.3.1", manifests=dict(known))
    with docker_engine(scenario) as address:
        docker = findings(stacklab, DOCKER_HOST=address)["Docker"]
        assert (docker["status"], "27.3.1" in docker["text"]) == ("ok", True)
        shown = stacklab("doctor", "--images", DOCKER_HOST=address)
        assert (shown.returncode, "pueden bajar" in shown.stdout) == (0, True)
        assert max(map(len, shown.stdout.splitlines())) <= 80
        scenario.manifests["grafana/grafana:13.2.3"] = Refusal(404, "manifest unknown")
        scenario.manifests["mirror.gcr.io/grafana/grafana:13.2.3"] = Refusal(404, "manifest unknown")
        answer = stacklab("doctor", "--images", "--json", DOCKER_HOST=address)
        assert answer.returncode == 1
        verdicts = {one["image"]: one["verdict"] for one in json.loads(answer.stdout)["images"]}
        assert (verdicts["grafana"], verdicts["kafka"]) == ("gone", "same")


def test_each_docker_failure_leaves_with_its_own_code(stacklab: Terminal) -> None:
    nobody = stacklab("doctor", "--images", DOCKER_HOST="unix:///no/hay/nada.sock")
    assert (nobody.returncode, "unset DOCKER_HOST" in nobody.stderr) == (30, True)
    far = stacklab("up", "redis", "--runtime", "docker", DOCKER_HOST="ssh://ana@maquina")
    assert (far.returncode, "otra máquina" in far.stderr) == (33, True)
    with docker_engine(Scenario()) as address:
        unconnected = stacklab("doctor", "--images", DOCKER_HOST=address)
    assert unconnected.returncode == 37


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(stacklab: Terminal, shell: str) -> None:
    script = stacklab("completion", shell).stdout
    assert "_STACKLAB_COMPLETE" in script
    if shell == "bash":
        words = stacklab(_STACKLAB_COMPLETE="complete_bash", COMP_WORDS="stacklab ru", COMP_CWORD="1").stdout
        assert words.split() == ["run"]
        words = stacklab(_STACKLAB_COMPLETE="complete_bash", COMP_WORDS="stacklab run fl", COMP_CWORD="2").stdout
        assert words.split()[:3] == ["flujo-a", "flujo-b", "flujo-c"]


def test_the_version(stacklab: Terminal) -> None:
    assert stacklab("--version").stdout.startswith("stacklab 0.")
