"""Los servicios según arrancan o paran: una línea por cada uno, con su tiempo y quién es de verdad."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.render.pulls import PullsView
from lab.render.terminal import number, seconds, write
from stack.model import Fidelity

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from stack.events import Event

WORDS = {
    Fidelity.DOCKER: "Docker",
    Fidelity.BINARY: "real",
    Fidelity.EMBEDDED: "embebido",
    Fidelity.SIMULATED: "simulado",
}
FIDELITY_STYLE = {
    Fidelity.DOCKER: "blue",
    Fidelity.BINARY: "green",
    Fidelity.EMBEDDED: "yellow",
    Fidelity.SIMULATED: "magenta",
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
    if product.startswith(("microservicio", "stacklab")):
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
                    self._print("↻", "yellow", event.title, event.reason, "", "")
            case happened.ServiceReady():
                self._pending.pop(event.service, None)
                who = fidelity(event.fidelity, event.product)
                self._print("✔", "green", event.title, who, seconds(event.seconds), address(event.url))
            case happened.ServiceUnchanged():
                self.unchanged += 1
                who = fidelity(event.fidelity, event.product)
                self._print("✔", "green", event.title, who, "sigue", address(event.url))
            case happened.ServiceFailed():
                self._pending.pop(event.service, None)
                self._print("✘", "red", event.title, "no arrancó", "", "")
            case happened.ServiceSkipped():
                self._print("–", "dim", event.title, f"no se intenta: falta {event.missing}", "", "")
            case happened.ServiceStopping():
                self._pending[event.service] = event.title
            case happened.ServiceStopped():
                self._pending.pop(event.service, None)
                how = "hubo que matarlo" if event.forced else "parado"
                self._print("■", "dim", event.title, how, seconds(event.seconds), "")
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
        write(self._screen, f"· {text}", "yellow", indent=2)

    def _print(self, mark: str, style: str, title: str, who: str, time: str, address: str) -> None:
        line = service_line(mark, style, title, who, time, address, self._screen.width)
        self._screen.print(line, soft_wrap=True)


def service_line(mark: str, style: str, title: str, who: str, time: str, address: str, width: int) -> Text:
    """Una línea alineada; en una terminal estrecha se quedan solo el nombre y quién es."""
    from rich.text import Text

    line = Text.assemble("  ", (mark, style), " ", f"{title:<20}")
    if width >= 80:
        room = 24 if width < 100 else 40
        # Si no cabe entero, se calla lo que va entre paréntesis: `stacklab status` lo dice.
        shown = who if len(who) <= room else who.partition(" (")[0]
        line.append(f"{shown:<{room}} ", "default")
        line.append(f"{time:>6}  ", "dim")
        line.append(address, "cyan")
    else:
        # Si no cabe entero, se calla el producto: `stacklab status` lo dice.
        line.append(who if line.cell_len + len(who) <= width else who.partition(" · ")[0])
    line.rstrip()
    return line


def memory(value: float) -> str:
    """«unos 330 MB», redondeado a decenas."""
    return f"unos {number(round(value, -1))} MB"


def address(url: str) -> str:
    """Un URL sin esquema cuando el esquema no le dice nada a un navegador."""
    return url if url.startswith("http") else url.partition("://")[2]
