"""Los puertos: el conocido si está libre; si no, otro, que después se conserva para que los enlaces no cambien."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from stack.errors import PortTaken, StartError, UsageError
from stack.model import Service
from stack.suggest import nearest

HOST = "127.0.0.1"

# A partir de aquí el sistema reparte puertos a las conexiones que salen (en Linux): podrían quitarnos el nuestro.
FIRST_EPHEMERAL = 32768


@dataclass(frozen=True, slots=True)
class Owner:
    """El proceso que escucha en un puerto, hasta donde nos dejan ver (de otra persona no se ve)."""

    pid: int | None
    command: str

    def __str__(self) -> str:
        return f"el proceso {self.pid} («{self.command}»)" if self.pid else self.command


def is_free(number: int) -> bool:
    """Si ahora mismo se puede escuchar en `number` y nadie contesta en él.

    Las dos preguntas hacen falta: en macOS se puede escuchar en 127.0.0.1 aunque otro lo haga en 0.0.0.0. Se
    pregunta con SO_REUSEADDR, como hará el servidor: un puerto que se acaba de soltar está libre.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, number))
        except OSError:
            return False
    with socket.socket() as caller:
        caller.settimeout(0.2)
        return caller.connect_ex((HOST, number)) != 0


def free_ports(count: int) -> list[int]:
    """`count` puertos libres, distintos y sin nombre conocido, para lo que un programa habla consigo mismo.

    Por debajo de los que el sistema reparte a las conexiones que salen: entre mirarlo y usarlo no lo reparte.
    """
    result: list[int] = []
    for number in random.sample(range(20_000, FIRST_EPHEMERAL), 2000):
        if len(result) == count:
            break
        if is_free(number):
            result.append(number)
    if len(result) < count:
        raise _no_ports_left()
    return result


def owner(number: int) -> Owner:
    """Quién escucha en `number`."""
    import psutil

    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:2] == (number,) and connection.pid:
                process = psutil.Process(connection.pid)
                # Los argumentos pueden llevar secretos de otros: basta el principio.
                return Owner(connection.pid, " ".join(process.cmdline()[:3])[:80] or process.name())
    return Owner(None, "otro programa (de otra persona, o que no nos dejan ver)")


def key(service: str, port: str) -> str:
    """El nombre de un puerto en el estado y en `--port`: «kafka.broker»."""
    return f"{service}.{port}"


def parse_forced(forced: Mapping[str, int], services: Iterable[Service]) -> dict[str, int]:
    """Comprueba los puertos que pide la persona; «redis» basta si el servicio solo tiene uno.

    Raises:
        UsageError: no existe ese servicio o puerto, o el número no puede ser.
    """
    known = {key(service.name, port.name) for service in services for port in service.ports}
    result: dict[str, int] = {}
    for name, number in forced.items():
        options = sorted(one for one in known if one == name or one.partition(".")[0] == name)
        if len(options) != 1:
            candidates = options or nearest(name, known)
            raise UsageError(
                f"no hay un puerto que se llame «{name}»" if not options else f"«{name}» tiene varios puertos",
                f"¿Querías decir {' o '.join(candidates)}?" if candidates else "Se escribe «servicio.puerto».",
                "stacklab status",
            )
        if not 1 <= number <= 65535:
            raise UsageError(f"{number} no es un número de puerto", "Van del 1 al 65535.")
        result[options[0]] = number
    return result


def allocate(
    services: Collection[Service],
    *,
    starting: Collection[str],
    running: Mapping[str, int],
    kept: Mapping[str, int],
    forced: Mapping[str, int],
    avoid: Collection[int] = (),
    free: Callable[[int], bool] = is_free,
) -> dict[str, int]:
    """Un número para cada puerto de `services`, siempre el mismo con los mismos datos.

    Args:
        starting: servicios que se van a usar ahora: los suyos tienen que estar libres de verdad.
        running: los que ya tienen puestos los servicios en marcha.
        kept: los de la vez anterior.
        forced: los que ha pedido la persona.
        avoid: números que ya han fallado.
        free: cómo se pregunta si un número está libre.

    Raises:
        PortTaken: uno forzado lo usa otro.
    """
    names = {key(service.name, port.name): port.number for service in services for port in service.ports}
    result: dict[str, int] = {}
    ours = {number: name for name, number in running.items()}
    for name, number in forced.items():
        if name in names:
            _demand(name, number, ours, result, avoid, free)
            result[name] = number
    for name, number in running.items():
        if name in names and name not in result and number not in result.values():
            result[name] = number
    used = set(result.values()) | set(ours)
    for name in names:
        before = kept.get(name)
        if name in result or before is None or before in used or before in avoid:
            continue
        # De lo que no se va a arrancar no se pregunta: su número es solo una reserva.
        if name.partition(".")[0] not in starting or free(before):
            result[name] = before
            used.add(before)
    reserved = set(names.values())
    for name, number in names.items():
        if name not in result:
            result[name] = next(
                candidate
                for candidate in _candidates(number, reserved)
                if candidate not in used and candidate not in avoid and free(candidate)
            )
            used.add(result[name])
    return {name: result[name] for name in names}


def _candidates(number: int, reserved: Collection[int]) -> Iterator[int]:
    """El conocido; después los que se le parecen (9092 → 19092, 29092); después, uno tras otro."""
    yield number
    for step in (10_000, 20_000):
        if number + step < FIRST_EPHEMERAL and number + step not in reserved:
            yield number + step
    for distance in range(1, FIRST_EPHEMERAL - 1024):
        candidate = 1024 + (number - 1024 + distance) % (FIRST_EPHEMERAL - 1024)
        if candidate not in reserved:
            yield candidate
    raise _no_ports_left()


def _no_ports_left() -> StartError:
    return StartError(
        "no queda ningún puerto libre entre el 1024 y el 32767",
        "Hay demasiados programas escuchando en este equipo.",
        "stacklab doctor",
    )


def _demand(
    name: str,
    number: int,
    ours: Mapping[int, str],
    given: Mapping[str, int],
    avoid: Collection[int],
    free: Callable[[int], bool],
) -> None:
    if ours.get(number) == name and number not in avoid:
        return
    other = ours.get(number) or next((one for one, taken in given.items() if taken == number), None)
    if other is not None and other != name:
        raise PortTaken(
            f"el puerto {number} que pides para {name} es ya el de {other}",
            "Dos servicios no pueden escuchar en el mismo sitio.",
            f"stacklab down {other.partition('.')[0]}",
        )
    if number in avoid or not free(number):
        raise taken(name, number)


def taken(name: str, number: int) -> PortTaken:
    """El error de un puerto forzado que usa otro: quién es y qué hacer."""
    who = owner(number)
    return PortTaken(
        f"el puerto {number} que pides para {name} lo usa {who}",
        "Puedes parar ese programa, o no forzar el puerto: stacklab buscará otro libre.",
        f"ps -fp {who.pid}" if who.pid else f"sudo ss -ltnp 'sport = :{number}'",
    )
