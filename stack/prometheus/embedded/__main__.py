"""`python -m stack.prometheus.embedded`: lee los objetivos de `prometheus.yml` y contesta en el puerto `http`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from stack.prometheus.embedded.fields import ConfigProblem
from stack.prometheus.embedded.server import Server
from stack.prometheus.embedded.urls import application
from stack.web import serve


def main() -> None:
    """Sirve hasta SIGTERM; con una configuración mala dice el campo y sale con 1."""
    try:
        server = Server(Path(os.environ["STACKLAB_CONFIG_DIR"]) / "prometheus.yml")
    except ConfigProblem as problem:
        sys.exit(f"La configuración de Prometheus no vale: {problem}")
    serve({"http": application(server)}, on_stop=server.calculator.cancel)


if __name__ == "__main__":
    main()
