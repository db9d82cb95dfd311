"""`python -m stack.jaeger.embedded`: recibe spans en el puerto `otlp` y los enseña en el puerto `ui`."""

import os
import sys
from pathlib import Path

from stack.jaeger.embedded.models import Store
from stack.jaeger.embedded.receiver import receiver_app
from stack.jaeger.embedded.settings import SettingsProblem, max_traces
from stack.jaeger.embedded.urls import query_app
from stack.web import serve


def main() -> None:
    """Sirve hasta SIGTERM; con una configuración mala lo dice y sale con 1."""
    try:
        store = Store(max_traces(Path(os.environ["STACKLAB_CONFIG_DIR"]) / "jaeger.yaml"))
    except SettingsProblem as problem:
        sys.exit(f"La configuración de Jaeger no vale: {problem}")
    serve({"ui": query_app(store), "otlp": receiver_app(store)})


if __name__ == "__main__":
    main()
