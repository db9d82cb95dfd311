"""`python -m stack.kafka.embedded`: arranca el intermediario y atiende hasta SIGTERM."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from stack.kafka.embedded.broker import Broker
from stack.kafka.embedded.connection import Connection
from stack.kafka.embedded.settings import Settings

_CANNOT_START = 3


async def serve(settings: Settings) -> None:
    """Escucha en `settings.host:settings.port` hasta SIGTERM o SIGINT.

    Raises:
        OSError: si no se puede escuchar ahí.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    broker = Broker(settings)
    connections: set[Connection] = set()
    server = await loop.create_server(
        lambda: Connection(broker, connections), settings.host, settings.port, backlog=256
    )
    await stop.wait()
    server.close()
    for connection in list(connections):
        connection.close()


def main() -> int:
    """Devuelve el código de salida: 0 al parar; 3 si no pudo arrancar, con la causa en la salida de errores."""
    try:
        settings = Settings.from_environment(os.environ)
        asyncio.run(serve(settings))
    except ValueError as error:
        print(f"Kafka no arranca: {error}.", file=sys.stderr)
        return _CANNOT_START
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        print(
            f"Kafka no arranca: no puede escuchar en {where} ({error.strerror or error}).\n"
            f"Casi siempre es que otro programa usa ese puerto; «ss -ltnp» enseña cuál.",
            file=sys.stderr,
        )
        return _CANNOT_START
    return 0


if __name__ == "__main__":
    sys.exit(main())
