"""Si hay un motor de Docker que conteste, y qué significa eso aquí.

Se le pregunta a mano, con un `GET /_ping` (https://docs.docker.com/reference/api/engine/): cargar su biblioteca
tarda más que la pregunta entera. Nunca se espera más de `PATIENCE_S` segundos en total.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

PATIENCE_S = 0.45
_QUESTION = b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n"
_NOT_USED = "pero esta versión todavía no lo usa"
_NOT_NEEDED = "No hace falta: se usa lo que trae pip"


def look(environment: Mapping[str, str]) -> str:
    """Una frase: si está, si contesta y qué significa. `environment` manda con `DOCKER_HOST`."""
    given = environment.get("DOCKER_HOST", "")
    deadline = time.monotonic() + PATIENCE_S
    places = [given] if given else list(_usual(environment))
    denied = None
    for place in places:
        try:
            if _answers(place, deadline):
                return f"Docker está ({place}), {_NOT_USED}"
        except PermissionError:
            denied = place
        except (OSError, ValueError):
            continue
    if denied:
        return f"Docker está, pero no tienes permiso para usar {denied}. {_NOT_NEEDED}"
    if given.startswith("ssh://"):
        return f"DOCKER_HOST es {given}, en otra máquina; no se le ha preguntado. {_NOT_NEEDED}"
    if given:
        return f"DOCKER_HOST es {given} y ahí no contesta ningún Docker. {_NOT_NEEDED}"
    return f"no está. {_NOT_NEEDED}"


def _usual(environment: Mapping[str, str]) -> Iterator[str]:
    """Dónde suele escuchar: el del sistema, el de una persona sin ser root y el de Docker Desktop."""
    yield "unix:///var/run/docker.sock"
    if runtime := environment.get("XDG_RUNTIME_DIR"):
        yield f"unix://{runtime}/docker.sock"
    if home := environment.get("HOME"):
        yield f"unix://{Path(home, '.docker/run/docker.sock')}"


def _answers(place: str, deadline: float) -> bool:
    """Si quien escucha en `place` contesta como un Docker; `OSError` si ahí no hay nadie."""
    where = urlsplit(place)
    probe = socket.socket(socket.AF_UNIX if where.scheme == "unix" else socket.AF_INET)
    with probe:
        probe.settimeout(max(0.01, deadline - time.monotonic()))
        if where.scheme == "unix":
            probe.connect(where.path)
        elif where.scheme in ("tcp", "http") and where.hostname:
            probe.connect((where.hostname, where.port or 2375))
        else:
            return False
        probe.sendall(_QUESTION)
        answer = b""
        while b"\r\n\r\n" not in answer and len(answer) < 4096:
            probe.settimeout(max(0.01, deadline - time.monotonic()))
            piece = probe.recv(1024)
            if not piece:
                break
            answer += piece
    status, _, headers = answer.partition(b"\r\n")
    return b" 200" in status and b"api-version:" in headers.lower()
