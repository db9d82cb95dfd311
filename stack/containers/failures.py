"""De lo que falla en Docker a un error nuestro, con su causa, qué significa y la orden siguiente.

La biblioteca de Docker da casi todo como un texto dentro de otro error (el socket que no está llega como
`DockerException` con un `FileNotFoundError` tres causas más abajo). Aquí se baja por toda la cadena hasta saber
qué pasó; `stack.containers.said` reconoce las palabras del motor y `stack.containers.sentences` dice cada caso.
`stack/errors.py` tiene la lista y los códigos de salida.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stack.containers import sentences
from stack.containers.engine import number
from stack.containers.found import OLDEST_API, Absent, Engine
from stack.containers.said import About, recognise
from stack.errors import DockerError, StacklabError

if TYPE_CHECKING:
    from stack.containers.images import Image
    from stack.model import Service


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
    about = About(engine, image, service, _words(chain))
    if not _answered(chain) and (lost := _transport(chain, about)) is not None:
        return lost
    return recognise(about) or sentences.unknown(about.text, service or (image.reference if image else ""))


@contextmanager
def told(
    *, engine: Engine | None = None, image: Image | None = None, service: Service | None = None
) -> Iterator[None]:
    """Lo que falle dentro al hablar con Docker sale como lo dice `translate`; un fallo nuestro, tal cual."""
    try:
        yield
    except Exception as error:
        family = type(error).__module__.partition(".")[0]
        if isinstance(error, OSError) or family in ("docker", "requests", "urllib3"):
            title = service.title if service is not None else None
            raise translate(error, engine=engine, image=image, service=title) from error
        raise


def refusal(found: Engine | Absent) -> DockerError | None:
    """Por qué no se puede trabajar con lo que ha encontrado `discover`; `None` si se puede."""
    if isinstance(found, Absent):
        return sentences.absent(found)
    if not found.local:
        return sentences.remote(found)
    if found.os_type != "linux":
        return sentences.not_linux(found)
    if number(found.api_version) < OLDEST_API:
        return sentences.too_old(found)
    if number(found.min_api_version) > OLDEST_API:
        # Solo entonces hay duda, y solo entonces se paga cargar la biblioteca.
        from docker.constants import DEFAULT_DOCKER_API_VERSION

        if number(found.min_api_version) > number(DEFAULT_DOCKER_API_VERSION):
            return sentences.too_new(found, DEFAULT_DOCKER_API_VERSION)
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """`error`, sus causas y los que lleva dentro como argumentos (urllib3 los guarda ahí), sin repetir."""
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
        if said:
            return (said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)).strip()
    return str(everyone[0]).strip() or type(everyone[0]).__name__


def _answered(chain: Iterable[BaseException]) -> bool:
    """Si el motor llegó a contestar: entonces cuenta lo que dijo, y no lo que pasara en la conexión."""
    return any(
        isinstance(one, RefusedError) or getattr(getattr(one, "response", None), "status_code", None) is not None
        for one in chain
    )


def _transport(chain: Iterable[BaseException], about: About) -> DockerError | None:
    """Si el fallo es de la conexión con el motor, cuál es."""
    where = about.engine.url if about.engine is not None else "su socket"
    everyone = list(chain)
    # Primero lo preciso: el error del sistema está más abajo que los que lo envuelven.
    for one in everyone:
        match one:
            case PermissionError():
                return sentences.denied(where)
            case FileNotFoundError() | ConnectionRefusedError():
                return sentences.gone_away(about.engine)
    silent = {"Timeout", "ReadTimeout", "ReadTimeoutError", "RemoteDisconnected", "ProtocolError"}
    if any(isinstance(one, ConnectionError | TimeoutError) or type(one).__name__ in silent for one in everyone):
        return sentences.silent(f"el motor de Docker ({where}) ha dejado de contestar")
    return None
