"""Encontrar el motor de Docker, saber cómo es y hablarle.

Se pregunta a mano, con `GET /_ping` y `GET /version`
(https://docs.docker.com/reference/api/engine/version/v1.45/#tag/System): cargar la biblioteca de Docker tarda más
que la pregunta entera, y casi nunca hace falta. Dónde se busca y quién manda es como en la orden `docker`: primero
`DOCKER_HOST`, si no `DOCKER_CONTEXT`, si no el contexto elegido con `docker context use`, si no los sitios de
siempre.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from stack.containers.found import OLDEST_API, Absent, Attempt, Engine, Place, Reason, Tls
from stack.containers.ping import Answer, ask, reason_of

if TYPE_CHECKING:
    from docker import APIClient

PATIENCE_S = 0.25
"""Lo que se espera en total a que conteste un motor cuando nadie lo ha pedido expresamente."""

Flavour = Literal["native", "rootless", "desktop"]


def discover(environment: Mapping[str, str], patience_s: float = PATIENCE_S) -> Engine | Absent:
    """El motor que usaría la orden `docker` con ese entorno, o por qué no hay ninguno.

    Nunca tarda más de `patience_s` segundos, aunque haya uno que acepte y no conteste. No carga la biblioteca de
    Docker ni lanza nada.
    """
    deadline = time.monotonic() + patience_s
    places = list(_places(environment))
    tried: list[Attempt] = []
    for position, place in enumerate(places):
        # Lo que no existe se descarta al momento; lo que queda se reparte entre los sitios que faltan.
        share = (deadline - time.monotonic()) / max(1, sum(map(_plausible, places[position:])))
        found = _try(place, time.monotonic() + share)
        if isinstance(found, Engine):
            return found
        tried.append(Attempt(place, found))
    return Absent(tuple(tried))


def client(engine: Engine, *, timeout_s: float = 60) -> APIClient:
    """Un cliente de la API de bajo nivel para `engine`. Crearlo no habla con él, salvo que sea por ssh.

    La versión se acuerda aquí: la mayor que entienden los dos. `DOCKER_API_VERSION` no cuenta: véase `warnings`.

    Raises:
        EngineVersion: no hay ninguna versión que entiendan los dos.
    """
    from docker import APIClient
    from docker.constants import DEFAULT_DOCKER_API_VERSION
    from docker.tls import TLSConfig

    from stack.containers import sentences

    theirs, ours = number(engine.api_version), number(DEFAULT_DOCKER_API_VERSION)
    least = max(number(engine.min_api_version), OLDEST_API)
    chosen = min(theirs, ours) if theirs else ours
    if chosen < least:
        raise (
            sentences.too_old(engine)
            if chosen == theirs
            else sentences.too_new(engine, DEFAULT_DOCKER_API_VERSION)
        )
    tls: Any = False
    if engine.tls is not None:
        tls = TLSConfig(
            client_cert=(str(engine.tls.cert), str(engine.tls.key)) if engine.tls.cert.is_file() else None,
            ca_cert=str(engine.tls.ca),
            verify=engine.tls.verify,
        )
    api = APIClient(
        base_url=engine.url,
        version=".".join(map(str, chosen)),
        timeout=timeout_s,
        tls=tls,
        use_ssh_client=engine.url.startswith("ssh://"),
    )
    # El proxy y los certificados del entorno son para Internet: con ellos no se llega a un motor de esta máquina.
    api.trust_env = False
    return api


def flavour(client: APIClient) -> Flavour:
    """De qué clase es: el de siempre, el que corre sin ser root o Docker Desktop, que va en una máquina virtual.

    Importa porque la red y el disco no son los mismos: los de Desktop son los de su máquina virtual.
    """
    return flavour_of(client.info())


def flavour_of(info: Mapping[str, Any]) -> Flavour:
    """Como `flavour`, con una respuesta de `/info` que ya se tiene."""
    if "desktop" in str(info.get("OperatingSystem", "")).lower():
        return "desktop"
    options = " ".join(info.get("SecurityOptions") or ())
    return "rootless" if "rootless" in options else "native"


def warnings(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Lo que hay en el entorno que conviene saber, aunque no impida seguir."""
    found = []
    if given := environment.get("DOCKER_API_VERSION"):
        found.append(
            f"DOCKER_API_VERSION es {given}; stacklab no la usa: acuerda con el motor la versión más alta que "
            "entienden los dos. Con la orden docker sí puede estorbar: unset DOCKER_API_VERSION"
        )
    if environment.get("DOCKER_HOST") and environment.get("DOCKER_CONTEXT"):
        found.append("están DOCKER_HOST y DOCKER_CONTEXT a la vez; manda DOCKER_HOST, como en la orden docker")
    return tuple(found)


def is_local(url: str) -> bool:
    """Si lo que ese motor publique en su 127.0.0.1 está en el 127.0.0.1 de aquí."""
    where = urlsplit(url)
    if where.scheme == "unix":
        return True
    if where.scheme not in ("tcp", "http", "https"):
        return False
    host = where.hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _try(place: Place, deadline: float) -> Engine | Reason:
    scheme = urlsplit(place.url).scheme
    if not place.url:
        return "context"
    if scheme not in ("unix", "tcp", "http", "https", "ssh"):
        return "unsupported"
    if not is_local(place.url):
        # No se le pregunta: podría tardar lo que quisiera, y lo que publique no se alcanza desde aquí.
        return Engine(place.url, place.origin, local=False, context=place.context, tls=place.tls)
    try:
        answer = ask(place.url, place.tls, deadline)
    except (OSError, ValueError) as error:
        return reason_of(error)
    return _engine(place, answer)


def _engine(place: Place, answer: Answer) -> Engine:
    return Engine(
        place.url,
        place.origin,
        local=True,
        api_version=answer.api_version,
        min_api_version=answer.min_api_version,
        os_type=answer.os_type,
        version=answer.version,
        context=place.context,
        tls=place.tls,
    )


def _places(environment: Mapping[str, str]) -> Iterator[Place]:
    if given := environment.get("DOCKER_HOST", "").strip():
        yield Place(given, "DOCKER_HOST", _tls_of(environment))
        return
    from stack.containers.contexts import config_folder, current, endpoint

    folder = config_folder(environment)
    name, origin = current(environment, folder)
    if name != "default":
        url, tls = endpoint(folder, name)
        yield Place(url, f"el contexto «{name}» ({origin})", tls, name)
        return
    yield Place("unix:///var/run/docker.sock", "el del sistema")
    if runtime := environment.get("XDG_RUNTIME_DIR"):
        yield Place(f"unix://{runtime}/docker.sock", "el de Docker sin root")
    if home := environment.get("HOME"):
        yield Place(f"unix://{home}/.docker/run/docker.sock", "el de Docker Desktop")
        yield Place(f"unix://{home}/.colima/default/docker.sock", "el de Colima")


def _plausible(place: Place) -> bool:
    """Si preguntar ahí puede llevar tiempo: lo que no existe se descarta al instante."""
    where = urlsplit(place.url)
    return where.scheme != "unix" or Path(where.path).exists()


def _tls_of(environment: Mapping[str, str]) -> Tls | None:
    """Los certificados de `DOCKER_TLS_VERIFY` y `DOCKER_CERT_PATH`; `None` si no se pide TLS."""
    folder, verify = environment.get("DOCKER_CERT_PATH", ""), bool(environment.get("DOCKER_TLS_VERIFY"))
    if not folder and not verify:
        return None
    return Tls.inside(Path(folder) if folder else Path(environment.get("HOME", "/"), ".docker"), verify)


def number(version: str) -> tuple[int, ...]:
    """La versión «1.45» como (1, 45), que se puede comparar; vacío si no se sabe."""
    parts = version.split(".")
    return tuple(map(int, parts)) if all(part.isdigit() for part in parts) else ()
