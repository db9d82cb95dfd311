"""De lo que falla en Docker a lo que ve la persona: causa, qué significa y la orden siguiente.

La biblioteca de Docker da casi todo como un texto dentro de otro error (el socket que no está llega como
`DockerException` con un `FileNotFoundError` tres causas más abajo). Aquí se baja por toda la cadena y se reconoce cada
caso; `stack/errors.py` tiene la lista y sus códigos de salida, y `docs/docker.md` la tabla tal como se ve.

Nunca se propone abrir el socket a todos, ni borrar nada de Docker, ni emular otra clase de máquina.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stack import errors
from stack.containers.engine import OLDEST_API, Absent, Attempt, Engine
from stack.errors import DockerError, StacklabError

if TYPE_CHECKING:
    from stack.containers.images import Image
    from stack.model import Service

EMBEDDED = "stacklab up --runtime embedded"
_WITHOUT = (
    "No hace falta Docker para los flujos: con --runtime embedded todo arranca al momento con lo que trae pip."
)


class RefusedError(Exception):
    """Lo que el motor dijo dentro de una respuesta que había empezado bien (así fallan las bajadas)."""


def translate(
    error: BaseException,
    *,
    engine: Engine | None = None,
    image: Image | None = None,
    service: str | None = None,
) -> StacklabError:
    """`error`, venga de la biblioteca de Docker, de requests o de urllib3, como un `StacklabError`.

    `engine`, `image` y `service` (su título) dicen a qué se refería lo que se estaba haciendo. Lo que ya es un
    `StacklabError` vuelve tal cual; lo que no se reconoce, como un `DockerError` con las palabras del motor.
    """
    chain = list(_chain(error))
    for one in chain:
        if isinstance(one, StacklabError):
            return one
    about = _About(engine, image, service, _words(chain))
    if _answered(chain) is None and (known := _transport(chain, about)) is not None:
        return known
    for pattern, build in _RULES:
        if found := pattern.search(about.text):
            return build(about, found)
    subject = f" al trabajar con {service}" if service else f" con {image.reference}" if image else ""
    return DockerError(
        f"Docker ha dicho que no{subject}: {about.text[:300]}",
        "No es ninguno de los fallos conocidos; esas son sus palabras.",
        "stacklab doctor",
    )


@contextmanager
def told(
    *, engine: Engine | None = None, image: Image | None = None, service: str | None = None
) -> Iterator[None]:
    """Lo que falle dentro al hablar con Docker sale como `translate` lo dice; lo demás, tal cual."""
    try:
        yield
    except Exception as error:
        if isinstance(error, OSError) or type(error).__module__.partition(".")[0] in (
            "docker",
            "requests",
            "urllib3",
        ):
            raise translate(error, engine=engine, image=image, service=service) from error
        raise


def refusal(found: Engine | Absent) -> DockerError | None:
    """Por qué no se puede usar lo que se ha encontrado; `None` si se puede."""
    if isinstance(found, Absent):
        return absent(found)
    if not found.local:
        return remote(found)
    if _older(found.api_version):
        return version_mismatch(found, "")
    if _newer(found.min_api_version):
        from docker.constants import DEFAULT_DOCKER_API_VERSION

        if _numbers(found.min_api_version) > _numbers(DEFAULT_DOCKER_API_VERSION):
            return version_mismatch(found, DEFAULT_DOCKER_API_VERSION)
    return None


def absent(found: Absent) -> DockerError:
    """El error para cuando no hay motor: qué sitios se probaron y por qué falló cada uno."""
    details = tuple(f"{one.place.url or one.place.origin}: {WHY[one.reason]}" for one in found.tried)
    if found.denied is not None:
        return _denied(found.denied.place.url, details)
    first = found.tried[0]
    origin, context = first.place.origin, first.place.context
    if origin == "DOCKER_HOST" or context:
        place = f"DOCKER_HOST es {first.place.url}" if not context else f"se usa {origin}"
        cause = f"{place} y {WHY[first.reason]}"
        command = "docker context use default" if context else "unset DOCKER_HOST"
        if context and "DOCKER_CONTEXT" in origin:
            command = "unset DOCKER_CONTEXT"
        meaning = f"Solo se pregunta ahí, como hace la orden docker. Sin eso, se busca en los sitios de siempre. {_WITHOUT}"
        return errors.EngineAbsent(cause, meaning, command, details)
    slow = next((one for one in found.tried if one.reason == "timeout"), None)
    if slow is not None:
        return _lost(f"hay un Docker en {slow.place.url}, pero no contesta a tiempo", details)
    return errors.EngineAbsent(
        "Docker no está en marcha, o no está instalado", f"No contesta ningún motor. {_WITHOUT}", _start(), details
    )


def refusal(found: Engine | Absent) -> DockerError | None:
    """Por qué no se puede trabajar con lo que ha encontrado `discover`; `None` si se puede."""
    if isinstance(found, Absent):
        return absent(found)
    if not found.local:
        return remote(found)
    if found.os_type != "linux":
        return errors.NoSuchPlatform(
            f"el motor de Docker está puesto para contenedores de {found.os_type}, no de Linux",
            f"Las imágenes de los servicios son de Linux. En Docker Desktop se cambia en su menú. {_WITHOUT}",
            EMBEDDED,
        )
    if _older(found.api_version):
        return _too_old(f"{found.version or 'de versión desconocida'}, API {found.api_version}")
    return None


@contextmanager
def told(
    *, engine: Engine | None = None, image: Image | None = None, service: Service | None = None
) -> Iterator[None]:
    """Lo que falle dentro sale ya como lo dice `translate`.

    Que no exista un contenedor, una red o un volumen sale tal cual (`docker.errors.NotFound`): quien preguntaba por él
    sabe qué significa, y casi siempre es que no hay nada que hacer.
    """
    try:
        yield
    except StacklabError:
        raise
    except Exception as error:
        if not isinstance(error, _foreign()) or _is_lookup(error):
            raise
        raise translate(
            error, engine=engine, image=image, service=service.title if service is not None else None
        ) from error


def _foreign() -> tuple[type[BaseException], ...]:
    """Lo que lanza la biblioteca de Docker y lo que tiene debajo; un fallo nuestro no se disfraza de uno suyo."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    return DockerException, RequestException, HTTPError, OSError


def _is_lookup(error: BaseException) -> bool:
    from docker.errors import ImageNotFound, NotFound

    return isinstance(error, NotFound) and not isinstance(error, ImageNotFound)


def remote(engine: Engine) -> DockerError:
    """El error para un motor que está en otra máquina: qué no puede funcionar y qué salidas hay."""
    where = re.sub(r"^\w+://", "", engine.url)
    if engine.context:
        command = "unset DOCKER_CONTEXT" if "DOCKER_CONTEXT" in engine.origin else "docker context use default"
    else:
        command = "unset DOCKER_HOST"
    return errors.EngineRemote(
        f"el motor de Docker está en otra máquina ({engine.url}, de {engine.origin})",
        "Los servicios se publicarían en el 127.0.0.1 de aquella máquina: ni tu navegador ni los microservicios, que "
        "corren aquí, llegarían a ellos, y Prometheus y Kong no llegarían a los microservicios. Esta versión no lo "
        "hace a medias. Hay tres salidas:",
        command,
        (
            f"usar el Docker de esta máquina: {command}",
            f"trabajar allí y traer sus páginas: ssh -L 9080:127.0.0.1:9080 {where.partition(':')[0]}, y en ella "
            "stacklab up",
            f"sin Docker: {EMBEDDED}",
        ),
    )


def version_mismatch(engine: Engine, ours: str) -> DockerError:
    """El error para un motor con el que no hay ninguna versión de la API en común."""
    newest = (
        f"{engine.version or 'de versión desconocida'}, API {engine.min_api_version or '?'} a {engine.api_version}"
    )
    if _older(engine.api_version):
        return _too_old(newest)
    return errors.EngineVersion(
        f"el motor de Docker ({newest}) es demasiado nuevo para la biblioteca docker instalada, que llega a la {ours}",
        f"Hace falta una biblioteca más reciente en este Python. {_WITHOUT}",
        "pip install --upgrade docker",
    )


def no_platform(image: Image, wanted: str, offered: Iterable[str]) -> DockerError:
    """El error para una imagen que no existe para la máquina `wanted` («linux/arm64»)."""
    listed = ", ".join(offered) or "otras"
    return errors.NoSuchPlatform(
        f"no hay imagen {image.reference} para esta clase de máquina ({wanted})",
        f"La hay para {listed}. Docker podría emular una de esas, pero iría muy lento y fallaría de maneras "
        "difíciles de entender: stacklab no lo hace por su cuenta.",
        f"stacklab up --set {image.key}=embedded",
    )


def name_conflict(name: str, identity: str) -> DockerError:
    """El error para un contenedor ajeno, `identity`, que se llama como el nuestro."""
    return errors.NameConflict(
        f"ya hay un contenedor que se llama {name} y no es de este laboratorio ({identity[:12]})",
        "No lleva nuestra etiqueta, así que stacklab no lo toca. Para verlo: "
        f"docker ps -a --filter id={identity[:12]}. Puedes cambiarle el nombre (docker rename) o usar otro laboratorio.",
        "stacklab up --project otro",
    )


def disk_full(needed_mb: float, free_mb: float, folder: str) -> DockerError:
    """El error para cuando, antes de bajar nada, ya se ve que no cabe."""
    return _disk(
        f"no hay sitio para las imágenes: hacen falta unos {_gigas(needed_mb)} y en {folder} quedan {_gigas(free_mb)}"
    )


WHY = {
    "missing": "no está",
    "refused": "está, pero no hay nadie escuchando",
    "denied": "está, pero no tienes permiso",
    "timeout": "está, pero no contesta a tiempo",
    "strange": "contesta algo que no es Docker",
    "unsupported": "no es una dirección que se sepa usar",
    "context": "ese contexto no existe",
}
"""Por qué no ha servido un sitio, para una persona."""


@dataclass(frozen=True, slots=True)
class _About:
    """De qué se estaba hablando cuando falló, y las palabras del error."""

    engine: Engine | None
    image: Image | None
    service: str | None
    text: str

    @property
    def where(self) -> str:
        return self.engine.url if self.engine is not None else "su socket"

    @property
    def reference(self) -> str:
        return self.image.reference if self.image is not None else "que hace falta"

    @property
    def instead(self) -> str:
        """La orden que sigue adelante sin esa imagen."""
        return f"stacklab up --set {self.image.key}=embedded" if self.image is not None else EMBEDDED


def _chain(error: BaseException) -> Iterator[BaseException]:
    """`error`, sus causas y las que lleva dentro como argumentos (urllib3 las guarda ahí), sin repetir."""
    pending, seen = [error], set()
    while pending:
        one = pending.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = [getattr(one, "reason", None), *one.args, one.__cause__, one.__context__]
        pending += [other for other in inner if isinstance(other, BaseException)]


def _words(chain: Iterable[BaseException]) -> str:
    """Lo que dijo el motor o, si no dijo nada, el error de más arriba."""
    everyone = list(chain)
    for one in everyone:
        said = getattr(one, "explanation", None)
        if isinstance(said, bytes):
            said = said.decode("utf-8", "replace")
        if said:
            return str(said).strip()
    return str(everyone[0]).strip() or type(everyone[0]).__name__


def _answered(chain: Iterable[BaseException]) -> int | None:
    """El código HTTP con que contestó el motor, o `None` si el fallo es de antes de que contestara."""
    for one in chain:
        if isinstance(one, RefusedError):
            return 200
        status = getattr(getattr(one, "response", None), "status_code", None)
        if status is not None:
            return int(status)
    return None


def _transport(chain: Iterable[BaseException], about: _About) -> DockerError | None:
    """Si el fallo es de la conexión con el motor, y no de lo que contestó, cuál es."""
    for one in chain:
        match one:
            case PermissionError():
                return _denied(about.where)
            case FileNotFoundError() | ConnectionRefusedError():
                return _gone_away(about)
            case ConnectionError() | TimeoutError():
                return _lost(f"el motor de Docker ({about.where}) ha dejado de contestar")
        if type(one).__name__ in {"ReadTimeout", "ReadTimeoutError", "RemoteDisconnected", "ProtocolError"}:
            return _lost(f"el motor de Docker ({about.where}) ha dejado de contestar")
    return None


def _gone_away(about: _About) -> DockerError:
    if about.engine is None:
        cause = "Docker no está en marcha, o no está instalado"
    else:
        cause = f"el motor de Docker ya no está en {about.engine.url}"
    return errors.EngineAbsent(cause, f"No contesta ningún motor. {_WITHOUT}", _start())


def _lost(cause: str, details: Iterable[str] = ()) -> DockerError:
    return errors.EngineAbsent(
        cause,
        "Puede estar arrancando, muy cargado, o colgado. Lo que ya estaba hecho se queda; repetir la orden sigue por "
        f"donde iba. {_WITHOUT}",
        "docker info",
        details,
    )


def _denied(where: str, details: Iterable[str] = ()) -> DockerError:
    return errors.EngineDenied(
        f"Docker está, pero no tienes permiso para usarlo ({where})",
        "Su socket es del grupo docker y tú no estás en él, o entraste en él después de abrir esta sesión: hay que "
        "salir de la sesión y volver a entrar. Quien está en ese grupo manda en todo el equipo como si fuera root; si "
        "no es tuyo, pregunta antes, o usa Docker sin root (https://docs.docker.com/engine/security/rootless/).\n"
        f"{_WITHOUT}",
        "sudo usermod -aG docker $USER",
        details,
    )


def _too_old(what: str) -> DockerError:
    least = ".".join(map(str, OLDEST_API))
    return errors.EngineVersion(
        f"el motor de Docker ({what}) es demasiado viejo",
        f"Hace falta la API {least}, la de Docker 20.10, o posterior. Se actualiza como dice "
        f"https://docs.docker.com/engine/install/. {_WITHOUT}",
        "docker version",
    )


def _disk(cause: str) -> DockerError:
    return errors.DiskFull(
        cause,
        "Lo que ya se había bajado se queda. stacklab no borra nada de Docker por su cuenta, porque puede haber datos "
        f"tuyos: mira qué ocupa y decide. {_WITHOUT}",
        "docker system df",
    )


def _start() -> str:
    return "open -a Docker" if sys.platform == "darwin" else "sudo systemctl start docker"


def _older(version: str) -> bool:
    parts = version.split(".")
    return all(part.isdigit() for part in parts) and tuple(map(int, parts)) < OLDEST_API


def _newer(version: str) -> bool:
    """Si una API mínima podría ser demasiado para la biblioteca más vieja que se admite (docker 7.1)."""
    return _numbers(version) > (1, 44)


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")
    return tuple(map(int, parts)) if all(part.isdigit() for part in parts) else ()


def _gigas(megabytes: float) -> str:
    return f"{megabytes / 1000:.1f} GB".replace(".", ",")


# --- Lo que dice el motor, palabra por palabra, y qué es. El orden importa: lo más preciso, antes. ---

Build = Callable[[_About, "re.Match[str]"], DockerError]


def _version_said(about: _About, found: re.Match[str]) -> DockerError:
    if found["what"] == "new":
        return _too_old(f"API {found['limit']}")
    return errors.EngineVersion(
        f"el motor de Docker solo entiende la API {found['limit']} o posterior",
        f"La biblioteca docker instalada en este Python es demasiado vieja para él. {_WITHOUT}",
        "pip install --upgrade docker",
    )


def _version_library(about: _About, found: re.Match[str]) -> DockerError:
    return _too_old(f"API {about.engine.api_version}" if about.engine is not None else "API desconocida")


def _rate(about: _About, found: re.Match[str]) -> DockerError:
    return errors.RateLimited(
        f"el registro no deja bajar más por ahora la imagen {about.reference}",
        "A quien no se identifica le cuenta las bajadas por dirección de Internet, y un aula entera suele salir por "
        "una sola. Con una cuenta gratuita se cuentan aparte; también basta esperar unas horas. Lo ya bajado se "
        f"queda, y repetir la orden sigue por donde iba. {_WITHOUT}",
        "docker login",
    )


def _platform(about: _About, found: re.Match[str]) -> DockerError:
    wanted = re.search(r"linux/\w+(?:/v\d)?", about.text)
    where = wanted.group() if wanted else "esta"
    if about.image is not None:
        return no_platform(about.image, where, about.image.platforms)
    return errors.NoSuchPlatform(
        f"no hay imagen para esta clase de máquina ({where})",
        "Docker podría emular otra, pero iría muy lento y fallaría de maneras difíciles de entender: stacklab no lo "
        "hace por su cuenta.",
        EMBEDDED,
    )


def _space(about: _About, found: re.Match[str]) -> DockerError:
    return _disk("no queda sitio en el disco donde Docker guarda las imágenes")


def _port(about: _About, found: re.Match[str]) -> DockerError:
    numbers = re.search(r"127\.0\.0\.1:(\d+)|0\.0\.0\.0:(\d+)|:(\d+)\b", about.text)
    number = int(next(filter(None, numbers.groups()))) if numbers else None
    which = f"el puerto {number}" if number else "un puerto"
    subject = f" de {about.service}" if about.service else ""
    error = errors.EnginePortTaken(
        f"Docker no puede publicar {which}{subject}: ya lo usa otro",
        "Lo tiene otro contenedor u otro programa de esta máquina. Si no fuerzas el puerto, stacklab se pone en otro.",
        f"docker ps --filter publish={number}" if number else "docker ps",
    )
    error.number = number
    return error


def _name(about: _About, found: re.Match[str]) -> DockerError:
    return name_conflict(found["name"], found["id"])


def _pool(about: _About, found: re.Match[str]) -> DockerError:
    return errors.NetworkPoolExhausted(
        "a Docker no le quedan direcciones para la red del laboratorio",
        "Cada red ocupa un trozo de los que trae de fábrica, que son unos treinta; una VPN también puede estar "
        "usándolos. Mira qué redes hay y borra las que sean tuyas y no uses (docker network rm NOMBRE), o añade "
        f"más con default-address-pools en la configuración del motor. {_WITHOUT}",
        "docker network ls",
    )


def _registry(about: _About, found: re.Match[str]) -> DockerError:
    said = re.search(r"https?://([^/\"\s:]+)|lookup ([\w.-]+)", about.text)
    name = next(filter(None, said.groups())) if said else "de las imágenes"
    trust = (
        " Su certificado no es de fiar para el motor: suele ser un proxy que mira el tráfico."
        if ("x509" in about.text)
        else ""
    )
    return errors.RegistryUnreachable(
        f"no se llega al registro {name}",
        "Quien baja es el motor de Docker, no tu terminal: no tiene red, o se la corta un cortafuegos o un proxy (que "
        f"se le configura a él: https://docs.docker.com/engine/daemon/proxy/).{trust} {_WITHOUT}",
        EMBEDDED,
    )


def _gone(about: _About, found: re.Match[str]) -> DockerError:
    return errors.ImageGone(
        f"la imagen {about.reference} no existe, o no se deja bajar",
        "El registro dice que no la tiene o que no es pública: quien publica una imagen puede retirarla. El suplente o "
        "el programa local hacen lo mismo para los flujos.",
        about.instead,
    )


def _rule(pattern: str, build: Build) -> tuple[re.Pattern[str], Build]:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL), build


_RULES: tuple[tuple[re.Pattern[str], Build], ...] = (
    _rule(
        r"client version [\d.]+ is too (?P<what>old|new).*?(?:minimum|maximum) supported API version is (?P<limit>[\d.]+)",
        _version_said,
    ),
    _rule(
        r"API versions below .* are no longer supported|only (?:introduced|available) in API version",
        _version_library,
    ),
    _rule(r"toomanyrequests|too many requests|pull rate limit|rate limit exceeded", _rate),
    _rule(
        r"no matching manifest for|no match for platform|does not match the (?:specified|detected|expected|host) .*platform"
        r"|exec format error|image operating system .* cannot be used",
        _platform,
    ),
    _rule(r"no space left on device|disk quota exceeded|not enough space", _space),
    _rule(
        r"port is already allocated|failed to bind (?:host )?port|ports are not available"
        r"|address already in use|bind for .* failed",
        _port,
    ),
    _rule(r"container name \"?/?(?P<name>[\w.-]+)\"? is already in use by container \"?(?P<id>[0-9a-f]+)", _name),
    _rule(
        r"non-overlapping IPv4 address pool|address pools have been fully subnetted|pool overlaps with other one",
        _pool,
    ),
    _rule(
        r"no such host|i/o timeout|TLS handshake timeout|request canceled|deadline exceeded|connection refused"
        r"|connection reset|network is unreachable|no route to host|server misbehaving|proxyconnect|x509:"
        r"|certificate (?:signed|verify)|temporary failure in name resolution|502 bad gateway|503 service unavailable"
        r"|: EOF$",
        _registry,
    ),
    _rule(
        r"pull access denied|manifest unknown|manifest for .* not found|repository .*(?:not found|does not exist)"
        r"|repository name not known|name unknown|no such image|requested access to the resource is denied"
        r"|unauthorized|failed to resolve reference .*not found|authentication required|denied:",
        _gone,
    ),
)

__all__ = [
    "EMBEDDED",
    "WHY",
    "Attempt",
    "RefusedError",
    "absent",
    "refusal",
    "disk_full",
    "name_conflict",
    "no_platform",
    "remote",
    "told",
    "translate",
    "version_mismatch",
]
