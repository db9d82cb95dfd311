"""Arranca una o varias aplicaciones ASGI en un solo proceso, cada una en su puerto, hasta SIGTERM."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from typing import Any

import uvicorn


def listen_port(name: str) -> int:
    """El puerto que stacklab ha dado a este servicio con el nombre `name` (variable `STACKLAB_PORT_…`)."""
    return int(os.environ[f"STACKLAB_PORT_{name}".upper().replace("-", "_")])


def serve(apps: Mapping[str, Any], **options: Any) -> None:
    """Sirve cada aplicación en el puerto de su nombre (`{"ui": app, "otlp": otra}`) y vuelve tras SIGTERM.

    `options` pasan a `uvicorn.Config`. Una conexión abierta no retrasa la parada más de un segundo.
    """
    asyncio.run(_serve(apps, options))


async def _serve(apps: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    host = os.environ.get("STACKLAB_LISTEN_HOST", "127.0.0.1")
    settings: dict[str, Any] = {
        "log_level": "warning",
        "access_log": False,
        "timeout_graceful_shutdown": 1,
    }
    servers = [
        _Server(uvicorn.Config(app, host=host, port=listen_port(name), **(settings | dict(options))))
        for name, app in apps.items()
    ]
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, servers)
    await asyncio.gather(*(server.serve() for server in servers))


def _stop(servers: list[_Server]) -> None:
    for server in servers:
        server.should_exit = True


class _Server(uvicorn.Server):
    """Uvicorn sin sus manejadores de señales: con varios servidores en un proceso los ponemos una sola vez."""

    def install_signal_handlers(self) -> None: ...

    def capture_signals(self) -> Any:
        from contextlib import nullcontext

        return nullcontext()
