"""El motor con que trabaja una orden: se busca una vez, y solo se carga su biblioteca cuando hay que hablarle."""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from stack.containers.images import Image
from stack.errors import StartError
from stack.model import Service

if TYPE_CHECKING:
    from docker import APIClient

    from stack.containers.engine import Flavour
    from stack.containers.found import Engine


class Connection:
    """Puede usarse desde varios hilos."""

    def __init__(self) -> None:
        self._guard = threading.RLock()
        self._engine: Engine | None = None
        self._refusal: StartError | None = None
        self._asked = False
        self._client: APIClient | None = None
        self._flavour: Flavour | None = None

    def refusal(self) -> StartError | None:
        """Por qué no se puede usar Docker aquí; `None` si se puede."""
        from stack.containers.engine import discover
        from stack.containers.failures import refusal
        from stack.containers.found import Engine

        with self._guard:
            if not self._asked:
                found = discover(os.environ)
                self._engine = found if isinstance(found, Engine) else None
                self._refusal = refusal(found)
                self._asked = True
            return self._refusal

    def client(self) -> APIClient:
        """El cliente del motor. Lanza la razón si no se puede usar."""
        from stack.containers.engine import client

        with self._guard:
            if self._client is None:
                if (refusal := self.refusal()) is not None:
                    raise refusal
                assert self._engine is not None
                self._client = client(self._engine)
                # Un laboratorio que ya nadie usa no deja sus conexiones abiertas.
                weakref.finalize(self, self._client.close)
            return self._client

    def flavour(self) -> Flavour:
        """De qué clase es el motor; se le pregunta una vez."""
        from stack.containers.engine import flavour

        with self._guard:
            if self._flavour is None:
                self._flavour = flavour(self.client())
            return self._flavour

    def told(self, *, service: Service | None = None, image: Image | None = None) -> AbstractContextManager[None]:
        """Lo que falle dentro sale dicho para una persona, con su causa y la orden siguiente."""
        from stack.containers.failures import told

        return told(engine=self._engine, image=image, service=service)
