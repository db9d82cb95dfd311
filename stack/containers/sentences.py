"""Lo que se le dice a la persona de cada cosa que puede fallar en Docker: causa, qué significa y la orden
siguiente.

Nunca se propone abrir el socket a todos, ni borrar nada de Docker, ni emular otra clase de máquina. Y siempre hay
una salida que no necesita Docker.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from stack import errors
from stack.containers.found import OLDEST_API, Absent, Engine
from stack.errors import DockerError

if TYPE_CHECKING:
    from stack.containers.images import Image

EMBEDDED = "stacklab up --runtime embedded"
_WITHOUT = "Sin Docker también se puede: con --runtime embedded todo arranca al momento con lo que trae pip."

WHY = {
    "missing": "no está",
    "refused": "está, pero no hay nadie escuchando",
    "denied": "está, pero no tienes permiso",
    "timeout": "está, pero no contesta a tiempo",
    "strange": "contesta algo que no es Docker",
    "unsupported": "no es una dirección que se sepa usar",
    "context": "ese contexto no existe",
}
"""Por qué no ha servido un sitio donde se buscó el motor."""


def absent(found: Absent) -> DockerError:
    """No hay motor: qué sitios se probaron y por qué falló cada uno."""
    details = tuple(f"{one.place.url or one.place.origin}: {WHY[one.reason]}" for one in found.tried)
    if found.denied is not None:
        return denied(found.denied.place.url, details)
    place, reason = found.tried[0].place, found.tried[0].reason
    if place.origin == "DOCKER_HOST" or place.context:
        asked = f"se usa {place.origin}" if place.context else f"DOCKER_HOST es {place.url}"
        return errors.EngineAbsent(
            f"no hay un motor de Docker: {asked}, y {WHY[reason]}",
            "Solo se pregunta ahí, como hace la orden docker; sin eso, en los sitios de siempre. " + _WITHOUT,
            _back_to_this_machine(place.origin, place.context),
            details,
        )
    slow = next((one for one in found.tried if one.reason == "timeout"), None)
    if slow is not None:
        return silent(f"hay un Docker en {slow.place.url}, pero no contesta a tiempo", details)
    return errors.EngineAbsent(
        "Docker no está en marcha, o no está instalado", f"No contesta ningún motor. {_WITHOUT}", _start(), details
    )


def gone_away(engine: Engine | None) -> DockerError:
    """El motor con el que se hablaba ya no está."""
    where = f"el motor de Docker ya no está en {engine.url}" if engine is not None else "Docker no está en marcha"
    return errors.EngineAbsent(
        where, f"Se ha parado, o no llegó a arrancar. Lo que ya estaba hecho se queda. {_WITHOUT}", _start()
    )


def silent(cause: str, details: Iterable[str] = ()) -> DockerError:
    """El motor está, pero no contesta."""
    return errors.EngineAbsent(
        cause,
        "Puede estar arrancando, muy cargado o colgado. Lo que ya estaba hecho se queda; repetir la orden sigue "
        f"por donde iba. {_WITHOUT}",
        "docker info",
        details,
    )


def denied(where: str, details: Iterable[str] = ()) -> DockerError:
    """El motor está, pero su socket no nos deja entrar."""
    return errors.EngineDenied(
        f"Docker está, pero no tienes permiso para usarlo ({where})",
        "Su socket es del grupo docker y tú no estás en él, o entraste en él después de abrir esta sesión: hay "
        "que salir de ella y volver a entrar. Quien está en ese grupo manda en todo el equipo como si fuera root; "
        "si no es tuyo, pregunta antes, o usa Docker sin root: https://docs.docker.com/engine/security/rootless/\n"
        f"{_WITHOUT}",
        "sudo usermod -aG docker $USER",
        details,
    )


def too_old(engine: Engine | None, newest: str = "") -> DockerError:
    """El motor no llega a la versión de la API que hace falta."""
    least = ".".join(map(str, OLDEST_API))
    return errors.EngineVersion(
        f"el motor de Docker{_numbers(engine, newest)} es demasiado viejo: hace falta la API {least}",
        f"La trae Docker 20.10, de finales de 2020. Se actualiza como dice "
        f"https://docs.docker.com/engine/install/. {_WITHOUT}",
        "docker version",
    )


def too_new(engine: Engine | None, ours: str = "", least: str = "") -> DockerError:
    """El motor ya no entiende las versiones de la API que habla nuestra biblioteca."""
    library = f", que llega a la {ours}" if ours else ""
    first = least or (engine.min_api_version if engine is not None else "") or "desconocida"
    return errors.EngineVersion(
        f"el motor de Docker{_numbers(engine)} solo entiende la API {first} o posterior",
        f"La biblioteca docker de este Python es demasiado vieja para él{library}. {_WITHOUT}",
        "pip install --upgrade docker",
    )


def remote(engine: Engine) -> DockerError:
    """El motor está en otra máquina: qué no puede funcionar y qué salidas hay."""
    person_at_host = re.sub(r"^\w+://", "", engine.url).partition(":")[0]
    command = _back_to_this_machine(engine.origin, engine.context)
    return errors.EngineRemote(
        f"el motor de Docker está en otra máquina: {engine.url}, de {engine.origin}",
        "Los servicios se publicarían en el 127.0.0.1 de aquella: ni tu navegador ni los microservicios, que "
        "corren aquí, llegarían a ellos, y Kong y Prometheus no llegarían a los microservicios. Esta versión no "
        "lo intenta. Hay tres salidas:",
        command,
        (
            f"el Docker de esta máquina: {command}",
            "trabajar en aquella y traer aquí sus páginas: "
            f"ssh -L 9080:127.0.0.1:9080 {person_at_host} (un -L por página), y allí stacklab up",
            f"sin Docker: {EMBEDDED}",
        ),
    )


def not_linux(engine: Engine) -> DockerError:
    """El motor está puesto para contenedores de Windows."""
    return errors.NoSuchPlatform(
        f"el motor de Docker está puesto para contenedores de {engine.os_type}, y las imágenes son de Linux",
        f"En Docker Desktop se cambia en su menú («Switch to Linux containers»). {_WITHOUT}",
        EMBEDDED,
    )


def image_gone(image: Image | None) -> DockerError:
    """El registro no da la imagen."""
    return errors.ImageGone(
        f"la imagen {image.reference if image else 'que hace falta'} no existe, o no se deja bajar",
        "El registro dice que no la tiene o que no es pública: quien publica una imagen puede retirarla. Para los "
        "flujos vale igual lo que traiga pip o el programa de esta máquina.",
        _without(image),
    )


def rate_limited(image: Image | None) -> DockerError:
    """El registro dice que ya se ha bajado bastante."""
    return errors.RateLimited(
        f"el registro no deja bajar más por ahora{f' ({image.reference})' if image else ''}",
        "A quien no se identifica le cuenta las bajadas por dirección de Internet, y un aula entera suele salir "
        "por una sola. Con una cuenta gratuita se cuentan aparte; también basta esperar unas horas. Lo ya bajado "
        f"se queda, y repetir la orden sigue por donde iba. {_WITHOUT}",
        "docker login",
    )


def no_platform(image: Image | None, wanted: str, offered: Iterable[str] = ()) -> DockerError:
    """No hay imagen para la clase de máquina `wanted` («linux/arm64»). `offered` son las que hay."""
    name = f" {image.reference}" if image is not None else ""
    listed = ", ".join(offered or (image.platforms if image is not None else ()))
    return errors.NoSuchPlatform(
        f"no hay imagen{name} para esta clase de máquina{f' ({wanted})' if wanted else ''}",
        (f"La hay para {listed}. " if listed else "")
        + "Docker podría emular otra clase de máquina, pero iría muy lento y fallaría de maneras difíciles de "
        "entender: stacklab no lo hace por su cuenta.",
        _without(image),
    )


def registry_unreachable(name: str = "", *, untrusted: bool = False) -> DockerError:
    """El motor no llega al registro."""
    trust = " No se fía de su certificado: suele ser un proxy que mira lo que pasa." if untrusted else ""
    return errors.RegistryUnreachable(
        f"no se llega al registro {name or 'de las imágenes'}",
        f"Quien baja es el motor de Docker, no tu terminal.{trust} No tiene red, o se la corta un cortafuegos o "
        "un proxy, que se le configura a él: https://docs.docker.com/engine/daemon/proxy/. "
        f"{_WITHOUT}",
        EMBEDDED,
    )


def disk_full(needed_mb: float = 0, free_mb: float = 0, folder: str = "") -> DockerError:
    """No cabe. Con los tres datos, se ha visto antes de bajar nada."""
    cause = "no queda sitio en el disco donde Docker guarda las imágenes"
    if folder:
        cause = f"no caben las imágenes: hacen falta unos {gigas(needed_mb)} y en {folder} quedan {gigas(free_mb)}"
    return errors.DiskFull(
        cause,
        "Lo que ya se había bajado se queda. stacklab no borra nada de Docker por su cuenta, porque puede haber "
        f"datos tuyos: mira qué ocupa y decide. {_WITHOUT}",
        "docker system df",
    )


def port_taken(number: int | None, service: str = "") -> DockerError:
    """El motor no puede publicar un puerto."""
    error = errors.EnginePortTaken(
        f"Docker no puede publicar {f'el puerto {number}' if number else 'un puerto'}"
        f"{f' de {service}' if service else ''}: ya lo usa otro",
        "Lo tiene otro contenedor u otro programa de esta máquina. Si no lo fuerzas, stacklab se pone en otro.",
        f"docker ps --filter publish={number}" if number else "docker ps",
    )
    error.number = number
    return error


def name_conflict(name: str, identity: str) -> DockerError:
    """Un contenedor ajeno, `identity`, se llama como el nuestro."""
    return errors.NameConflict(
        f"ya hay un contenedor que se llama {name} y no es de este laboratorio ({identity[:12]})",
        "Es de otra persona, o de otro laboratorio con el mismo nombre de proyecto: no se toca. Con otro nombre, "
        f"el tuyo vive a su lado. Para verlo: docker ps -a --filter id={identity[:12]}",
        "stacklab up --project otro",
    )


def pool_exhausted() -> DockerError:
    """Al motor no le quedan direcciones para otra red."""
    return errors.NetworkPoolExhausted(
        "a Docker no le quedan direcciones para la red del laboratorio",
        "Cada red ocupa un trozo de los que trae de fábrica, que son unos treinta; una VPN también puede estar "
        "usándolos. Mira qué redes hay y quita las que sean tuyas y no uses (docker network rm NOMBRE), o añade "
        f"más con default-address-pools en la configuración del motor. {_WITHOUT}",
        "docker network ls",
    )


def program_missing(service: str, image: Image | None) -> DockerError:
    """El contenedor se creó, pero dentro no está el programa que se le pide."""
    return errors.ContainerEnded(
        f"Docker no pudo ejecutar el programa de {service or 'un contenedor'}",
        f"La imagen{f' {image.reference}' if image is not None else ''} no lleva dentro lo que se esperaba: puede "
        "ser otra, hecha aquí con su nombre.",
        "stacklab doctor",
    )


def unknown(text: str, subject: str = "") -> DockerError:
    """Algo que no está en esta lista: las palabras del motor."""
    about = f" al trabajar con {subject}" if subject else ""
    return DockerError(
        f"Docker ha dicho que no{about}: {text[:300]}",
        "No es ninguno de los fallos conocidos; esas son sus palabras.",
        "stacklab doctor",
    )


def gigas(megabytes: float) -> str:
    """«1,3 GB»."""
    return f"{megabytes / 1000:.1f} GB".replace(".", ",")


def _without(image: Image | None) -> str:
    return f"stacklab up --set {image.key}=embedded" if image is not None else EMBEDDED


def _back_to_this_machine(origin: str, context: str) -> str:
    """La orden que deja de mandar a `docker` a ese sitio, según quién lo haya mandado."""
    if not context:
        return "unset DOCKER_HOST"
    return "unset DOCKER_CONTEXT" if "DOCKER_CONTEXT" in origin else "docker context use default"


def _numbers(engine: Engine | None, newest: str = "") -> str:
    if engine is None:
        return f" (API {newest})" if newest else ""
    return f" ({engine.version or 'de versión desconocida'}, API {newest or engine.api_version})"


def _start() -> str:
    return "open -a Docker" if sys.platform == "darwin" else "sudo systemctl start docker"
