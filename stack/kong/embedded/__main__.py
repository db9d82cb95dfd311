"""Arranca el suplente de Kong: `python -m stack.kong.embedded`.

Lee `kong.yaml` de `STACKLAB_CONFIG_DIR`. Si no vale, dice por qué y sale con 1, sin abrir ningún puerto.
"""

from __future__ import annotations

import os
import socket
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette

from stack.kong.embedded import declarative
from stack.kong.embedded.admin.app import admin_app, status_app
from stack.kong.embedded.explain import report
from stack.kong.embedded.gateway import Gateway
from stack.kong.embedded.models import Config
from stack.kong.embedded.proxy.server import ProxyServer
from stack.web import listen_port, serve

_GOODBYE_S = 0.7


def main() -> None:
    """Sirve hasta SIGTERM."""
    config_dir, data_dir = Path(os.environ["STACKLAB_CONFIG_DIR"]), Path(os.environ["STACKLAB_DATA_DIR"])
    gateway = Gateway(_load(config_dir / "kong.yaml"), _node_id(data_dir))
    admin = admin_app(gateway)
    admin.router.lifespan_context = _with_proxy(ProxyServer(gateway), _listen(listen_port("proxy")))
    serve({"admin": admin, "status": status_app(gateway)}, server_header=False)


def _load(path: Path) -> Config:
    text = path.read_text("utf-8") if path.exists() else '_format_version: "3.0"\n'
    try:
        return declarative.parse(text)
    except declarative.InvalidConfig as error:
        print(report(error, str(path)), file=sys.stderr)
        raise SystemExit(1) from error


def _node_id(data_dir: Path) -> str:
    """El identificador de este nodo, que se conserva de un arranque a otro."""
    path = data_dir / "kong.id"
    if not path.exists():
        path.write_text(str(uuid.uuid4()), "utf-8")
    return path.read_text("utf-8").strip()


def _listen(port: int) -> socket.socket:
    """El puerto del proxy, ya ligado: si está ocupado se sabe antes de decir que se ha arrancado."""
    host = os.environ.get("STACKLAB_LISTEN_HOST", "127.0.0.1")
    try:
        return socket.create_server((host, port), backlog=1024)
    except OSError as error:
        print(f"Kong no puede escuchar en {host}:{port}: {error.strerror}", file=sys.stderr)
        raise SystemExit(1) from error


def _with_proxy(
    proxy: ProxyServer, sock: socket.socket
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """Arranca y para el proxy junto con la Admin API."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await proxy.start(sock)
        yield
        await proxy.stop(_GOODBYE_S)

    return lifespan


if __name__ == "__main__":
    main()
