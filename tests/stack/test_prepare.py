"""De los datos de un servicio a algo que se puede arrancar, y cuándo eso cuenta como «otro»."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from stack.addresses import Endpoint
from stack.errors import ConfigError, StartError
from stack.model import Service
from stack.prepare import Prepared, Recipe, interpreter, on_this_machine, prepare
from stack.runtimes.process import environment, spawn
from tests.support.fakes import fake, fragment


def prepared(service: Service, tmp_path: Path, number: int = 7000, other: int = 8000) -> Prepared:
    endpoints = [
        Endpoint(name, "http", "http", "127.0.0.1", port, "127.0.0.1", port)
        for name, port in (("uno", number), ("dos", other))
    ]
    recipe = Recipe(service.embedded.argv, service.embedded.env, service.config)
    place = on_this_machine(service, endpoints, tmp_path)
    return prepare(service, recipe, place, endpoints=endpoints, credentials={"CLAVE": "s3creta"})


def test_everything_is_resolved(tmp_path: Path) -> None:
    config = fragment(tmp_path / "x", "a: ${DOS_HTTP_ADDRESS} ${__data.fields.traceID}\n")
    service = fake("uno", env={"VECINO": "${DOS_HTTP_URL}", "CLAVE": "${CLAVE}"}, config=config)
    done = prepared(service, tmp_path)
    assert Path(done.argv[0]).samefile(sys.executable)
    assert done.env["VECINO"] == "http://127.0.0.1:8000"
    assert done.env["CLAVE"] == "s3creta"
    assert done.env["STACKLAB_PORT_HTTP"] == "7000"
    assert done.env["STACKLAB_LISTEN_HOST"] == "127.0.0.1"
    assert done.files == {"ajustes.txt": "a: 127.0.0.1:8000 ${__data.fields.traceID}\n"}
    assert (done.config_dir, done.data_dir) == (tmp_path / "uno" / "config", tmp_path / "uno" / "data")


def test_what_changes_the_spec(tmp_path: Path) -> None:
    service = fake("uno", env={"VECINO": "${DOS_HTTP_URL}"}, number=7000)
    base = prepared(service, tmp_path).spec_hash
    assert prepared(service, tmp_path).spec_hash == base
    assert prepared(replace(service, summary="otro texto"), tmp_path).spec_hash == base
    others = [
        prepared(service, tmp_path, number=7001),
        prepared(service, tmp_path, other=8001),
        prepared(fake("uno", "pass", env={"VECINO": "${DOS_HTTP_URL}"}), tmp_path),
        prepared(replace(service, config=fragment(tmp_path / "x", "a")), tmp_path),
        prepared(replace(service, config=fragment(tmp_path / "x", "b")), tmp_path),
    ]
    assert len({base, *(one.spec_hash for one in others)}) == 6


def test_another_name_of_the_same_python_is_no_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    precise = tmp_path / f"python{sys.version_info.major}.{sys.version_info.minor}"
    precise.touch()
    for name in ("python", "python3"):
        (tmp_path / name).symlink_to(precise)
    (tmp_path / "otro").touch()
    assert {interpreter(str(tmp_path / name)) for name in ("python", "python3", precise.name)} == {str(precise)}
    assert interpreter(str(tmp_path / "otro")) == str(tmp_path / "otro")


def test_a_name_that_does_not_exist_says_where(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"uno.* usa \$\{NO_HAY\}"):
        prepared(fake("uno", env={"X": "${NO_HAY}"}), tmp_path)


def test_a_program_that_does_not_exist(tmp_path: Path) -> None:
    service = fake("uno")
    missing = replace(service, embedded=replace(service.embedded, argv=("/no/existe",)))
    with pytest.raises(StartError, match="no se puede ejecutar /no/existe para Uno"):
        spawn(prepared(missing, tmp_path), tmp_path / "uno.log")


def test_the_environment_of_a_service() -> None:
    made = environment({"NO_PROXY": "intranet", "https_proxy": "http://proxy:3128", "HOME": "/x"})
    assert made["NO_PROXY"] == "intranet,127.0.0.1,localhost"
    assert made["no_proxy"] == "127.0.0.1,localhost"
    assert (made["HOME"], made["https_proxy"]) == ("/x", "http://proxy:3128")


def test_the_catalog_and_the_laboratory_load_light() -> None:
    code = "import sys, stack.laboratory; print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    heavy = ("fastapi", "uvicorn", "confluent_kafka", "redis", "minio", "requests", "docker", "rich", "jinja2")
    assert [name for name in heavy if f"'{name}'" in loaded] == []
