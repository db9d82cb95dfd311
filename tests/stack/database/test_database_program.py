"""PostgreSQL como proceso: se le encuentra entero, se para ya, cae con quien lo vigila y no pierde nada.

Con `STACKLAB_CONTRACT_RUNTIME=binary` es el `postgres` de esta máquina.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from stack.credentials import ensure
from stack.database import unprivileged
from stack.database.cluster import Cluster, major_version
from stack.processes import is_alive
from stack.status import Condition
from tests.support.kafka import eventually
from tests.support.running import runtime

pytestmark = pytest.mark.skipif(runtime() == "docker", reason="estas pruebas son del proceso de esta máquina")


def test_every_process_of_it_is_found_and_counted(base: Any) -> None:
    base.up()
    seen = base.processes()
    assert len(seen) >= 5, "quien vigila, el servidor y sus ayudantes"
    tree = {seen[0], *seen[0].children(recursive=True)}
    assert set(seen) == tree
    (status,) = base.lab.status()
    assert (status.state, status.pid) == (Condition.RUNNING, seen[0].pid)
    assert status.memory_mb is not None
    assert 8 < status.memory_mb < 60
    assert base.lab.env()["DATABASE_URL"] not in " ".join(word for one in seen for word in one.cmdline())


def test_only_this_machine_can_knock_and_only_by_tcp(base: Any) -> None:
    base.up()
    listening = {
        connection.laddr[0]
        for one in base.processes()
        for connection in one.net_connections("all")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def test_down_does_not_wait_for_those_who_are_connected(base: Any) -> None:
    with psycopg.connect(base.up()) as connection:
        connection.execute("CREATE TABLE a_medias (n int)")
        began = time.monotonic()
        base.lab.down()
        assert time.monotonic() - began < 3
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert base.processes() == []
    assert "database system is shut down" in base.log().splitlines()[-1], "se paró bien, no la mataron"
    with psycopg.connect(base.up()) as connection:
        assert connection.execute("SELECT to_regclass('a_medias')").fetchone() == (None,)


def test_killed_outright_it_keeps_what_was_committed(base: Any) -> None:
    with psycopg.connect(base.up(), autocommit=True) as connection:
        connection.execute("CREATE TABLE dicho (texto text)")
        connection.execute("INSERT INTO dicho VALUES ('se queda')")
        seen = base.processes()
        seen[0].kill()
        if sys.platform.startswith("linux"):
            assert eventually(lambda: [one for one in seen if is_alive(one)], until=lambda left: not left) == []
    assert [one.state for one in base.lab.status()] == [Condition.FAILED]
    with psycopg.connect(base.up()) as connection:
        assert connection.execute("SELECT texto FROM dicho").fetchone() == ("se queda",)


def test_a_new_password_is_the_one_that_opens(base: Any) -> None:
    old = base.up()
    base.lab.down()
    base.folder.credentials.unlink()
    ensure(base.folder.credentials, ["database_password"])
    new = base.up()
    assert new != old
    with psycopg.connect(new) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(old)


def test_no_password_in_the_log_and_nobody_else_reads_the_data(base: Any) -> None:
    base.up()
    data = base.folder.services / "database" / "data"
    assert stat.S_IMODE(next(data.iterdir()).stat().st_mode) == 0o700
    password = base.lab.credentials()["DATABASE_PASSWORD"]
    assert password not in base.log()
    found = [one for one in base.folder.path.rglob("*") if one.is_file() and password.encode() in one.read_bytes()]
    assert found == [base.folder.credentials]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Un `postgres` de mentira, con su `initdb`, que apunta lo que le piden."""
    script = (
        "#!/bin/sh\n"
        'case "$*" in *--version*) echo "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"; exit 0;; esac\n'
        f'echo "$0 $*" >> {tmp_path}/pedido\n'
        'while [ "$#" -gt 0 ]; do [ "$1" = -D ] && mkdir -p "$2"; shift; done\n'
        f"cat >> {tmp_path}/pedido\n"
        f"[ ! -e {tmp_path}/falla ] || {{ echo 'ERROR:  secreta no vale' >&2; exit 1; }}\n"
    )
    for name in ("postgres", "initdb"):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(script)
        path.chmod(0o755)
    return tmp_path / "bin" / "postgres"


SETTINGS = {
    "POSTGRES_USER": "u",
    "POSTGRES_DB": "d",
    "POSTGRES_PASSWORD": "secreta",
    "PGHOST": "otra",
    "PATH": os.environ["PATH"],
}


def test_data_half_made_are_made_again(program: Path, tmp_path: Path) -> None:
    cluster = Cluster(program, tmp_path / "data", SETTINGS)
    assert (cluster.major, cluster.folder.name) == (15, "postgresql-15")
    assert "PGHOST" not in cluster.environment
    draft = tmp_path / "data" / "postgresql-15.a-medias"
    draft.mkdir(parents=True)
    (draft / "resto").touch()
    cluster.prepare()
    assert [one.name for one in (tmp_path / "data").iterdir()] == ["postgresql-15"]
    assert [one.name for one in cluster.folder.iterdir()] == ["contraseña.sha256"]
    asked = (tmp_path / "pedido").read_text()
    assert "CREATE DATABASE d;" in asked
    cluster.prepare()
    assert (tmp_path / "pedido").read_text() == asked, "la segunda vez no hay nada que hacer"


def test_a_failure_says_what_postgresql_said_without_the_password(program: Path, tmp_path: Path) -> None:
    (tmp_path / "falla").touch()
    cluster = Cluster(program, tmp_path / "data", SETTINGS)
    with pytest.raises(SystemExit, match="crear la carpeta de datos") as caught:
        cluster.prepare()
    assert "••• no vale" in str(caught.value)
    assert not cluster.folder.exists()


def test_an_incomplete_installation_says_what_is_missing(program: Path, tmp_path: Path) -> None:
    program.with_name("initdb").unlink()
    with pytest.raises(SystemExit, match="falta «initdb»"):
        Cluster(program, tmp_path / "data", SETTINGS).prepare()
    program.write_text("#!/bin/sh\necho no soy yo\n")
    with pytest.raises(SystemExit, match="no dice qué versión"):
        major_version(program)


@pytest.mark.parametrize("where", ["linux", "darwin"])
def test_root_with_no_way_to_stop_being_root_is_told(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, *arguments: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(unprivileged, "_call", refuse)
    monkeypatch.setattr(sys, "platform", where)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(OSError, match="PostgreSQL no arranca como root"):
        unprivileged.step_down()
