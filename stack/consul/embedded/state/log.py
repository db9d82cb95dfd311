"""El índice: cada escritura recibe el siguiente, y quien espera un cambio se despierta.

En Consul es la posición en el registro de Raft (https://developer.hashicorp.com/consul/docs/architecture/consensus);
aquí hay un solo servidor y basta con contar. Las primeras escrituras de Consul son suyas (elegir líder, apuntar su
nodo), así que lo que escribe una persona empieza más arriba.
"""

from __future__ import annotations

import asyncio

FIRST = 10


class Log:
    """El contador de escrituras y quienes esperan la próxima."""

    def __init__(self) -> None:
        self.index = FIRST
        self.closing = False
        self._waiting: set[asyncio.Future[None]] = set()

    def next(self) -> int:
        """El índice de la escritura que se va a hacer ahora mismo, sin soltar el bucle de eventos."""
        self.index += 1
        self._wake()
        return self.index

    def close(self) -> None:
        """Nadie espera más: se va a parar."""
        self.closing = True
        self._wake()

    def change(self) -> asyncio.Future[None]:
        """Un futuro que se cumple con la próxima escritura. Quien deja de esperar lo cancela."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        future.add_done_callback(self._waiting.discard)
        if self.closing:
            future.set_result(None)
        return future

    @property
    def waiting(self) -> int:
        """Cuántos esperan."""
        return len(self._waiting)

    def _wake(self) -> None:
        for future in list(self._waiting):
            if not future.done():
                future.set_result(None)
