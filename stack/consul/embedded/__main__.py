"""`python -m stack.consul.embedded`: lee `lab.json` y contesta en el puerto `http`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from stack.consul.embedded.server import Server
from stack.consul.embedded.settings import SettingsProblem, read
from stack.consul.embedded.urls import application
from stack.web import listen_port, serve


def main() -> None:
    """Sirve hasta SIGTERM; con una configuración mala dice cuál es el problema y sale con 1."""
    try:
        settings = read(Path(os.environ["STACKLAB_CONFIG_DIR"]) / "lab.json")
    except SettingsProblem as problem:
        sys.exit(f"La configuración de Consul no vale: {problem}")
    server = Server(settings, port=listen_port("http"))
    serve({"http": application(server)}, on_stop=server.wake_everyone)


if __name__ == "__main__":
    main()
