"""Los servicios según arrancan o paran: una línea por cada uno, con su tiempo y quién es de verdad."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.render.palette import BAD, GOOD, IMAGE, NOTE, PLACE, PRETEND
from lab.render.pulls import PullsView
from lab.render.terminal import MAX_WIDTH, ROOMY, write
from stack.model import Fidelity
from stack.spanish import number, seconds

if TYPE_CHECKING:
    from rich.console import Console

    from stack.events import Event

WORDS = {
    Fidelity.DOCKER: "Docker",
    Fidelity.BINARY: "real",
    Fidelity.EMBEDDED: "embebido",
    Fidelity.SIMULATED: "simulado",
}
FIDELITY_STYLE = {
    Fidelity.DOCKER: IMAGE,
    Fidelity.BINARY: GOOD,
    Fidelity.EMBEDDED: NOTE,
    Fidelity.SIMULATED: PRETEND,
}


_LOCAL = " (imagen local)"


def fidelity(value: Fidelity, product: str) -> str:
    """Quién contesta, para una persona: «real · Valkey 9.1», «embebido», «imagen oficial · 4.3.1»."""
    if value is Fidelity.EMBEDDED or not product:
        return WORDS[value]
    if value is Fidelity.DOCKER:
        # De la oficial basta la etiqueta: el nombre es el del servicio. De una de aquí hay que decir qué lleva.
        if product.endswith(_LOCAL):
            return f"imagen local · {product.removesuffix(_LOCAL)}"
        return f"{WORDS[value]} · {product.rpartition(' ')[2]}"
    if product.startswith("stacklab"):
        return "programa propio"
    if product.startswith("microservicio"):
        return product.partition(" (")[0]
    return f"{WORDS[value]} · {product}"


class ServicesView:
    """Recibe los sucesos del laboratorio (`on_event`) y los va escribiendo.

    En una terminal enseña además, mientras tanto, qué se está arrancando.
    """

    def __init__(self, screen: Console, total: int = 0) -> None:
        self._screen = screen
        self._pending: dict[str, str] = {}
        self._pulls = PullsView(screen)
        self._status = screen.status("") if screen.is_terminal else None
        self.unchanged = 0

    def __call__(self, event: Event) -> None:  # noqa: C901  # un caso por suceso, nada más
        """Escribe lo que haya que escribir de `event`."""
        from stack import events as happened

        match event:
            case happened.ServiceStarting():
                self._pending[event.service] = event.title
                if event.reason:
                    self._print("↻", NOTE, event.title, event.reason)
            case happened.ServiceReady():
                self._pending.pop(event.service, None)
                who = fidelity(event.fidelity, event.product)
                self._print("✔", GOOD, event.title, who, seconds(event.seconds), address(event.url))
            case happened.ServiceUnchanged():
                self.unchanged += 1
                who = fidelity(event.fidelity, event.product)
                self._print("✔", GOOD, event.title, who, "sigue", address(event.url))
            case happened.ServiceFailed():
                self._pending.pop(event.service, None)
                self._print("✘", BAD, event.title, "no arrancó")
            case happened.ServiceSkipped():
                self._print("–", "dim", event.title, f"no se intenta: falta {event.missing}")
            case happened.ServiceStopping():
                self._pending[event.service] = event.title
            case happened.ServiceStopped():
                self._pending.pop(event.service, None)
                how = "hubo que matarlo" if event.forced else "parado"
                self._print("■", "dim", event.title, how, seconds(event.seconds))
            case happened.LockWaiting():
                since = f" desde las {event.since.astimezone():%H:%M:%S}" if event.since else ""
                self._say(f"Espero a otra orden: «{event.command}» (pid {event.pid}){since}.")
            case happened.Notice():
                self._say(event.text)
            case happened.ImagesMissing():
                self._pulls.missing(event)
            case happened.ImagePulling():
                self._pulls.pulling(event)
            case happened.ImageTrying():
                self._pulls.trying(event)
            case happened.ImagePulled():
                self._pulls.pulled(event)
        self._refresh()

    def close(self) -> None:
        """Quita de la pantalla lo que se enseñaba mientras tanto."""
        self._pending.clear()
        self._pulls.close()
        self._refresh()

    def __enter__(self) -> ServicesView:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _refresh(self) -> None:
        if self._status is None:
            return
        if self._pending:
            self._status.update(f" {', '.join(self._pending.values())}…")
            self._status.start()
        else:
            self._status.stop()

    def _say(self, text: str) -> None:
        write(self._screen, f"· {text}", NOTE, indent=2, hang=2)

    def _print(self, mark: str, style: str, title: str, who: str, time: str = "", address: str = "") -> None:
        write_service(self._screen, (mark, style), title, who, time, address)


_MARGIN, _TITLE, _MEASURE = 4, 20, 6


def write_service(
    screen: Console, mark: tuple[str, str], title: str, who: str, measure: str = "", address: str = ""
) -> None:
    """Una línea alineada; en una terminal estrecha se quedan solo el nombre y quién es.

    `mark` es la marca y su estilo. `measure` es lo que tardó, o lo que ocupa; sin él ni dirección, `who` es una
    frase que puede ocupar varias líneas.
    """
    from rich.text import Text

    line = Text.assemble("  ", mark, f" {title:<{_TITLE}}")
    room = _room(screen)
    if not (measure or address):
        line.append(who, mark[1])
    elif room:
        line.append(f"{_shortened(who, room):<{room}} ")
        line.append(f"{measure:>{_MEASURE}}  ", "dim")
        line.append(address, PLACE)
    else:
        line.append(_shortened(who, screen.width - line.cell_len))
    write(screen, line, hang=_MARGIN + _TITLE)


def write_titles(screen: Console, who: str, measure: str) -> None:
    """Los nombres de las columnas de `write_service`."""
    from rich.text import Text

    room = _room(screen)
    more = f" {measure:>{_MEASURE}}  Dirección" if room else ""
    # El nombre de la columna puede ser más largo que lo que lleva: se come el espacio de delante.
    who = f"{who:<{room - max(0, len(measure) - _MEASURE)}}" if room else who
    write(screen, Text(f"{'':{_MARGIN}}{'Servicio':<{_TITLE}}{who}{more}", "dim"))


def _room(screen: Console) -> int:
    """Cuántas columnas hay para quién contesta; 0 si no caben las que van detrás."""
    if screen.width < ROOMY:
        return 0
    return 24 if screen.width < MAX_WIDTH else 40


def _shortened(who: str, room: int) -> str:
    """`who` en `room` columnas: se calla lo que va entre paréntesis y, si hace falta, el final."""
    if len(who) > room:
        who = who.partition(" (")[0]
    return who if len(who) <= room else f"{who[: max(room - 1, 0)]}…"


def memory(value: float) -> str:
    """«unos 330 MB», redondeado a decenas."""
    return f"unos {number(round(value, -1))} MB"


def address(url: str) -> str:
    """Un URL sin esquema cuando el esquema no le dice nada a un navegador."""
    return url if url.startswith("http") else url.partition("://")[2]
