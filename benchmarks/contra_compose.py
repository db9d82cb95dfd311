"""Mide `stacklab up --runtime docker` al lado de `docker compose up --wait`, con las mismas imágenes y ajustes.

    python benchmarks/contra_compose.py [VECES]

Necesita un motor de Docker con las imágenes ya bajadas y el programa `docker-compose` (en el PATH o en
STACKLAB_BIN). El fichero de compose se escribe a partir del mismo plan que ejecuta stacklab: mismas imágenes,
órdenes, entornos, ficheros, puertos, techos de memoria y volúmenes. Las dos esperan a que cada servicio conteste:
stacklab con sus sondas y compose con un `healthcheck` que hace la misma pregunta desde dentro, cada medio segundo
(que es cada cuánto mira `--wait`). Se alternan, para que lo demás que haga la máquina caiga sobre las dos.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from scenarios.catalog import SERVICES
from stack.containers.images import load
from stack.laboratory import Laboratory
from stack.model import HttpProbe, KafkaProbe
from stack.plan import Step
from stack.prepare import Prepared

MEASURED = ("kafka", "redis", "consul", "jaeger", "prometheus", "grafana", "kong", "minio")
"""Los servicios del flujo A."""
PROJECT = "medida"


def main(times: int) -> None:
    """Escribe una línea JSON con los segundos de cada vez, las medianas y su cociente."""
    os.environ.pop("STACKLAB_DEFAULT_RUNTIME", None)
    places = os.pathsep.join(filter(None, (os.environ.get("STACKLAB_BIN"), os.environ["PATH"])))
    compose = shutil.which("docker-compose", path=places)
    if compose is None:
        sys.exit("No encuentro docker-compose en STACKLAB_BIN ni en el PATH.")
    with tempfile.TemporaryDirectory() as folder:
        home, file = Path(folder, "casa"), Path(folder, "compose.yaml")
        os.environ["STACKLAB_HOME"] = str(home)
        stacklab = str(Path(sys.executable).with_name("stacklab"))
        lab = Laboratory(PROJECT, home, SERVICES)
        plan = lab.plan(MEASURED, runtime="docker")
        steps = [step for step in plan.steps if step.name in MEASURED]
        file.write_text(yaml.safe_dump(document(steps, Path(folder)), sort_keys=False), "utf-8")
        ours, theirs, again = [], [], []
        for _ in range(times):
            theirs.append(timed(compose, "-f", str(file), "-p", "medida-compose", "up", "--wait", "--quiet-pull"))
            timed(compose, "-f", str(file), "-p", "medida-compose", "down", "--volumes")
            ours.append(timed(stacklab, "up", *MEASURED, "--runtime", "docker", "--project", PROJECT))
            again.append(timed(stacklab, "up", *MEASURED, "--runtime", "docker", "--project", PROJECT))
            timed(stacklab, "down", "--volumes", "--project", PROJECT)
    middle, other = statistics.median(ours), statistics.median(theirs)
    print(
        json.dumps(
            {
                "stacklab": [round(one, 2) for one in ours],
                "compose": [round(one, 2) for one in theirs],
                "medianas": [round(middle, 2), round(other, 2)],
                "cociente": round(middle / other, 2),
                "segundo up": [round(one, 2) for one in again],
            }
        )
    )


def timed(*argv: str) -> float:
    """Los segundos que tarda una orden, que ha de salir bien."""
    began = time.monotonic()
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(argv)} salió con {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return time.monotonic() - began


def document(steps: list[Step], folder: Path) -> dict[str, Any]:
    """El fichero de compose que pone en marcha lo mismo que `steps`."""
    services = {step.name: service(step.prepared, folder) for step in steps}
    for step in steps:
        if step.after:
            services[step.name]["depends_on"] = {name: {"condition": "service_healthy"} for name in step.after}
    volumes = {step.name: {} for step in steps if step.service.container and step.service.container.volume}
    return {"services": services, "volumes": volumes}


def service(prepared: Prepared, folder: Path) -> dict[str, Any]:
    """Un servicio de compose, con los ficheros copiados a `folder`."""
    data = prepared.service.container
    assert data is not None
    ports = {port.name: port.inside or port.number for port in prepared.service.ports}
    mounts = []
    for target, text in prepared.files.items():
        path = folder / prepared.service.name / target
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        path.chmod(0o644)
        mounts.append(f"{path}:{data.config_dir}/{target}:ro")
    if data.volume:
        mounts.append(f"{prepared.service.name}:{data.volume}")
    made: dict[str, Any] = {
        "image": load()[data.image].reference,
        "hostname": prepared.service.name,
        "environment": {name: value.replace("$", "$$") for name, value in prepared.env.items()},
        "ports": [f"127.0.0.1:{one.number}:{ports[one.port]}" for one in prepared.endpoints],
        "volumes": mounts,
        "mem_limit": f"{data.memory_mb}m",
        "logging": {"driver": "json-file", "options": {"max-size": "5m", "max-file": "2"}},
        "extra_hosts": ["host.docker.internal:host-gateway"],
        "healthcheck": {
            "test": ["CMD", "bash", "-c", question(prepared, ports)],
            "interval": "500ms",
            "timeout": "2s",
            "retries": 120,
        },
    }
    if prepared.argv:
        made["command"] = [word.replace("$", "$$") for word in prepared.argv]
    if data.user:
        made["user"] = data.user
    return made


def question(prepared: Prepared, ports: dict[str, int]) -> str:
    """La pregunta de la sonda, desde dentro y con bash: para HTTP, que llegue el código esperado."""
    probe = prepared.service.probe
    number = ports[probe.port]
    match probe:
        case HttpProbe(path=path, status=status):
            call = f"printf 'GET {path} HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3"
            ask = f"{call}; head -1 <&3 | grep -q ' {status} '"
        case KafkaProbe():
            ask = "true"
        case _:
            ask = "printf 'PING\\r\\n' >&3; head -c 5 <&3 | grep -q PONG"
    return f"exec 3<>/dev/tcp/127.0.0.1/{number} || exit 1; {ask}"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
