"""Si desde dentro de un contenedor se llega a los procesos de esta máquina."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stack.containers.engine import Flavour
from stack.containers.firewall import Firewall, rule
from stack.containers.sentences import EMBEDDED
from stack.errors import HostUnreachable

if TYPE_CHECKING:
    from docker import APIClient

PATIENCE_S = 3

_ELSEWHERE: dict[Flavour, str] = {
    "rootless": "Con Docker sin root, la red de los contenedores está en un sitio aparte: su puerta no es una "
    "dirección de esta máquina, y ninguna regla de cortafuegos lo cambia.",
    "desktop": "Con Docker Desktop los contenedores van en una máquina virtual, y ella no llega a esta: se lo "
    "impide su configuración de red o un cortafuegos.",
}
"""Por qué no se llega, con un motor que no está en la red de esta máquina."""

_NO_TOOL = (126, 127)
"""Los códigos de «no se puede ejecutar» y «no existe»."""


def unreachable(client: APIClient, containers: Sequence[str], host: str, number: int) -> str | None:
    """Por qué no se llega a `host:number` desde uno de `containers`; `None` si se llega.

    Se llama con lo que traiga cada imagen, hasta dar con una que tenga con qué. Si ninguna tiene, no se sabe:
    también `None`, porque no hay de qué quejarse.
    """
    for identity in containers:
        for argv in _calls(host, number):
            code, output = _run(client, identity, argv)
            if code in _NO_TOOL:
                continue
            return (
                None
                if code == 0
                else f"{argv[0]} no pudo conectar con {host}:{number} ({output or f'código {code}'})"
            )
    return None


def host_unreachable(problem: str, subnet: str, gateway: str, firewall: Firewall | None) -> HostUnreachable:
    """El error para cuando no se llega: `problem` es lo que pasó; `subnet` y `gateway`, los de la red."""
    who = f"Casi seguro que es {firewall.title}, que está activo" if firewall else "Casi siempre es un cortafuegos"
    return HostUnreachable(
        f"los contenedores no llegan a los procesos de esta máquina: {problem}",
        "Los microservicios corren fuera de Docker, y los contenedores los llaman por la puerta de su red "
        f"({gateway}). {who} y corta lo que viene de {subnet}. La orden siguiente deja pasar solo eso.",
        rule(firewall, subnet, gateway),
    )


def host_elsewhere(problem: str, flavour: Flavour) -> HostUnreachable:
    """El error para cuando no se llega y el motor no está en la red de esta máquina: no hay regla que lo abra."""
    return HostUnreachable(
        f"los contenedores no llegan a los procesos de esta máquina: {problem}",
        f"{_ELSEWHERE[flavour]} Los microservicios corren fuera de Docker, y los contenedores los llaman. "
        "Sin Docker todo funciona, con lo que trae pip; si lo pediste solo para uno, quita su --set.",
        EMBEDDED,
    )


def _calls(host: str, number: int) -> list[list[str]]:
    return [
        ["curl", "-s", "-m", str(PATIENCE_S), "-o", "/dev/null", f"http://{host}:{number}/"],
        ["timeout", str(PATIENCE_S), "bash", "-c", f"exec 3<>/dev/tcp/{host}/{number}"],
        ["nc", "-z", "-w", str(PATIENCE_S), host, str(number)],
        # El de busybox no sabe cuántas veces intentarlo, y el de GNU insiste veinte: el plazo se lo pone otro.
        ["timeout", str(PATIENCE_S), "wget", "-q", "-O", "/dev/null", f"http://{host}:{number}/"],
    ]


def _run(client: APIClient, identity: str, argv: list[str]) -> tuple[int, str]:
    from docker.errors import APIError

    try:
        made = client.exec_create(identity, argv)
        output = client.exec_start(made["Id"])
        code = client.exec_inspect(made["Id"])["ExitCode"]
    except APIError as error:
        return _NO_TOOL[1], str(error)
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return code, lines[-1][:200] if lines else ""
