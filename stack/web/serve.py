"""Arranca una o varias aplicaciones ASGI en un solo proceso, cada una en su puerto, hasta SIGTERM."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from typing import Any

import uvicorn


def listen_port(name: str) -> int:
    """El puerto que stacklab ha dado a este servicio con el nombre `name` (variable `STACKLAB_PORT_…`)."""
    return int(os.environ[f"STACKLAB_PORT_{name}".upper().replace("-", "_")])


def serve(apps: Mapping[str, Any], *, on_stop: Callable[[], None] = lambda: None, **options: Any) -> None:
    """Sirve cada aplicación en el puerto de su nombre (`{"ui": app, "otlp": otra}`) y vuelve tras SIGTERM.

    `options` pasan a `uvicorn.Config`. Una conexión abierta no retrasa la parada más de un segundo; `on_stop` se
    llama al llegar la señal, por si hay peticiones esperando a que pase algo y conviene contestarlas ya.
    """
    asyncio.run(_serve(apps, on_stop, options))


async def _serve(apps: Mapping[str, Any], on_stop: Callable[[], None], options: Mapping[str, Any]) -> None:
    host = os.environ.get("STACKLAB_LISTEN_HOST", "127.0.0.1")
    settings: dict[str, Any] = {
        "log_level": "warning",
        "access_log": False,
        "timeout_graceful_shutdown": 1,
    }
    stopping = asyncio.Event()
    servers = [
        _Server(uvicorn.Config(app, host=host, port=listen_port(name), **(settings | dict(options))), stopping)
        for name, app in apps.items()
    ]
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, servers, stopping, on_stop)
    await asyncio.gather(*(server.serve() for server in servers))


def _stop(servers: list[_Server], stopping: asyncio.Event, on_stop: Callable[[], None]) -> None:
    for server in servers:
        server.should_exit = True
    stopping.set()
    on_stop()


class _Server(uvicorn.Server):
    """Uvicorn sin sus manejadores de señales: con varios servidores en un proceso los ponemos una sola vez.

    Tampoco se despierta diez veces por segundo a ver si hay que parar, que es casi todo lo que gasta un servidor
    al que nadie pide nada: se le avisa, y una vez por segundo pone en hora la cabecera `Date`.
    """

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._stopping = stopping

    def capture_signals(self) -> Any:
        return nullcontext()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._stopping.wait()
