"""Servicios diminutos en contenedores, sobre la imagen de Redis: arrancan en medio segundo."""

from __future__ import annotations

from stack.model import ConfigFile, Container, Embedded, Fidelity, HttpProbe, Kind, Port, RedisProbe, Service
from stack.ports import free_ports
from tests.support.fakes import SERVE

SERVER = ("redis-server", "--save", "", "--protected-mode", "no")
SILENT = ("sh", "-c", "echo pensando; exec sleep 60")
STUBBORN = ("sh", "-c", "trap '' TERM; redis-server --save '' --protected-mode no & while true; do sleep 1; done")
DIE = ("sh", "-c", "echo 'no encuentro mi fichero' >&2; exit 3")


def box(
    name: str,
    argv: tuple[str, ...] = SERVER,
    *,
    number: int | None = None,
    depends_on: tuple[str, ...] = (),
    env: dict[str, str] | None = None,
    config: tuple[ConfigFile, ...] = (),
    volume: str = "",
    memory_mb: int = 64,
    ready_s: float = 20.0,
    grace_s: float = 2.0,
) -> Service:
    """Un servicio `name` que corre `argv` en un contenedor con un puerto de Redis."""
    return Service(
        name=name,
        title=name.capitalize(),
        summary="De mentira, para pruebas.",
        ports=(Port("resp", number or free_ports(1)[0], scheme="redis", inside=6379),),
        probe=RedisProbe("resp"),
        container=Container(
            image="redis",
            memory_mb=memory_mb,
            argv=argv,
            env=dict(env or {}),
            volume=volume,
            ready_timeout_s=ready_s,
            stop_grace_s=grace_s,
        ),
        depends_on=depends_on,
        config=config,
        exports={f"{name.upper()}_URL": f"${{{name.upper()}_RESP_URL}}"},
    )


def process(name: str) -> Service:
    """Un microservicio de mentira: un proceso de esta máquina, con una página."""
    return Service(
        name=name,
        title=name.capitalize(),
        summary="De mentira, para pruebas.",
        kind=Kind.MICROSERVICE,
        ports=(Port("http", free_ports(1)[0]),),
        probe=HttpProbe("http", "/", contains="ok"),
        embedded=Embedded(("${PYTHON}", "-S", "-c", SERVE), "juguete", Fidelity.EMBEDDED, 8),
    )
