"""La tabla de lo que puede fallar en Docker: cada fila, provocada a través de la biblioteca de verdad."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from docker import APIClient

from stack import errors
from stack.containers.endings import ended, not_ready
from stack.containers.engine import client, discover
from stack.containers.failures import RefusedError, refusal, told, translate
from stack.containers.firewall import FIREWALLD, UFW, active
from stack.containers.found import Absent, Attempt, Engine, Place
from stack.containers.images import load
from stack.containers.reach import host_unreachable
from stack.containers.sentences import disk_full, name_conflict
from tests.support.docker_stub import Pull, Refusal, Scenario, docker_engine

DOC = Path(__file__).parents[3] / "docs" / "docker.md"
KAFKA = load()["kafka"]
LOCAL = Engine("unix:///var/run/docker.sock", "el del sistema", local=True, api_version="1.45")


@dataclass(frozen=True)
class Row:
    """Una fila: cómo contesta el motor, qué se le pide, y lo que tiene que ver la persona."""

    kind: type[errors.StacklabError]
    code: int
    says: str
    command: str
    answer: Refusal | Pull
    ask: str = "create"
    api: str = "1.45"
    also: tuple[str, ...] = field(default=())


def create(api: APIClient) -> None:
    api.create_container("apache/kafka:4.3.1", name="stacklab-default-kafka")


def start(api: APIClient) -> None:
    api.start("abc")


def network(api: APIClient) -> None:
    api.create_network("stacklab-default")


def pull(api: APIClient) -> None:
    said = list(api.pull(KAFKA.by_digest, stream=True, decode=True))
    if "error" in said[-1]:
        raise RefusedError(said[-1]["error"])


ASK: dict[str, tuple[Callable[[APIClient], None], str]] = {
    "create": (create, "POST /containers/create"),
    "start": (start, "POST /containers/abc/start"),
    "network": (network, "POST /networks/create"),
    "pull": (pull, ""),
}


def broken(text: str) -> Pull:
    """Una bajada que empieza bien y se tuerce."""
    return Pull([{"status": "Pulling from apache/kafka", "id": "4.3.1"}, {"error": text}])


HUB = 'Get "https://registry-1.docker.io/v2/": '
ROWS = {
    "la imagen ya no existe": Row(
        errors.ImageGone,
        34,
        "la imagen apache/kafka:4.3.1 no existe, o no se deja bajar",
        "stacklab up --set kafka=embedded",
        Refusal(404, "manifest for apache/kafka@sha256:77e3 not found: manifest unknown: manifest unknown"),
        "pull",
    ),
    "la imagen ya no es pública": Row(
        errors.ImageGone,
        34,
        "no existe, o no se deja bajar",
        "stacklab up --set kafka=embedded",
        Refusal(
            404,
            "pull access denied for apache/kafka, repository does not exist or may require 'docker login': "
            "denied: requested access to the resource is denied",
        ),
        "pull",
    ),
    "quay dice que no": Row(
        errors.ImageGone,
        34,
        "no existe, o no se deja bajar",
        "stacklab up --set kafka=embedded",
        Refusal(500, "unauthorized: access to the requested resource is not authorized"),
        "pull",
    ),
    "el registro no nos conoce": Row(
        errors.ImageGone,
        34,
        "no existe, o no se deja bajar",
        "stacklab up --set kafka=embedded",
        Refusal(500, "unauthorized"),
        "pull",
    ),
    "no está en el motor al crear": Row(
        errors.ImageGone,
        34,
        "no existe, o no se deja bajar",
        "stacklab up --set kafka=embedded",
        Refusal(404, "No such image: apache/kafka:4.3.1"),
    ),
    "con el almacén de containerd": Row(
        errors.ImageGone,
        34,
        "no existe, o no se deja bajar",
        "stacklab up --set kafka=embedded",
        Refusal(404, 'failed to resolve reference "docker.io/apache/kafka:4.3.1": apache/kafka:4.3.1: not found'),
        "pull",
    ),
    "ya se ha bajado bastante": Row(
        errors.RateLimited,
        35,
        "el registro no deja bajar más por ahora (apache/kafka:4.3.1)",
        "docker login",
        Refusal(
            500,
            "toomanyrequests: You have reached your unauthenticated pull rate limit. "
            "https://www.docker.com/increase-rate-limit",
        ),
        "pull",
        also=("un aula entera suele salir por una sola", "Lo ya bajado se queda"),
    ),
    "ya se ha bajado bastante, a mitad": Row(
        errors.RateLimited,
        35,
        "no deja bajar más por ahora",
        "docker login",
        broken("error pulling image configuration: 429 Too Many Requests"),
        "pull",
    ),
    "no la hay para esta máquina": Row(
        errors.NoSuchPlatform,
        36,
        "no hay imagen apache/kafka:4.3.1 para esta clase de máquina (linux/riscv64)",
        "stacklab up --set kafka=embedded",
        Refusal(404, "no matching manifest for linux/riscv64 in the manifest list entries"),
        "pull",
        also=("linux/amd64, linux/arm64", "stacklab no lo hace por su cuenta"),
    ),
    "es de otra clase de máquina": Row(
        errors.NoSuchPlatform,
        36,
        "para esta clase de máquina",
        "stacklab up --set kafka=embedded",
        Refusal(
            400,
            'failed to create task for container: OCI runtime create failed: exec: "/bin/sh": exec format error',
        ),
        "start",
    ),
    "no se encuentra el registro": Row(
        errors.RegistryUnreachable,
        37,
        "no se llega al registro registry-1.docker.io",
        "stacklab up --runtime embedded",
        Refusal(500, f"{HUB}dial tcp: lookup registry-1.docker.io on 10.0.0.1:53: no such host"),
        "pull",
        also=("Quien baja es el motor de Docker",),
    ),
    "el registro no contesta": Row(
        errors.RegistryUnreachable,
        37,
        "no se llega al registro registry-1.docker.io",
        "stacklab up --runtime embedded",
        Refusal(500, f"{HUB}net/http: request canceled while waiting for connection (Client.Timeout exceeded)"),
        "pull",
    ),
    "un proxy mira lo que pasa": Row(
        errors.RegistryUnreachable,
        37,
        "no se llega al registro registry-1.docker.io",
        "stacklab up --runtime embedded",
        Refusal(500, f"{HUB}x509: certificate signed by unknown authority"),
        "pull",
        also=("No se fía de su certificado",),
    ),
    "el disco está lleno": Row(
        errors.DiskFull,
        38,
        "no queda sitio en el disco donde Docker guarda las imágenes",
        "docker system df",
        broken("failed to register layer: write /usr/lib/jvm/lib/modules: no space left on device"),
        "pull",
        also=("stacklab no borra nada de Docker por su cuenta",),
    ),
    "el puerto lo tiene otro contenedor": Row(
        errors.EnginePortTaken,
        39,
        "Docker no puede publicar el puerto 9092 de Kafka: ya lo usa otro",
        "docker ps --filter publish=9092",
        Refusal(
            500,
            "driver failed programming external connectivity on endpoint stacklab-default-kafka (cb0f): Bind for "
            "127.0.0.1:9092 failed: port is already allocated",
        ),
        "start",
    ),
    "el puerto lo tiene otro programa": Row(
        errors.EnginePortTaken,
        39,
        "Docker no puede publicar el puerto 9092 de Kafka",
        "docker ps --filter publish=9092",
        Refusal(
            500,
            "failed to set up container networking: driver failed programming external connectivity on endpoint "
            "x: failed to bind host port for 127.0.0.1:9092:172.18.0.2:9092/tcp: address already in use",
        ),
        "start",
    ),
    "el puerto, en Docker Desktop": Row(
        errors.EnginePortTaken,
        39,
        "Docker no puede publicar el puerto 9092 de Kafka",
        "docker ps --filter publish=9092",
        Refusal(
            500,
            "Ports are not available: exposing port TCP 127.0.0.1:9092 -> 0.0.0.0:0: listen tcp 127.0.0.1:9092: "
            "bind: address already in use",
        ),
        "start",
    ),
    "el nombre lo tiene otro": Row(
        errors.NameConflict,
        40,
        "ya hay un contenedor que se llama stacklab-default-kafka y no es de este laboratorio (0123456789ab)",
        "stacklab up --project otro",
        Refusal(
            409,
            'Conflict. The container name "/stacklab-default-kafka" is already in use by container '
            '"0123456789abcdef0123456789abcdef". You have to remove (or rename) that container to be able to '
            "reuse that name.",
        ),
        also=("no se toca", "docker ps -a --filter id=0123456789ab"),
    ),
    "dentro no está el programa": Row(
        errors.ContainerEnded,
        43,
        "Docker no pudo ejecutar el programa de Kafka",
        "stacklab doctor",
        Refusal(
            400,
            "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container "
            'process: exec: "/nada": stat /nada: no such file or directory: unknown',
        ),
        "start",
    ),
    "no quedan redes": Row(
        errors.NetworkPoolExhausted,
        41,
        "a Docker no le quedan direcciones para la red del laboratorio",
        "docker network ls",
        Refusal(
            400,
            "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the "
            "network",
        ),
        "network",
        also=("default-address-pools",),
    ),
    "el puerto, en un motor viejo": Row(
        errors.EnginePortTaken,
        39,
        "Docker no puede publicar el puerto 9092 de Kafka",
        "docker ps --filter publish=9092",
        Refusal(
            500,
            "driver failed programming external connectivity on endpoint magical_kepler (6fc8): Error starting "
            "userland proxy: listen tcp4 127.0.0.1:9092: bind: address already in use",
        ),
        "start",
    ),
    "no quedan redes, en un motor nuevo": Row(
        errors.NetworkPoolExhausted,
        41,
        "a Docker no le quedan direcciones",
        "docker network ls",
        Refusal(400, "all predefined address pools have been fully subnetted"),
        "network",
    ),
    "nuestra versión es demasiado nueva": Row(
        errors.EngineVersion,
        32,
        "el motor de Docker (27.3.1, API 1.30) es demasiado viejo: hace falta la API 1.41",
        "docker version",
        Refusal(400, "client version 1.45 is too new. Maximum supported API version is 1.30"),
    ),
    "nuestra versión es demasiado vieja": Row(
        errors.EngineVersion,
        32,
        "solo entiende la API 1.52 o posterior",
        "pip install --upgrade docker",
        Refusal(
            400,
            "client version 1.45 is too old. Minimum supported API version is 1.52, please upgrade your client to "
            "a newer version",
        ),
    ),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_what_the_engine_says_becomes_what_a_person_reads(row: Row) -> None:
    act, where = ASK[row.ask]
    scenario = Scenario()
    if row.ask == "pull":
        scenario.pulls[KAFKA.by_digest] = row.answer
    else:
        assert isinstance(row.answer, Refusal)
        scenario.answers[where] = row.answer
    with docker_engine(scenario) as url:
        engine = discover({"DOCKER_HOST": url})
        assert isinstance(engine, Engine)
        with client(engine) as api, pytest.raises(Exception) as failed:  # noqa: PT011  # cualquiera: se traduce
            act(api)
    seen = translate(failed.value, engine=engine, image=KAFKA, service="Kafka")
    check(seen, row.kind, row.code, row.says, row.command)
    for words in row.also:
        assert words in seen.meaning
    if isinstance(seen, errors.EnginePortTaken):
        assert seen.number == 9092


def check(
    seen: errors.StacklabError, kind: type[errors.StacklabError], code: int, says: str, command: str
) -> None:
    assert type(seen) is kind
    assert (seen.exit_code, seen.command) == (code, command)
    assert says in seen.cause
    assert seen.meaning
    everything = " ".join([seen.cause, seen.meaning, seen.command or "", *seen.details])
    assert not re.search(r"chmod|prune|--platform", everything), "eso no se le propone a nadie"


@pytest.fixture(autouse=True)
def on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")


PLACE = Place("unix:///var/run/docker.sock", "el del sistema")


@pytest.mark.parametrize(
    ("tried", "kind", "code", "says", "command"),
    [
        (
            [Attempt(PLACE, "missing")],
            errors.EngineAbsent,
            30,
            "Docker no está en marcha, o no está instalado",
            "sudo systemctl start docker",
        ),
        (
            [Attempt(PLACE, "denied")],
            errors.EngineDenied,
            31,
            "Docker está, pero no tienes permiso para usarlo (unix:///var/run/docker.sock)",
            "sudo usermod -aG docker $USER",
        ),
        ([Attempt(PLACE, "timeout")], errors.EngineAbsent, 30, "pero no contesta a tiempo", "docker info"),
        (
            [Attempt(Place("unix:///x.sock", "DOCKER_HOST"), "refused")],
            errors.EngineAbsent,
            30,
            "DOCKER_HOST es unix:///x.sock, y está, pero no hay nadie escuchando",
            "unset DOCKER_HOST",
        ),
        (
            [Attempt(Place("", "el contexto «casa» (docker context use)", context="casa"), "context")],
            errors.EngineAbsent,
            30,
            "ese contexto no existe",
            "docker context use default",
        ),
        (
            [Attempt(Place("unix:///y", "el contexto «casa» (DOCKER_CONTEXT)", context="casa"), "missing")],
            errors.EngineAbsent,
            30,
            "no hay un motor de Docker: se usa el contexto «casa» (DOCKER_CONTEXT), y no está",
            "unset DOCKER_CONTEXT",
        ),
    ],
)
def test_without_an_engine_it_says_where_it_looked(
    tried: list[Attempt], kind: type[errors.StacklabError], code: int, says: str, command: str
) -> None:
    seen = refusal(Absent(tuple(tried)))
    assert seen is not None
    check(seen, kind, code, says, command)
    assert len(seen.details) == len(tried)
    assert "--runtime embedded" in seen.meaning


def test_a_remote_engine_says_what_cannot_work_and_the_three_ways_out() -> None:
    engine = Engine("ssh://ana@maquina:22", "DOCKER_HOST", local=False)
    seen = refusal(engine)
    assert seen is not None
    check(seen, errors.EngineRemote, 33, "está en otra máquina: ssh://ana@maquina:22", "unset DOCKER_HOST")
    assert "127.0.0.1 de aquella" in seen.meaning
    assert "ssh -L 9080:127.0.0.1:9080 ana@maquina " in seen.details[1]
    assert "--runtime embedded" in seen.details[2]
    chosen = refusal(Engine("tcp://10.0.0.1:2376", "el contexto «x» (docker context use)", False, context="x"))
    assert chosen is not None
    assert chosen.command == "docker context use default"


def test_an_engine_that_went_away_between_two_questions() -> None:
    # Por TCP: si falta el fichero del socket, la biblioteca se deja el suyo sin cerrar.
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        api = APIClient(base_url=f"tcp://127.0.0.1:{nobody.getsockname()[1]}", version="1.45")
        with api, pytest.raises(errors.EngineAbsent) as seen, told(engine=LOCAL):
            api.info()
    says = "ya no está en unix:///var/run/docker.sock"
    check(seen.value, errors.EngineAbsent, 30, says, "sudo systemctl start docker")


def test_an_engine_that_stops_answering() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"tcp://127.0.0.1:{mute.getsockname()[1]}"
        api = APIClient(base_url=url, version="1.45", timeout=0.05)
        with api, pytest.raises(errors.EngineAbsent) as seen, told(engine=LOCAL):
            api.info()
    check(seen.value, errors.EngineAbsent, 30, "ha dejado de contestar", "docker info")


def test_a_socket_that_does_not_let_us_in() -> None:
    for error in (PermissionError(13, "Permission denied"), wrapped(PermissionError(13, "Permission denied"))):
        seen = translate(error, engine=LOCAL)
        check(seen, errors.EngineDenied, 31, "no tienes permiso", "sudo usermod -aG docker $USER")
        assert "root" in seen.meaning


def wrapped(error: OSError) -> Exception:
    """Como llega de verdad: dentro de urllib3, dentro de requests, dentro de docker."""
    import requests.exceptions
    import urllib3.exceptions
    from docker.errors import DockerException

    inner = urllib3.exceptions.ProtocolError("Connection aborted.", error)
    outer = DockerException(f"Error while fetching server API version: {inner}")
    outer.__cause__ = requests.exceptions.ConnectionError(inner)
    return outer


def test_the_cause_is_found_however_deep_it_is() -> None:
    seen = translate(wrapped(FileNotFoundError(2, "No such file or directory")))
    check(seen, errors.EngineAbsent, 30, "Docker no está en marcha", "sudo systemctl start docker")
    reset = translate(wrapped(ConnectionResetError(104, "Connection reset by peer")), engine=LOCAL)
    check(reset, errors.EngineAbsent, 30, "ha dejado de contestar", "docker info")


def test_what_is_already_ours_passes_and_what_is_our_fault_is_not_disguised() -> None:
    ours = name_conflict("stacklab-default-kafka", "abc")
    assert translate(ours) is ours
    with pytest.raises(ZeroDivisionError), told():
        _ = 1 / 0


def test_something_new_is_told_in_the_words_of_the_engine() -> None:
    scenario = Scenario(answers={"POST /containers/create": Refusal(500, "la luna está llena")})
    with docker_engine(scenario) as url:
        engine = discover({"DOCKER_HOST": url})
        assert isinstance(engine, Engine)
        with client(engine) as api, pytest.raises(errors.DockerError) as seen, told(engine=engine, image=KAFKA):
            create(api)
    check(seen.value, errors.DockerError, 3, "la luna está llena", "stacklab doctor")


def test_not_enough_room_is_seen_before_pulling() -> None:
    seen = disk_full(needed_mb=4250, free_mb=1200, folder="/var/lib/docker")
    check(
        seen, errors.DiskFull, 38, "hacen falta unos 4,2 GB y en /var/lib/docker quedan 1,2 GB", "docker system df"
    )


@pytest.mark.parametrize(
    ("state", "says", "command"),
    [
        ({"ExitCode": 1}, "Kafka terminó con código 1", "stacklab logs kafka"),
        ({"ExitCode": 143}, "lo terminó la señal 15 (código 143)", "stacklab logs kafka"),
        ({"ExitCode": 137, "OOMKilled": True}, "se quedó sin memoria", "stacklab up --set kafka=embedded"),
    ],
)
def test_a_container_that_ends_says_how(state: dict[str, Any], says: str, command: str) -> None:
    seen = ended("kafka", "Kafka", state, ["una", "dos"], probe="connection refused", memory_mb=620)
    check(seen, errors.ContainerEnded, 43, says, command)
    assert isinstance(seen, errors.NotReady)
    assert seen.details == ("una", "dos")
    assert "connection refused" in seen.meaning
    assert ("620 MB" in seen.meaning) == bool(state.get("OOMKilled"))


def test_a_container_that_does_not_answer_says_the_last_it_said() -> None:
    seen = not_ready("kafka", "Kafka", 60, ["pensando"], probe="503")
    check(seen, errors.ContainerEnded, 43, "no ha contestado en 60 s", "stacklab logs kafka")


@pytest.mark.parametrize(
    ("firewall", "command"),
    [
        (UFW, "sudo ufw allow from 172.20.0.0/16 to 172.20.0.1 proto tcp"),
        (
            FIREWALLD,
            'sudo firewall-cmd --add-rich-rule=\'rule family="ipv4" source address="172.20.0.0/16" '
            'destination address="172.20.0.1" accept\'',
        ),
        (None, "sudo iptables -I INPUT -s 172.20.0.0/16 -d 172.20.0.1 -p tcp -j ACCEPT"),
    ],
)
def test_a_firewall_in_the_way_comes_with_its_exact_rule(firewall: Any, command: str) -> None:
    seen = host_unreachable("se acabó el tiempo", "172.20.0.0/16", "172.20.0.1", firewall)
    check(seen, errors.HostUnreachable, 42, "no llegan a los procesos de esta máquina", command)
    assert (firewall.title if firewall else "un cortafuegos") in seen.meaning


def test_ufw_is_seen_when_it_is_on(tmp_path: Path) -> None:
    settings = tmp_path / "etc/ufw/ufw.conf"
    settings.parent.mkdir(parents=True)
    settings.write_text("# ENABLED=yes\nENABLED=no\n", "utf-8")
    assert active(tmp_path) is not UFW
    settings.write_text("LOGLEVEL=low\nENABLED=yes\n", "utf-8")
    assert active(tmp_path) is UFW


def test_every_exit_code_is_its_own() -> None:
    codes = [kind.exit_code for kind in leaves(errors.DockerError)]
    assert sorted(codes) == list(range(30, 44))
    assert errors.DockerError.exit_code == 3


def leaves(kind: type) -> list[Any]:
    below = kind.__subclasses__()
    return [leaf for one in below for leaf in leaves(one)] if below else [kind]
