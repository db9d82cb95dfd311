"""Arranca servicios de verdad para una prueba, con el laboratorio que usa una persona, y los recoge después."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from stack import state as states
from stack.addresses import Viewpoint, variables
from stack.bridge import door
from stack.catalog import SERVICES
from stack.errors import StartError
from stack.folder import Folder
from stack.laboratory import Laboratory
from stack.model import HttpProbe, Kind, Port, Service
from stack.ports import free_ports, key
from stack.runtimes.local import FROM_CONTAINER
from stack.status import Running
from tests.support.answered import replaced


def free_port() -> int:
    """Un puerto que estaba libre hace un momento."""
    return free_ports(1)[0]


def from_service(number: int) -> str:
    """Cómo llega un servicio al servidor de la prueba que escucha en 127.0.0.1:`number`: «dirección:puerto»."""
    return f"{FROM_CONTAINER}:{door(number)}" if runtime() == "docker" else f"127.0.0.1:{number}"


def project(root: Path) -> str:
    """El nombre del laboratorio de `root`: cada uno el suyo, porque en Docker dos con el mismo no caben."""
    return f"prueba-{zlib.crc32(str(root.resolve()).encode()):08x}"


def folder(root: Path) -> Folder:
    """Dónde guarda cada cosa el laboratorio de `root` (`folder(root).log("redis")`, por ejemplo)."""
    return Folder.of(project(root), root)


def runtime() -> str:
    """El runtime con que se prueban los contratos: `STACKLAB_CONTRACT_RUNTIME`, o lo que trae pip."""
    return os.environ.get("STACKLAB_CONTRACT_RUNTIME", "embedded")


@contextmanager
def running(
    *names: str,
    root: Path,
    overrides: Mapping[str, Service] | None = None,
    extra: Sequence[Service] = (),
    servers: Sequence[int] = (),
    note: Callable[[Sequence[Running]], None] = lambda started: None,
) -> Iterator[dict[str, str]]:
    """Arranca los servicios `names` y entrega sus variables (las de `stacklab env`, más las `*_URL`).

    Solo esos, sin aquello de lo que dependen. Cada `root` es un laboratorio con puertos propios, que conserva sus
    datos de una vez a la siguiente. `overrides` cambia la descripción de un servicio (p. ej. otra configuración);
    `extra` añade otros. `servers` son los puertos de los servidores de la propia prueba a los que van a llamar (en
    Docker hay que abrirles camino; véase `from_service`). A `note` se le da lo que arrancó.

    Si se piden programas reales (o Docker) y por un servicio que los tiene contesta un suplente, falla: no se
    comprobaría lo que se dice.
    """
    chosen = runtime()
    # El puente arranca solo si lo nombra una configuración, y un servidor de la prueba puede aparecer después.
    bridge = ["bridge"] if chosen == "docker" else []
    catalog = {service.name: service for service in (*SERVICES, *extra, *map(_server, servers))} | dict(
        overrides or {}
    )
    _reserve(root, servers)
    laboratory = Laboratory(project(root), root, [_alone(service, names) for service in catalog.values()])
    try:
        started = laboratory.up([*names, *bridge] if servers else names, runtime=chosen)
    except StartError as error:
        laboratory.down([*names, *bridge])
        raise AssertionError("\n".join([error.cause, error.meaning, *error.details])) from error
    try:
        note(started)
        wrong = replaced(started, catalog) if chosen != "embedded" else []
        assert not wrong, f"STACKLAB_CONTRACT_RUNTIME={chosen}: {'; '.join(wrong)}"
        yield variables(laboratory.endpoints(), Viewpoint.HOST) | laboratory.credentials() | laboratory.env(names)
    finally:
        laboratory.down([*names, *bridge])


def _reserve(root: Path, servers: Sequence[int]) -> None:
    """Apunta los puertos `servers` como ya dados: están ocupados, y el laboratorio les buscaría otros."""
    if not servers:
        return
    path = folder(root).state
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    state, _ = states.read(path)
    numbers = {key(_server(number).name, "http"): number for number in servers}
    states.save(path, replace(state, ports={**state.ports, **numbers}))


def _server(number: int) -> Service:
    """Un servidor de la prueba, para que el laboratorio sepa que existe. Nadie lo arranca: ya está en marcha."""
    port = Port("http", number)
    return Service(
        f"prueba-{number}", "Servidor de la prueba", "", (port,), HttpProbe("http", "/"), kind=Kind.CONSOLE
    )


def _alone(service: Service, names: Sequence[str]) -> Service:
    """`service` en puertos que ahora no usa nadie, y sin depender de lo que no se pide."""
    if service.name.startswith("prueba-"):
        return service
    ports = tuple(
        replace(port, number=free_port(), inside=port.inside or port.number, network=port.network or port.number)
        for port in service.ports
    )
    return replace(service, ports=ports, depends_on=tuple(one for one in service.depends_on if one in names))
