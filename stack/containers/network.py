"""La red de un laboratorio: por ella se hablan sus contenedores, y por su puerta llegan a esta máquina."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from stack.containers import names
from stack.containers.connection import Connection
from stack.errors import NameConflict

CONFLICT = 409


class Network:
    """La red con las etiquetas `labels` (nombre → valor) del laboratorio `project`."""

    def __init__(self, connection: Connection, project: str, labels: Mapping[str, str]) -> None:
        self._connection, self._project, self._labels = connection, project, dict(labels)
        self._guard = threading.Lock()

    def ensure(self) -> dict[str, Any]:
        """Lo que el motor dice de ella; si no está, se crea.

        Se busca por su etiqueta antes de crearla, porque el motor admite dos con el mismo nombre.
        """
        with self._guard:
            if found := self._found():
                return found[0]
            self._create()
            return self._found()[0]

    def _create(self) -> None:
        from docker.errors import APIError

        name = names.network(self._project)
        try:
            self._connection.client().create_network(
                name,
                driver="bridge",
                labels=self._labels,
                options={"com.docker.network.bridge.name": names.interface(self._labels[names.PROJECT])},
                check_duplicate=True,
            )
        except APIError as error:
            if error.response is None or error.response.status_code != CONFLICT:
                raise
            raise NameConflict(
                f"ya hay una red de Docker que se llama {name} y no es de este laboratorio",
                "Es de otro laboratorio con el mismo nombre de proyecto, y no se toca. Con otro nombre, el tuyo "
                "vive a su lado.",
                "stacklab up --project otro",
            ) from error

    def remove(self) -> None:
        """La quita. Si alguien conectó a ella un contenedor por su cuenta, se queda."""
        from docker.errors import APIError

        for one in self._found():
            try:
                self._connection.client().remove_network(one["Id"])
            except APIError:
                continue

    def gateway(self) -> str:
        """Con qué dirección llega un contenedor a esta máquina.

        En Linux es la puerta de la red, que es una dirección de esta máquina; donde el motor corre en una máquina
        virtual, la que él sabe.
        """
        gateways = [one["Gateway"] for one in self.ensure()["IPAM"]["Config"] or () if "Gateway" in one]
        return str(gateways[0]) if gateways and self._connection.flavour() == "native" else "host-gateway"

    def subnet(self) -> str:
        """Qué direcciones tienen sus contenedores («172.18.0.0/16»)."""
        return str(next((one["Subnet"] for one in self.ensure()["IPAM"]["Config"] or () if "Subnet" in one), "?"))

    def _found(self) -> list[dict[str, Any]]:
        label = f"{names.PROJECT}={self._labels[names.PROJECT]}"
        return list(self._connection.client().networks(filters={"label": label}))
