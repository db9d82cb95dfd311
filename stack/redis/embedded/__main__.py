"""`python -m stack.redis.embedded`: el servidor TCP de fakeredis, para donde no hay rueda de Valkey.

Es Redis reescrito en Python (https://fakeredis.readthedocs.io): lo que usa el laboratorio contesta igual, menos
`INFO`, `CONFIG`, `MEMORY` y los avisos de claves caducadas. No lee `redis.conf`.
"""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any

from fakeredis import TcpFakeServer
from fakeredis._clients._tcp_server import TCPFakeRequestHandler
from redis import ResponseError


class Handler(TCPFakeRequestHandler):
    """Contesta los errores y sigue atendiendo. Sin esto, fakeredis 2.40 cuelga la conexión tras cada uno."""

    def setup(self) -> None:
        """Envuelve la lectura de respuestas del cliente recién llegado."""
        super().setup()
        read = self.current_client.read_response

        def answer(*args: Any, **kwargs: Any) -> Any:
            try:
                return read(*args, **kwargs)
            except ResponseError as error:
                return error

        setattr(self.current_client, "read_response", answer)  # noqa: B010 (mypy no deja asignar a un método)


def main() -> None:
    """Atiende hasta SIGTERM. Lee las variables `STACKLAB_*`."""
    address = (os.environ.get("STACKLAB_LISTEN_HOST", "127.0.0.1"), int(os.environ["STACKLAB_PORT_RESP"]))
    with TcpFakeServer(address) as server:
        server.RequestHandlerClass = Handler
        # Los hilos de las conexiones abiertas no deben retrasar la parada.
        server.daemon_threads = True
        server.block_on_close = False

        def stop(number: int, frame: FrameType | None) -> None:
            # `shutdown` espera a que acabe el bucle, que está parado en esta señal: ha de hacerlo otro hilo.
            threading.Thread(target=server.shutdown).start()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
