"""Ejecutar un flujo como lo hace una persona, con la orden, y leer lo que cuenta."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.running import project

PATIENCE_S = 180


def run_flow(home: Path, flow: str, *options: str) -> list[dict[str, Any]]:
    """Las líneas JSON de `stacklab run flow --json`, con el estado en `home`; la orden ha de salir bien."""
    done = stacklab(home, "run", flow, "--json", *options)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return [json.loads(line) for line in done.stdout.splitlines()]


def stacklab(home: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    """La orden `stacklab` con el estado en `home`, en un proyecto solo suyo."""
    environment = {name: value for name, value in os.environ.items() if name != "STACKLAB_DEFAULT_RUNTIME"}
    return subprocess.run(
        [Path(sys.executable).with_name("stacklab"), *argv],
        env=environment | {"STACKLAB_HOME": str(home), "STACKLAB_PROJECT_NAME": project(home), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def fidelities(lines: list[dict[str, Any]]) -> dict[str, str]:
    """Quién contestó en cada paso: servicio de la prueba → fidelidad."""
    return {line["id"]: line["fidelity"] for line in lines if line["type"] == "hop"}
