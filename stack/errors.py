"""Los errores de stacklab. Cada uno dice la causa, qué significa y la orden siguiente.

    StacklabError                 1  algo no salió; la causa está en el mensaje
    ├── UsageError                2  la orden está mal escrita (nombre de flujo, servicio u opción)
    ├── StartError                3  un servicio no pudo arrancar
    │   ├── PortTaken             3  el puerto pedido lo usa otro
    │   ├── NotReady              3  arrancó, pero no llegó a estar listo a tiempo (o se murió)
    │   └── DockerError           3  Docker dijo que no, por algo que no está en esta lista
    │       ├── EngineAbsent     30  no hay un motor de Docker que conteste
    │       ├── EngineDenied     31  lo hay, pero no se tiene permiso para usarlo
    │       ├── EngineVersion    32  es demasiado viejo o demasiado nuevo para entendernos
    │       ├── EngineRemote     33  está en otra máquina: lo que publique no se alcanza desde aquí
    │       ├── ImageError        3  falta una imagen y no se puede conseguir: es una de las cinco siguientes
    │       ├── ImageGone        34  la imagen ya no existe, o no se deja bajar
    │       ├── RateLimited      35  el registro dice que ya se ha bajado bastante por ahora
    │       ├── NoSuchPlatform   36  no hay imagen para esta clase de máquina
    │       ├── RegistryUnreachable 37  no se llega al registro: no hay red, o algo la corta
    │       ├── DiskFull         38  no hay sitio donde el motor guarda las imágenes
    │       ├── EnginePortTaken  39  el motor no puede publicar un puerto (es también un PortTaken)
    │       ├── NameConflict     40  un contenedor ajeno tiene nuestro nombre
    │       ├── NetworkPoolExhausted 41  al motor no le quedan direcciones para otra red
    │       ├── HostUnreachable  42  los contenedores no llegan a esta máquina (casi siempre, un cortafuegos)
    │       └── ContainerEnded   43  el contenedor terminó o no llegó a estar listo (es también un NotReady)
    ├── StateError                3  la carpeta de estado no se puede leer o escribir
    ├── StopError                 3  quedó algo por parar
    └── OwnFault                  4  el fallo es nuestro
        └── ConfigError           4  una configuración del propio laboratorio está mal

El número es el código de salida de la orden. Ctrl-C sale con 130.
"""

from __future__ import annotations

from collections.abc import Iterable


class StacklabError(Exception):
    """Raíz del árbol. `cause` qué pasó; `meaning` qué significa; `command` qué teclear ahora (o `None`).

    `details` son líneas que ayudan a entenderlo y que no caben en una frase: el final de un log, las órdenes
    que faltan por dar.
    """

    exit_code = 1

    def __init__(
        self, cause: str, meaning: str = "", command: str | None = None, details: Iterable[str] = ()
    ) -> None:
        super().__init__(cause)
        self.cause = cause
        self.meaning = meaning
        self.command = command
        self.details = tuple(details)


class UsageError(StacklabError):
    """La orden está mal escrita."""

    exit_code = 2


class StartError(StacklabError):
    """Un servicio no pudo arrancar."""

    exit_code = 3


class PortTaken(StartError):
    """El puerto pedido lo usa otro."""


class NotReady(StartError):
    """Un servicio arrancó y no llegó a estar listo a tiempo, o su proceso terminó."""


class DockerError(StartError):
    """Docker no hizo lo que se le pidió. Lo que se dice de cada clase está en `stack.containers.sentences`."""


class EngineAbsent(DockerError):
    """No hay un motor de Docker que conteste."""

    exit_code = 30


class EngineDenied(DockerError):
    """Hay un motor, pero no se tiene permiso para usarlo."""

    exit_code = 31


class EngineVersion(DockerError):
    """El motor es demasiado viejo, o demasiado nuevo, para entenderse con nosotros."""

    exit_code = 32


class EngineRemote(DockerError):
    """El motor está en otra máquina."""

    exit_code = 33


class ImageError(DockerError):
    """Una imagen que falta no se puede conseguir. Si Docker lo eligió stacklab, se puede seguir sin él."""


class ImageGone(ImageError):
    """La imagen ya no existe, o no se deja bajar."""

    exit_code = 34


class RateLimited(ImageError):
    """El registro dice que desde aquí ya se ha bajado bastante por ahora."""

    exit_code = 35


class NoSuchPlatform(ImageError):
    """No hay imagen para esta clase de máquina."""

    exit_code = 36


class RegistryUnreachable(ImageError):
    """No se llega al registro."""

    exit_code = 37


class DiskFull(ImageError):
    """No hay sitio donde el motor guarda las imágenes y los contenedores."""

    exit_code = 38


class EnginePortTaken(DockerError, PortTaken):
    """El motor no puede publicar un puerto porque lo usa otro. `number` es cuál, si lo dijo."""

    exit_code = 39
    number: int | None = None


class NameConflict(DockerError):
    """Un contenedor que no es nuestro tiene el nombre que íbamos a usar."""

    exit_code = 40


class NetworkPoolExhausted(DockerError):
    """Al motor no le quedan direcciones para otra red."""

    exit_code = 41


class HostUnreachable(DockerError):
    """Los contenedores no llegan a los programas de esta máquina."""

    exit_code = 42


class ContainerEnded(DockerError, NotReady):
    """Un contenedor terminó, o no llegó a estar listo."""

    exit_code = 43


class StateError(StacklabError):
    """La carpeta de estado no se puede leer o escribir."""

    exit_code = 3


class StopError(StacklabError):
    """Quedó algo por parar; el mensaje trae las órdenes para el resto."""

    exit_code = 3


class OwnFault(StacklabError):
    """El fallo es nuestro: se escribe un informe."""

    exit_code = 4


class ConfigError(OwnFault):
    """Una configuración del propio laboratorio está mal."""
