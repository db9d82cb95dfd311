"""Arranca el puente y se queda hasta SIGTERM. Lee `HOST_PORTS`, `NETWORK_INTERFACE` y las `STACKLAB_*`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys

from stack.bridge.relay import GATEWAY_PATIENCE_S, answer, gateway, relay


async def main() -> None:
    """Escucha en la puerta de la red de Docker, un puerto por servicio de esta máquina, y contesta a su sonda."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopping.set)
    own = int(os.environ["STACKLAB_PORT_HTTP"])
    interface = os.environ["NETWORK_INTERFACE"]
    doors = [tuple(map(int, word.split(":"))) for word in os.environ["HOST_PORTS"].split()]
    async with contextlib.AsyncExitStack() as servers:
        where = await gateway(interface, asyncio.timeout(GATEWAY_PATIENCE_S))
        if where is None:
            print(
                f"No hay ninguna interfaz {interface}: desde Docker no se llega a esta máquina.", file=sys.stderr
            )
        else:
            for number, inner in doors:
                await servers.enter_async_context(await relay(where, number, inner))
        listen = os.environ.get("STACKLAB_LISTEN_HOST", "127.0.0.1")
        await servers.enter_async_context(await asyncio.start_server(answer, listen, own))
        await stopping.wait()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except OSError as error:
        sys.exit(f"El puente no puede escuchar: {error}")
