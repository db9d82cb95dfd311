"""Todo lo que el laboratorio puede arrancar: los servicios del piso de abajo más lo que aporta cada flujo.

Un flujo aporta desde su carpeta, sin tocar nada más: sus microservicios (`services.py`), sus rutas de Kong
(`kong.yaml`), lo que Prometheus debe leer (`prometheus.yml`) y su panel de Grafana (`dashboard.json`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from stack.catalog import SERVICES as BASE
from stack.model import ConfigFile, Service

_HERE = Path(__file__).parent

FRAGMENTS = {"kong": "kong.yaml", "prometheus": "prometheus.yml"}
"""De servicio al fichero en que se funden los trozos que traen los flujos con ese mismo nombre."""

SEEDS = {"vault": "scenarios.seeds:vault", "database": "scenarios.seeds:database"}
"""De servicio a la función que deja en él, cada vez que arranca, lo que los flujos dan por puesto."""


def catalog(folders: Iterable[Path]) -> tuple[Service, ...]:
    """Los servicios de abajo con la configuración de `folders` ya añadida, y detrás sus microservicios.

    `folders` son carpetas de flujos (`flujo_a`, …). Un microservicio que usan varios flujos sale una vez.
    """
    ordered = sorted(folders)
    services = {service.name: _with_flows(service, ordered) for service in BASE}
    for folder in ordered:
        if (folder / "services.py").is_file():
            for service in import_module(f"scenarios.{folder.name}.services").SERVICES:
                if services.setdefault(service.name, service) is not service:
                    raise ValueError(f"{folder.name} declara otra vez el servicio «{service.name}», y distinto")
    return tuple(services.values())


def _with_flows(service: Service, folders: list[Path]) -> Service:
    files = service.config
    if target := FRAGMENTS.get(service.name):
        extra = tuple(folder / target for folder in folders if (folder / target).is_file())
        files = tuple(
            replace(file, sources=file.sources + extra) if file.target == target else file for file in files
        )
    if service.name == "grafana":
        files += tuple(
            ConfigFile(f"dashboards/{folder.name.replace('_', '-')}.json", (folder / "dashboard.json",))
            for folder in folders
            if (folder / "dashboard.json").is_file()
        )
    service = replace(service, config=files, seed=SEEDS.get(service.name, service.seed))
    if service.name != "database":
        return service
    # Con ella entran al principio todas las cuentas de la escuela.
    return replace(
        service,
        credentials=(*service.credentials, "school_password"),
        exports={**service.exports, "SCHOOL_PASSWORD": "${SCHOOL_PASSWORD}"},
    )


SERVICES: tuple[Service, ...] = catalog(_HERE.glob("flujo_*"))
