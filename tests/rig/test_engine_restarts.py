"""El motor de Docker se para y vuelve con todo dentro: la orden siguiente lo arregla."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from stack.status import Condition
from tests.rig.boxes import SERVER, box
from tests.rig.conftest import Bench, Engine

# Al pararse el motor se rompen de golpe las conexiones que otras pruebas dejaron a medias (las que siguen un log):
# que alguien las recoja ahora no dice nada de esta.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

MOTOR = Path(__file__).with_name("motor")


def motor(verb: str) -> None:
    """Para o arranca el motor de la maqueta, el de DOCKER_HOST."""
    folder = Path(urlsplit(os.environ["DOCKER_HOST"]).path).parent
    subprocess.run([MOTOR, verb], env=os.environ | {"STACKLAB_RIG": str(folder)}, check=True, timeout=120)


@pytest.mark.timeout(240)
def test_the_engine_restarts_under_us(bench: Bench) -> None:
    argv = (SERVER[0], "--appendonly", "yes", "--dir", "/data", "--protected-mode", "no")
    base, web = box("base", argv, volume="/data"), box("web", depends_on=("base",))
    bench.lab(base, web).up(runtime="docker")
    number = base.ports[0].number
    with redis.Redis(port=number) as client:
        client.set("clave", "valor")

    motor("stop")
    rows = {row.name: row for row in bench.lab(base, web).status()}
    assert {row.state for row in rows.values()} == {Condition.FAILED}, "sin motor no hay nada en marcha, y se dice"

    motor("start")
    bench.engine = Engine()
    rows = {row.name: row for row in bench.lab(base, web).status()}
    assert {row.state for row in rows.values()} == {Condition.FAILED}
    running = bench.lab(base, web).up(runtime="docker")
    assert [one.started for one in running] == [True, True]
    assert [one.url for one in running] == [f"redis://127.0.0.1:{one.ports[0].number}" for one in (base, web)]
    with redis.Redis(port=number) as client:
        assert client.get("clave") == b"valor", "lo que estaba en el volumen sigue"
