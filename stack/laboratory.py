"""El laboratorio: la fachada con que los pisos de arriba arrancan, miran y paran servicios."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from stack.addresses import Endpoint
from stack.catalog import SERVICES
from stack.events import Event
from stack.model import Link, Service
from stack.status import Running, ServiceStatus

OnEvent = Callable[[Event], None]


class Laboratory:
    """Un laboratorio: los servicios de un proyecto en esta máquina.

    Args:
        project: nombre del proyecto; cada uno tiene su carpeta, sus puertos y sus procesos.
        root: carpeta de estado (por defecto `STACKLAB_HOME` o la de estado de la persona en su sistema).
        services: el catálogo. Los microservicios y la configuración que aportan los flujos vienen de arriba,
            de `scenarios`: este piso solo ve datos.

    Construirlo no toca el disco ni los procesos. Cualquier método puede lanzar `StateError` si la carpeta no se
    puede leer o escribir.
    """

    def __init__(
        self, project: str = "default", root: Path | None = None, services: Sequence[Service] = SERVICES
    ) -> None:
        raise NotImplementedError

    @property
    def folder(self) -> Path:
        """La carpeta de este proyecto (modo 0700)."""
        raise NotImplementedError

    def up(
        self,
        names: Iterable[str] = (),
        *,
        runtime: str = "auto",
        per_service: Mapping[str, str] | None = None,
        ports: Mapping[str, int] | None = None,
        on_event: OnEvent = lambda event: None,
    ) -> list[Running]:
        """Deja en marcha `names` y todo aquello de lo que dependen; vuelve cuando todos contestan.

        Sin nombres, todo el catálogo menos los microservicios. Repetirla no cambia nada. `ports` fuerza puertos
        (`{"kafka.broker": 9092}`). Ctrl-C (o SIGTERM, SIGHUP) para lo que esta llamada arrancó y lanza
        `KeyboardInterrupt`; una segunda vez lo mata.

        Returns:
            Los servicios pedidos y sus dependencias, en el orden del catálogo.

        Raises:
            UsageError: nombre de servicio, puerto o runtime desconocido.
            PortTaken: un puerto forzado lo usa otro.
            StartError: algo no arrancó (`NotReady` si no llegó a contestar). Lo que sí arrancó sigue en marcha.
        """
        raise NotImplementedError

    def down(
        self, names: Iterable[str] = (), *, data: bool = False, on_event: OnEvent = lambda event: None
    ) -> list[str]:
        """Para `names` (sin nombres, todo lo que lleve nuestra etiqueta) y devuelve los nombres que paró.

        No necesita el estado: busca los procesos vivos. Solo para lo nombrado, no a quien depende de ello. Con
        `data=True` borra también los datos guardados de esos servicios.

        Raises:
            StopError: algo no se pudo parar; lo demás sí. Trae las órdenes que faltan.
        """
        raise NotImplementedError

    def status(self) -> list[ServiceStatus]:
        """Todos los servicios del catálogo, en su orden, con lo que se ve ahora mismo en la máquina."""
        raise NotImplementedError

    def logs(self, name: str, *, follow: bool = False, tail: int | None = None) -> Iterator[str]:
        """Las líneas del log de `name` sin el salto final; con `follow` no acaba y sobrevive a los reinicios."""
        raise NotImplementedError

    def env(self, names: Iterable[str] = ()) -> dict[str, str]:
        """Direcciones y credenciales de los servicios en marcha, con los nombres de `stacklab env`."""
        raise NotImplementedError

    def links(self, name: str) -> list[Link]:
        """Las páginas de `name` que ahora mismo se pueden abrir, con su URL ya completa."""
        raise NotImplementedError

    def endpoints(self) -> list[Endpoint]:
        """Dónde está (o estará) cada puerto del catálogo."""
        raise NotImplementedError

    def credentials(self) -> dict[str, str]:
        """Las credenciales generadas, en mayúsculas (`MINIO_ACCESS_KEY`, `JWT_SECRET`…)."""
        raise NotImplementedError

    def locked(self, *, on_event: OnEvent = lambda event: None) -> AbstractContextManager[None]:
        """Reserva el laboratorio mientras dure el bloque. `up` y `down` dentro de él no se esperan a sí mismos."""
        raise NotImplementedError
