"""Una ejecución, paso a paso, para una persona: quién habla con quién, por qué, y la prueba."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lab.render.logs import quote
from lab.render.marked import marked
from lab.render.palette import BAD, GOOD, NOTE, PLACE, PRETEND
from lab.render.services import FIDELITY_STYLE, fidelity
from lab.render.terminal import order, write
from scenarios.catalog import SERVICES
from scenarios.engine import events as happened
from scenarios.engine.events import HopStatus, RunEvent
from stack.model import Kind
from stack.spanish import seconds

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from scenarios.engine.flow import Flow, Hop

INDENT = 4


class RunView:
    """Recibe los sucesos de una ejecución (`on_event`) y los escribe.

    Al ir paso a paso, la cabecera y la explicación salen antes de darle paso, y la prueba después.
    """

    def __init__(self, screen: Console) -> None:
        self._screen = screen
        self._announced: str | None = None
        self._shown: set[str] = set()
        self._titles = {service.name: service.title for service in SERVICES}
        self._troubles: list[happened.Trouble] = []
        self._stepping = False
        self._microservices = {service.name for service in SERVICES if service.kind is Kind.MICROSERVICE}
        self.last: happened.HopDone | None = None

    def __call__(self, event: RunEvent) -> None:
        """Escribe `event`."""
        match event:
            case happened.RunStarted():
                self._started(event)
            case happened.HopWaiting():
                self._header(event.hop)
                self._explain(event.hop, whole=True)
                if event.note:
                    self._block(event.note, "dim italic")
                elif event.held:
                    verb = "logs" if event.hop.service in self._microservices else "open"
                    look = order(f"stacklab {verb} {event.hop.service}")
                    text = f"El sistema está parado aquí, antes de este paso. Desde otra terminal, mira: {look}"
                    self._block(text, "dim italic")
            case happened.HopPending():
                self._block(f"… {event.note}", NOTE, hang=2)
                self._screen.print()
            case happened.HopDone():
                self._done(event)
            case happened.RunFinished():
                self._finished(event)

    def more(self, hop: Hop) -> None:
        """El texto largo de `hop` (tecla `?`)."""
        self._block(marked(hop.more, self._screen))

    def evidence(self) -> None:
        """La última prueba entera (tecla `e`)."""
        if self.last is None or self.last.evidence is None:
            self._block("Todavía no hay ninguna prueba que enseñar.", "dim")
            return
        self._block(f"Prueba entera de {self.last.hop.id}, según {self.last.evidence.source}", "bold")
        for name, value in self.last.evidence.details.items():
            shown = ", ".join(value) if isinstance(value, list) else _plain(value)
            self._block(f"{name}: {shown}", indent=INDENT + 2, hang=2)

    # --- piezas -----------------------------------------------------------------------------------------------

    def _started(self, event: happened.RunStarted) -> None:
        self._stepping = event.stepping
        self._screen.print()
        self._block(f"Se manda: {event.input_summary}", indent=1)
        if event.sabotage:
            self._block(f"Se estropea a propósito {event.sabotage}: {event.sabotage_title}", PRETEND, indent=1)
        self._screen.print()

    def _header(self, hop: Hop) -> None:
        self._announced = hop.id
        self._shown.add(hop.id)
        for line in header(hop, self._screen.width):
            self._screen.print(line)

    def _explain(self, hop: Hop, *, whole: bool) -> None:
        texts = [hop.what, hop.why, f"Sin esto: {_lower(hop.without)}"] if whole else [hop.what]
        for text in texts:
            self._block(marked(text, self._screen))

    def _done(self, event: happened.HopDone) -> None:
        self.last = event
        if self._announced != event.hop.id:
            if event.hop.id in self._shown:
                self._block(f"Ahora ya se puede leer la prueba de {event.hop.id}.", "dim italic", indent=1)
            self._header(event.hop)
            self._explain(event.hop, whole=False)
        self._announced = None
        if event.status is HopStatus.PROVEN and event.evidence is not None:
            self._mark("✔", GOOD, "probado", event.evidence.summary)
        elif event.status is HopStatus.SKIPPED:
            self._mark("–", NOTE, "no probado", event.reason)
        else:
            self._mark("✘", f"bold {BAD}", "no probado", event.reason)
        self._origin(event)
        if event.trouble is not None:
            self._trouble(event.trouble)
        self._screen.print()

    def _mark(self, mark: str, style: str, word: str, text: str) -> None:
        """La marca y, sangrado tras ella, el texto."""
        from rich.text import Text

        label = f"{mark} {word}  "
        self._block(Text.assemble((label, style), text), hang=len(label))

    def _origin(self, event: happened.HopDone) -> None:
        """Quién contestó de verdad y, si la prueba la da otro, quién la da."""
        from rich.text import Text

        answered = self._titles.get(event.hop.service, event.hop.arrow.receiver.name)
        line = Text.assemble((f"{answered} · ", "dim"))
        line.append(fidelity(event.fidelity, event.product), FIDELITY_STYLE[event.fidelity])
        if event.evidence is not None and event.evidence.source != answered:
            line.append(f" · lo dice {event.evidence.source}", "dim")
        line.append(f" · {seconds(event.duration_ms / 1000)}", "dim")
        write(self._screen, line, indent=INDENT + 2)

    def _trouble(self, trouble: happened.Trouble) -> None:
        named = trouble.problem.startswith(trouble.title)
        self._block(trouble.problem if named else f"{trouble.title}: {trouble.problem}", BAD)
        if trouble.log and trouble in self._troubles:
            self._block("Su registro está más arriba.", "dim")
            return
        self._troubles.append(trouble)
        quote(self._screen, trouble.log, INDENT)
        if trouble.log:
            self._block(f"Más: {order(f'stacklab logs {trouble.service}')}", "dim")

    def _finished(self, event: happened.RunFinished) -> None:
        passed = event.status == "passed"
        if event.stopped:
            self._screen.print(_styled(f" ■ {event.proven} de {event.total} pasos probados", f"bold {NOTE}"))
            self._block("Lo dejaste aquí: los pasos que faltan no se han comprobado.", indent=3)
            return
        mark, style = ("✔", f"bold {GOOD}") if passed else ("✘", f"bold {BAD}")
        count = f"{event.proven} de {event.total} pasos probados en {seconds(event.duration_ms / 1000)}"
        pauses = ", contando las pausas" if self._stepping else ""
        self._screen.print(_styled(f" {mark} {count}{pauses}", style))
        if event.answer and not passed:
            self._block(f"El flujo contestó: {event.answer}", indent=3)
        self._link("Traza", event.trace_url, event.trace_problem)
        self._link("Panel", event.dashboard_url, event.dashboard_problem)
        if self._stepping and event.trace_url:
            self._block(
                "En la traza y en el panel, lo que cada uno estuvo parado cuenta como trabajo suyo.",
                "dim",
                indent=3,
            )

    def _link(self, title: str, url: str | None, problem: str) -> None:
        if url:
            self._screen.print(_styled(f"   {title}  ", ""), _styled(url, PLACE), sep="", soft_wrap=True)
            if problem:
                self._block(f"(incompleta) {problem}", "dim", indent=10)
        elif problem:
            self._block(f"{title}: {problem}", "dim", indent=3)

    def _block(self, text: str | Text, style: str = "", indent: int = INDENT, hang: int = 0) -> None:
        write(self._screen, text, style, indent, hang)


def intro(screen: Console, flow: Flow) -> None:
    """El título del flujo y de qué va."""
    screen.print()
    title = f"{flow.id.replace('-', ' ').capitalize()[:-1]}{flow.id[-1].upper()} · {flow.title}"
    steps = f"{len(flow.hops)} pasos"
    gap = max(2, screen.width - len(title) - len(steps) - 2)
    screen.print(_styled(f" {title}", "bold"), _styled(" " * gap + steps, "dim"), sep="")
    write(screen, marked(flow.intro, screen), indent=1)
    screen.print()


def header(hop: Hop, width: int) -> Sequence[Text]:
    """«A4 ── Uploads ─▶ MinIO ───── Sube archivo original», en dos líneas si no cabe en una."""
    from rich.text import Text

    sender, receiver = hop.arrow.sender.name, hop.arrow.receiver.name
    arrow = "─▶" if not hop.arrow.reply else "┄▶"
    ends = f"{sender} {arrow} {receiver}" if hop.arrow.sender != hop.arrow.receiver else f"{sender} ↺"
    left = f" {hop.id} ── {ends} "
    right = f" {hop.arrow.text}"
    fill = width - len(left) - len(right)
    head = Text.assemble((f" {hop.id} ", f"bold {PLACE}"), ("── ", "dim"), (ends, "bold"), " ")
    if fill >= 2:
        return [head + Text.assemble(("─" * fill, "dim"), (right, "italic"))]
    return [head, Text(f"    {hop.arrow.text}", "italic")]


def _styled(text: str, style: str) -> Text:
    from rich.text import Text

    return Text(text, style)


def _plain(value: object) -> str:
    words = {True: "sí", False: "no", None: "nada"}
    return words[value] if isinstance(value, bool) or value is None else str(value)


def _lower(text: str) -> str:
    """Para seguir una frase tras los dos puntos: «uploads» y «auth» se llaman así solo en el código."""
    first = text.partition(" ")[0].strip(".,;:")
    if first in {word for service in SERVICES for word in service.title.split()}:
        return text
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text
