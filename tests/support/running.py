"""Arranca servicios de verdad para una prueba, con el laboratorio que usa una persona, y los recoge después."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from stack.addresses import Viewpoint, variables
from stack.catalog import SERVICES
from stack.errors import StartError
from stack.folder import Folder
from stack.laboratory import Laboratory
from stack.model import Service

PROJECT = "prueba"


def free_port() -> int:
    """Un puerto que estaba libre hace un momento."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def folder(root: Path) -> Folder:
    """Dónde guarda cada cosa el laboratorio de `root` (`folder(root).log("redis")`, por ejemplo)."""
    return Folder.of(PROJECT, root)


def runtime() -> str:
    """El runtime con que se prueban los contratos: `STACKLAB_CONTRACT_RUNTIME`, o lo que trae pip."""
    return os.environ.get("STACKLAB_CONTRACT_RUNTIME", "embedded")


@contextmanager
def running(
    *names: str,
    root: Path,
    overrides: Mapping[str, Service] | None = None,
    extra: Sequence[Service] = (),
) -> Iterator[dict[str, str]]:
    """Arranca los servicios `names` y entrega sus variables (las de `stacklab env`, más las `*_URL`).

    Solo esos, sin aquello de lo que dependen. Cada `root` es un laboratorio con puertos propios, que conserva sus
    datos de una vez a la siguiente. `overrides` cambia la descripción de un servicio (p. ej. otra configuración);
    `extra` añade otros.
    """
    chosen = runtime()
    catalog = {service.name: service for service in (*SERVICES, *extra)} | dict(overrides or {})
    laboratory = Laboratory(PROJECT, root, [_alone(service, names) for service in catalog.values()])
    try:
        laboratory.up(names, runtime=chosen)
    except StartError as error:
        laboratory.down(names)
        raise AssertionError("\n".join([error.cause, error.meaning, *error.details])) from error
    try:
        yield variables(laboratory.endpoints(), Viewpoint.HOST) | laboratory.credentials() | laboratory.env(names)
    finally:
        laboratory.down(names)


def _alone(service: Service, names: Sequence[str]) -> Service:
    """`service` en puertos que ahora no usa nadie, y sin depender de lo que no se pide."""
    ports = tuple(
        replace(port, number=free_port(), inside=port.inside or port.number, network=port.network or port.number)
        for port in service.ports
    )
    return replace(service, ports=ports, depends_on=tuple(one for one in service.depends_on if one in names))
