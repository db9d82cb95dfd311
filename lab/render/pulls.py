"""Las imágenes de Docker según llegan: una barra por imagen y, debajo, una por cada capa que se mueve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.render.palette import GOOD, NOTE
from lab.render.terminal import ROOMY, write
from stack.spanish import number, seconds

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

    from stack.events import ImagePulled, ImagePulling, ImagesMissing, ImageTrying, Layer

MOVING = {
    "Downloading": "bajando",
    "Verifying Checksum": "comprobando",
    "Download complete": "bajada",
    "Extracting": "desempaquetando",
}
"""Lo que se está haciendo con una capa, en español; las demás, o no han empezado o ya están."""

MOST_LAYERS = 5
"""Cuántas capas se enseñan a la vez: las demás se cuentan en la barra de la imagen."""

_NAME, _SIZE = 38, 22


class PullsView:
    """Recibe los sucesos de bajar imágenes. Sin terminal, una línea al empezar cada una y otra al acabar."""

    def __init__(self, screen: Console) -> None:
        self._screen = screen
        self._bar = 16 if screen.width >= ROOMY else 8
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._current = ""

    def missing(self, event: ImagesMissing) -> None:
        """Avisa de cuánto se va a bajar y de que hay una manera de no esperar."""
        count = len(event.references)
        what = f"Faltan {count} imágenes" if count > 1 else "Falta una imagen"
        text = (
            f"{what} de Docker: hay que bajar {about(event.size_mb)}, solo esta vez. Si tienes "
            "prisa, Ctrl-C y otra vez con --runtime embedded, que arranca al momento."
        )
        write(self._screen, f"· {text}", NOTE, indent=2, hang=2)

    def pulling(self, event: ImagePulling) -> None:
        """Mueve las barras."""
        from stack.containers.images import load

        expected = load()[event.image].size_mb * 1_000_000
        if event.reference != self._current:
            self._start(event, expected)
        if self._progress is None:
            return
        # Mientras no se sepa cuánto ocupan todas las capas, vale lo que dice la tabla.
        known = event.layers and all(layer.total for layer in event.layers.values())
        total = event.total if known else max(expected, event.total)
        self._progress.update(
            self._tasks[""], completed=event.current, total=total, size=_of(event.current, total)
        )
        self._show_layers(event)

    def trying(self, event: ImageTrying) -> None:
        """Dice por qué se cambia de sitio."""
        self.close()
        text = f"· {event.reason[:1].upper()}{event.reason[1:]}. Pruebo en {_short(event.reference)}."
        write(self._screen, text, NOTE, indent=2, hang=2)

    def pulled(self, event: ImagePulled) -> None:
        """Una que ha llegado."""
        from rich.text import Text

        self.close()
        line = Text.assemble("  ", ("✔", GOOD), f" {_short(event.reference)}  ")
        line.append(f"{size(event.total)} en {seconds(event.seconds)}", "dim")
        self._screen.print(line, soft_wrap=True)

    def close(self) -> None:
        """Quita las barras de la pantalla."""
        if self._progress is not None:
            self._progress.stop()
        self._progress, self._tasks, self._current = None, {}, ""

    def _start(self, event: ImagePulling, expected: float) -> None:
        self.close()
        self._current = event.reference
        if not self._screen.is_terminal:
            self._screen.print(f"  ↓ {_short(event.reference)} ({about(expected / 1_000_000)})…", soft_wrap=True)
            return
        from rich.progress import BarColumn, Progress, TextColumn

        self._progress = Progress(
            TextColumn("{task.description}", style="default"),
            BarColumn(bar_width=self._bar),
            TextColumn("{task.fields[size]}", style="dim", justify="right"),
            console=self._screen,
            transient=True,
        )
        self._progress.start()
        name = self._fit(f"  ↓ {_short(event.reference)}")
        self._tasks[""] = self._progress.add_task(name, total=expected, size=_of(0, expected))

    def _show_layers(self, event: ImagePulling) -> None:
        assert self._progress is not None
        moving = [name for name, layer in event.layers.items() if layer.status in MOVING][:MOST_LAYERS]
        for name in [name for name in self._tasks if name and name not in moving]:
            self._progress.remove_task(self._tasks.pop(name))
        for name in moving:
            layer = event.layers[name]
            if name not in self._tasks:
                self._tasks[name] = self._progress.add_task("", size="")
            self._progress.update(
                self._tasks[name],
                description=self._fit(f"      {name[:12]}  {MOVING[layer.status]}"),
                completed=layer.current,
                total=layer.total or None,
                size=_layer_size(layer),
            )

    def _fit(self, text: str) -> str:
        """`text` en la anchura que dejan la barra y los números."""
        width = max(16, min(_NAME, self._screen.width - self._bar - _SIZE))
        return f"{text[: width - 1]}…" if len(text) > width else f"{text:<{width}}"


def size(count: float) -> str:
    """Bytes para una persona: «830 kB», «45,3 MB», «1,2 GB»."""
    if count < 1_000_000:
        return f"{number(count / 1000)} kB"
    if count < 1_000_000_000:
        return f"{number(count / 1_000_000, 1)} MB" if count < 100_000_000 else f"{number(count / 1_000_000)} MB"
    return f"{number(count / 1_000_000_000, 1)} GB"


def about(megabytes: float) -> str:
    """Lo que se sabe por encima: «unos 210 MB», «unos 1,3 GB»."""
    return f"unos {number(megabytes)} MB" if megabytes < 1000 else f"unos {number(megabytes / 1000, 1)} GB"


def _layer_size(layer: Layer) -> str:
    return _of(layer.current, layer.total) if layer.status == "Downloading" and layer.total else ""


def _of(current: float, total: float) -> str:
    return f"{size(current)} de {size(total)}"


def _short(reference: str) -> str:
    """Sin la huella, que no dice nada a quien mira."""
    return reference.partition("@")[0]
