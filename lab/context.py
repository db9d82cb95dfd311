"""Lo que comparten todos los verbos: el laboratorio con su catálogo y las opciones que se repiten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from stack.errors import UsageError

if TYPE_CHECKING:
    from scenarios.engine.flow import Flow
    from stack.laboratory import Laboratory


def complete_services(incomplete: str) -> list[str]:
    """Los servicios que empiezan por lo que se lleva escrito (para el tabulador)."""
    from scenarios.catalog import SERVICES

    return [service.name for service in SERVICES if service.name.startswith(incomplete)]


Services = Annotated[
    list[str] | None,
    typer.Argument(metavar="SERVICIO", help="Cuáles. Sin nombres, todos.", autocompletion=complete_services),
]
Project = Annotated[
    str,
    typer.Option(
        "--project",
        metavar="NOMBRE",
        envvar="STACKLAB_PROJECT_NAME",
        help="Qué laboratorio: cada uno tiene sus puertos, sus datos y sus procesos.",
    ),
]
Runtime = Annotated[
    str,
    typer.Option(
        "--runtime",
        metavar="CUÁL",
        help="Con qué se arranca todo: auto (lo mejor que haya), docker (las imágenes oficiales), binary (los "
        "programas reales de este equipo) o embedded (lo que trae pip, al momento).",
    ),
]
PerService = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SERVICIO=CUÁL", help="El runtime de un solo servicio: --set kafka=docker."),
]
Ports = Annotated[
    list[str] | None,
    typer.Option(
        "--port",
        metavar="SERVICIO.PUERTO=N",
        help="Fuerza un puerto: --port kafka.broker=19092. Sin esto se usa el conocido o, si está ocupado, otro.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Escribe JSON, para programas.")]


def laboratory(project: str) -> Laboratory:
    """El laboratorio de `project` con los servicios de la guía y los microservicios de los flujos."""
    from scenarios.catalog import SERVICES
    from stack.laboratory import Laboratory

    return Laboratory(project, services=SERVICES)


def pairs(words: list[str] | None, option: str) -> dict[str, str]:
    """`["kafka=docker"]` → `{"kafka": "docker"}`; `UsageError` si falta el signo igual."""
    result = {}
    for word in words or []:
        name, equals, value = word.partition("=")
        if not (name and equals and value):
            raise UsageError(f"{option} espera nombre=valor y ha recibido «{word}»", "", "stacklab up --help")
        result[name] = value
    return result


def ports(words: list[str] | None) -> dict[str, int]:
    """`["kafka.broker=19092"]` → `{"kafka.broker": 19092}`; `UsageError` si no es un puerto."""
    result = {}
    for name, value in pairs(words, "--port").items():
        if not value.isdigit() or not 0 < int(value) < 65536:
            raise UsageError(
                f"«{value}» no es un puerto", "Un puerto es un número del 1 al 65535.", "stacklab up --help"
            )
        result[name] = int(value)
    return result


def complete_flows(incomplete: str) -> list[str]:
    """Los flujos que empiezan por lo que se lleva escrito (para el tabulador)."""
    from scenarios.flows import FLOWS

    return [name for name in FLOWS if name.startswith(incomplete)]


def flow_named(name: str) -> Flow:
    """El flujo `name` (`flujo-a`, o solo `a`); `UsageError` con los parecidos si no existe."""
    from pathlib import Path

    from lab.spanish_help import unknown
    from scenarios import flows
    from scenarios.flows import FLOWS

    wanted = name.lower().replace("_", "-")
    if f"flujo-{wanted}" in FLOWS:
        wanted = f"flujo-{wanted}"
    if wanted in FLOWS:
        return FLOWS[wanted]
    folder = f"flujo_{wanted.removeprefix('flujo-')}"
    if folder in {path.parent.name for path in Path(flows.__file__).parent.glob("flujo_*/diagram.mmd")}:
        raise UsageError(
            f"{folder.replace('_', '-')} todavía no se puede ejecutar: de él solo hay el diagrama",
            f"Los que se pueden son: {', '.join(FLOWS)}.",
            "stacklab list",
        )
    raise unknown("flujo", name, list(FLOWS), "stacklab list")
