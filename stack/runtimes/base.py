"""Lo que el laboratorio pide a un runtime. Quien lo cumple (procesos, contenedores…) es un fichero de aquí."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from stack.addresses import Endpoint, Viewpoint
from stack.errors import NotReady, StartError
from stack.events import Event
from stack.model import Fidelity, Service
from stack.prepare import Prepared


@dataclass(frozen=True, slots=True)
class Offer:
    """Lo que este runtime pone en marcha para un servicio: qué producto es, cuánto ocupa y cuánto tarda."""

    product: str
    fidelity: Fidelity
    memory_mb: int
    ready_timeout_s: float
    stop_grace_s: float


@dataclass(frozen=True, slots=True)
class Instance:
    """Un servicio visto en la máquina.

    `alive` es falso si solo quedan restos (hijos sin su proceso principal). `identity` lo distingue de cualquier
    otro, pasado o futuro; `spec_hash` y `ports` (nombre → número) están vacíos si no se pueden saber mirándolo.
    `since` son segundos desde 1970.
    """

    service: str
    runtime: str
    identity: str
    alive: bool
    since: float
    spec_hash: str = ""
    ports: Mapping[str, int] = field(default_factory=dict)
    pid: int | None = None
    container: str | None = None


@dataclass(frozen=True, slots=True)
class Stopped:
    """Cómo acabó la parada de un servicio. `problems` vacío: no queda nada; si no, `commands` para el resto."""

    service: str
    seconds: float
    forced: bool
    problems: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ending:
    """Cómo acabó la espera de un servicio que no llegó a estar listo.

    `end` dice cómo terminó (`None`: sigue vivo); `question` lo que se le preguntaba y `problem` lo último que pasó
    al preguntárselo; `patience_s` lo que se le esperó; `log`, el final de su log, sin secretos.
    """

    end: str | None
    question: str
    problem: str | None
    patience_s: float
    log: tuple[str, ...]


class Runtime(Protocol):
    """Una manera de correr servicios. Todos los métodos pueden llamarse desde varios hilos a la vez."""

    name: str

    parallel: int
    """Cuántos arranques a la vez acaban antes que uno tras otro."""

    viewpoint: Viewpoint
    """Desde dónde ve a los demás lo que corre en él."""

    def unavailable(self) -> StartError | None:
        """Por qué no se puede usar aquí y ahora; `None` si se puede. Contesta siempre en menos de 0,3 s."""
        ...

    def offer(self, service: Service) -> Offer | None:
        """Lo que arrancaría para `service`; `None` si no sabe."""
        ...

    def why_not(self, service: Service) -> str:
        """Por qué no hay oferta para `service`, en una frase."""
        ...

    def endpoint(self, service: Service, port: str, number: int) -> Endpoint:
        """Dónde estará su puerto `port` si se publica en `number`: para la máquina y para su red."""
        ...

    def prepare(self, service: Service, endpoints: Iterable[Endpoint], names: Mapping[str, str]) -> Prepared:
        """Todo resuelto para arrancarlo; no toca nada.

        `names` son los datos que no son direcciones (credenciales, quién contesta por cada uno), en mayúsculas.
        """
        ...

    def ready(
        self,
        services: Sequence[Prepared],
        *,
        on_event: Callable[[Event], None],
        cancelled: Callable[[], bool],
    ) -> None:
        """Reúne lo que hace falta para arrancar `services` (imágenes, red) antes de parar o arrancar nada.

        Raises:
            StartError: falta algo y no se puede conseguir. Con `cancelled` cierto vuelve sin acabar.
        """
        ...

    def observe(self) -> list[Instance]:
        """Lo que hay ahora con la etiqueta de este laboratorio, mirando la máquina y no el estado."""
        ...

    def start(self, prepared: Prepared) -> Instance:
        """Lo arranca y vuelve sin esperar a que esté listo; `StartError` si no se puede ni intentar."""
        ...

    def verify(self, services: Sequence[Prepared], everything: Sequence[Prepared]) -> None:
        """Comprueba, con todo en marcha, lo que ninguna sonda ve de `services`, los suyos (`StartError`)."""
        ...

    def ended(self, instance: Instance) -> str | None:
        """Cómo acabó («terminó con código 1»), o `None` si sigue."""
        ...

    def answers(self, instance: Instance, number: int) -> bool:
        """Si quien escucha en el puerto `number` de esta máquina es él, y no otro programa."""
        ...

    def stop(
        self,
        services: Mapping[str, float],
        *,
        hurry: Callable[[], bool] = lambda: False,
        on_stopped: Callable[[Stopped], None] = lambda stopped: None,
    ) -> list[Stopped]:
        """Termina del todo `services` (nombre → plazo en segundos), a la vez; busca lo que haya con su etiqueta.

        Con `hurry` cierto no espera el plazo. Que uno no se deje parar no detiene a los demás.
        """
        ...

    def not_ready(self, service: Service, instance: Instance, ending: Ending) -> NotReady:
        """El error de uno que arrancó y murió, o no llegó a contestar."""
        ...

    def log_end(self, instance: Instance, count: int) -> list[str]:
        """Las últimas `count` líneas de su log, de esta vez."""
        ...

    def logs(self, service: str, *, follow: bool, tail: int | None) -> Iterator[str]:
        """Su log, línea a línea sin el salto final (véase `stack.logs.lines`)."""
        ...

    def tidy(self) -> None:
        """Quita lo que solo servía mientras hubiera servicios en marcha, si ya no queda ninguno."""
        ...

    def forget(self, service: str) -> None:
        """Borra los datos que guardó; el servicio está parado. `StateError` si no se puede."""
        ...

    def memory_mb(self, instances: Sequence[Instance]) -> dict[str, float]:
        """Los megabytes que ocupa cada uno: servicio → MB."""
        ...
