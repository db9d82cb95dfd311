"""El runtime que da pip solo: programas reales que vienen en una rueda y suplentes de stacklab."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stack.addresses import Endpoint
from stack.model import Service
from stack.prepare import Prepared, Recipe, on_this_machine, prepare
from stack.runtimes.base import Offer
from stack.runtimes.local import LocalRuntime


class EmbeddedRuntime(LocalRuntime):
    """Lo que dice `service.embedded`."""

    name = "embedded"

    def offer(self, service: Service) -> Offer | None:
        """Lo que trae pip para `service`; `None` si no trae nada."""
        data = service.embedded
        if data is None:
            return None
        return Offer(data.product, data.fidelity, data.memory_mb, data.ready_timeout_s, data.stop_grace_s)

    def why_not(self, service: Service) -> str:
        """No viene con pip."""
        return f"pip no trae nada que haga de {service.title}"

    def prepare(self, service: Service, endpoints: Iterable[Endpoint], names: Mapping[str, str]) -> Prepared:
        """Resuelve su orden, su entorno y sus ficheros."""
        data, everything = service.embedded, tuple(endpoints)
        assert data is not None, "solo se prepara lo que se ofrece"
        recipe = Recipe(data.argv, data.env, service.config)
        place = on_this_machine(service, everything, self._folder.services)
        return prepare(service, recipe, place, endpoints=everything, credentials=names)
