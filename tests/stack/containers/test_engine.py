"""Dónde se busca el motor de Docker, quién manda, y que nunca hace esperar."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stack.containers.engine import client, discover, flavour, is_local, warnings
from stack.containers.failures import refusal
from stack.containers.found import Absent, Engine
from stack.errors import EngineRemote, EngineVersion, NoSuchPlatform
from tests.support.docker_stub import Scenario, docker_engine, secure_engine

SOON_S = 0.3


@pytest.fixture
def home() -> Iterator[Path]:
    """Una carpeta personal con la ruta corta: la de un socket no pasa de unas cien letras."""
    with tempfile.TemporaryDirectory(prefix="h") as folder:
        yield Path(folder)


def found(environment: dict[str, str]) -> Engine:
    engine = discover(environment)
    assert isinstance(engine, Engine), engine
    return engine


def reasons(environment: dict[str, str]) -> dict[str, str]:
    """Por qué no ha servido cada sitio."""
    nothing = discover(environment)
    assert isinstance(nothing, Absent), nothing
    return {one.place.url: one.reason for one in nothing.tried}


def context(home: Path, name: str, url: str) -> None:
    folder = home / ".docker" / "contexts" / "meta" / f"huella-de-{name}"
    folder.mkdir(parents=True)
    document = {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": url, "SkipTLSVerify": False}}}
    (folder / "meta.json").write_text(json.dumps(document), "utf-8")


def choose(home: Path, name: str) -> None:
    (home / ".docker" / "config.json").write_text(json.dumps({"currentContext": name}), "utf-8")


def at(path: Path, url: str) -> None:
    """Pone en `path` el socket del motor de `url`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(url.removeprefix("unix://"))


@contextmanager
def without_privileges() -> Iterator[None]:
    """Como una persona corriente, si las pruebas corren como root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_it_says_what_it_is() -> None:
    with docker_engine(Scenario(api="1.51", minimum="1.44", version="29.1.2")) as url:
        engine = found({"DOCKER_HOST": url})
    assert (engine.url, engine.origin, engine.local) == (url, "DOCKER_HOST", True)
    assert (engine.api_version, engine.min_api_version, engine.version) == ("1.51", "1.44", "29.1.2")
    assert engine.os_type == "linux"


@pytest.mark.parametrize(
    ("socket_name", "origin"),
    [
        ("run/docker.sock", "el de Docker sin root"),
        (".docker/run/docker.sock", "el de Docker Desktop"),
        (".colima/default/docker.sock", "el de Colima"),
    ],
)
def test_it_looks_in_the_usual_places(home: Path, socket_name: str, origin: str) -> None:
    with docker_engine(Scenario()) as url:
        at(home / socket_name, url)
        engine = found({"HOME": str(home), "XDG_RUNTIME_DIR": str(home / "run")})
    assert (engine.origin, engine.url) == (origin, f"unix://{home}/{socket_name}")


def test_the_chosen_context_is_the_only_one_asked(home: Path) -> None:
    with docker_engine(Scenario()) as url:
        context(home, "colima", url)
        choose(home, "colima")
        engine = found({"HOME": str(home)})
        assert (engine.context, engine.origin) == ("colima", "el contexto «colima» (docker context use)")
        choose(home, "borrado")
        assert reasons({"HOME": str(home)}) == {"": "context"}


def test_host_wins_over_context_and_context_variable_over_the_chosen_one(home: Path) -> None:
    with docker_engine(Scenario(version="1.1")) as first, docker_engine(Scenario(version="2.2")) as second:
        context(home, "uno", first)
        context(home, "dos", second)
        choose(home, "uno")
        assert found({"HOME": str(home)}).version == "1.1"
        assert found({"HOME": str(home), "DOCKER_CONTEXT": "dos"}).version == "2.2"
        both = {"HOME": str(home), "DOCKER_CONTEXT": "dos", "DOCKER_HOST": first}
        assert found(both).version == "1.1"
        assert "manda DOCKER_HOST" in warnings(both)[0]
        assert found({"HOME": str(home), "DOCKER_CONTEXT": "default", "DOCKER_HOST": first}).version == "1.1"


def test_a_broken_configuration_is_as_if_it_were_not_there(home: Path) -> None:
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text("{roto", "utf-8")
    with docker_engine(Scenario()) as url:
        at(home / ".colima/default/docker.sock", url)
        assert found({"HOME": str(home)}).origin == "el de Colima"


def test_why_each_place_failed(home: Path) -> None:
    dead, closed = home / "run/docker.sock", home / ".docker/run/docker.sock"
    for path in (dead, closed):
        path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(dead))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(closed))
        listener.listen()
        home.chmod(0o755)
        dead.chmod(0o777)
        closed.chmod(0)
        with without_privileges():
            found = reasons({"HOME": str(home), "XDG_RUNTIME_DIR": str(home / "run")})
    assert found[f"unix://{dead}"] == "refused"
    assert found[f"unix://{closed}"] == "denied"
    assert found[f"unix://{home}/.colima/default/docker.sock"] == "missing"
    assert reasons({"DOCKER_HOST": "npipe:////./pipe/docker_engine"}) == {
        "npipe:////./pipe/docker_engine": "unsupported"
    }


def test_another_program_is_not_taken_for_docker(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        listener.settimeout(5)
        answers = iter([b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"])

        def serve() -> None:
            for answer in answers:
                caller, _ = listener.accept()
                with caller:
                    caller.recv(4096)
                    caller.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        assert reasons({"DOCKER_HOST": url}) == {url: "strange"}
        assert reasons({"DOCKER_HOST": url}) == {url: "strange"}
        thread.join(5)


def test_a_dead_engine_delays_nobody(home: Path) -> None:
    mute = home / ".docker/run/docker.sock"
    mute.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listener, docker_engine(Scenario()) as url:
        listener.bind(str(mute))
        listener.listen()
        began = time.monotonic()
        assert reasons({"DOCKER_HOST": f"unix://{mute}"}) == {f"unix://{mute}": "timeout"}
        assert time.monotonic() - began < SOON_S
        # Uno que no contesta tampoco impide encontrar al siguiente.
        at(home / ".colima/default/docker.sock", url)
        began = time.monotonic()
        assert found({"HOME": str(home)}).origin == "el de Colima"
        assert time.monotonic() - began < SOON_S


def test_looking_does_not_load_the_library() -> None:
    code = (
        "import sys; from stack.containers.engine import discover; discover({}); "
        "print(sorted({'docker', 'requests', 'urllib3', 'ssl'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=True)
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("unix:///var/run/docker.sock", True),
        ("tcp://127.0.0.1:2375", True),
        ("tcp://[::1]:2376", True),
        ("http://localhost:2375", True),
        ("tcp://192.168.1.7:2375", False),
        ("tcp://docker.aula.example:2376", False),
        ("ssh://ana@maquina", False),
    ],
)
def test_which_engines_are_of_this_machine(url: str, local: bool) -> None:
    assert is_local(url) is local


def test_a_remote_engine_is_refused_without_asking_it() -> None:
    began = time.monotonic()
    engine = found({"DOCKER_HOST": "ssh://ana@10.255.255.1"})
    assert time.monotonic() - began < 0.1
    assert isinstance(refusal(engine), EngineRemote)


def test_a_local_one_is_accepted() -> None:
    with docker_engine(Scenario()) as url:
        assert refusal(found({"DOCKER_HOST": url})) is None


def test_windows_containers_are_refused() -> None:
    with docker_engine(Scenario(os_type="windows")) as url:
        assert isinstance(refusal(found({"DOCKER_HOST": url})), NoSuchPlatform)


def test_the_version_is_the_highest_both_understand() -> None:
    for theirs, agreed in (("1.41", "1.41"), ("1.99", "1.4")):
        with docker_engine(Scenario(api=theirs)) as url:
            engine = found({"DOCKER_HOST": url})
            with client(engine) as api:
                assert api.api_version.startswith(agreed)
                assert api.info()["OSType"] == "linux"


@pytest.mark.parametrize(("api", "minimum"), [("1.40", "1.12"), ("1.99", "1.98")], ids=["viejo", "nuevo"])
def test_without_a_common_version_it_says_so(api: str, minimum: str) -> None:
    with docker_engine(Scenario(api=api, minimum=minimum)) as url:
        engine = found({"DOCKER_HOST": url})
        assert isinstance(refusal(engine), EngineVersion)
        with pytest.raises(EngineVersion):
            client(engine)


@pytest.mark.parametrize(
    ("info", "kind"),
    [
        ({}, "native"),
        ({"SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"]}, "rootless"),
        ({"OperatingSystem": "Docker Desktop"}, "desktop"),
    ],
)
def test_flavour(info: dict[str, object], kind: str) -> None:
    with docker_engine(Scenario(info=info)) as url, client(found({"DOCKER_HOST": url})) as api:
        assert flavour(api) == kind


def test_the_fixed_api_version_is_not_obeyed_and_is_told() -> None:
    with docker_engine(Scenario(api="1.45")) as url:
        environment = {"DOCKER_HOST": url, "DOCKER_API_VERSION": "1.23"}
        with client(found(environment)) as api:
            assert api.api_version == "1.45"
    assert "unset DOCKER_API_VERSION" in warnings(environment)[0]
    assert warnings({}) == ()


def test_certificates_come_from_the_environment_or_from_the_context(home: Path) -> None:
    engine = found({"DOCKER_HOST": "tcp://10.0.0.1:2376", "DOCKER_TLS_VERIFY": "1", "HOME": "/casa"})
    assert engine.tls is not None
    assert (str(engine.tls.ca), engine.tls.verify) == ("/casa/.docker/ca.pem", True)
    other = found({"DOCKER_HOST": "tcp://10.0.0.1:2376", "DOCKER_CERT_PATH": "/certificados"})
    assert other.tls is not None
    assert (str(other.tls.key), other.tls.verify) == ("/certificados/key.pem", False)
    context(home, "lejos", "tcp://10.0.0.1:2376")
    (home / ".docker/contexts/tls/huella-de-lejos/docker").mkdir(parents=True)
    chosen = found({"HOME": str(home), "DOCKER_CONTEXT": "lejos"})
    assert chosen.tls is not None
    assert chosen.tls.cert == home / ".docker/contexts/tls/huella-de-lejos/docker/cert.pem"
    assert chosen.tls.verify


def test_it_talks_to_an_engine_with_certificates(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Los de la empresa son para Internet, y su proxy también.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(home / "otros.pem"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=motor"
    names = [
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        str(home / "key.pem"),
        "-out",
        str(home / "cert.pem"),
    ]
    subprocess.run([*command.split(), *names], capture_output=True, timeout=20, check=True)
    (home / "ca.pem").write_bytes((home / "cert.pem").read_bytes())
    with secure_engine(Scenario(version="5.6"), home) as url:
        environment = {"DOCKER_HOST": url, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(home)}
        engine = found(environment)
        assert (engine.version, engine.local) == ("5.6", True)
        with client(engine) as api:
            assert api.info()["ServerVersion"] == "5.6"
        assert reasons({"DOCKER_HOST": url}) == {url: "strange"}
