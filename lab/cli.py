"""`stacklab`: la puerta de entrada. Aquí solo se juntan los verbos y se decide el código de salida."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from lab.commands import completion, doctor, down, env, logs, run, status, up
from lab.commands import list as list_flows
from lab.commands import open as open_page
from lab.spanish_help import SpanishGroup, SpanishVerb

app = typer.Typer(
    name="stacklab",
    cls=SpanishGroup,
    no_args_is_help=False,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

_VERBS: dict[str, Callable[..., None]] = {
    "list": list_flows.list_flows,
    "run": run.run,
    "up": up.up,
    "down": down.down,
    "status": status.status,
    "logs": logs.logs,
    "open": open_page.open_page,
    "env": env.env,
    "doctor": doctor.doctor,
    "completion": completion.completion,
}
for verb, function in _VERBS.items():
    app.command(verb, cls=SpanishVerb)(function)


@app.callback(invoke_without_command=True)
def stacklab(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Enseña la versión y termina.")] = False,
) -> None:
    """Un laboratorio para ver trabajar juntos a Kafka, Redis, Kong, MinIO, Jaeger, Prometheus y Grafana.

    Arranca los servicios, ejecuta un flujo de verdad y prueba cada paso preguntando al propio servicio.
    Con Python basta: no hace falta Docker.

    Para empezar:
      stacklab run flujo-a     la subida de un avatar, paso a paso
      stacklab list            todos los flujos
      stacklab status          qué está en marcha
      stacklab down            parar todo
    """
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"stacklab {installed('stacklab')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(argv: Sequence[str] | None = None) -> None:
    """Ejecuta la orden y termina el proceso con el código que toca (véase `stack/errors.py`)."""
    _speak_even_in_ascii()
    if "_STACKLAB_COMPLETE" in os.environ:
        from typer.completion import completion_init  # type: ignore[attr-defined]

        completion_init()
    from lab.failures import guarded

    arguments = list(sys.argv[1:] if argv is None else argv)
    sys.exit(guarded(lambda: app(args=arguments, prog_name="stacklab", standalone_mode=False), arguments))


def _speak_even_in_ascii() -> None:
    """Si la terminal no entiende UTF-8, se escribe lo más parecido («partición» → «particion»)."""
    for stream in (sys.stdout, sys.stderr):
        encoding = (getattr(stream, "encoding", None) or "").lower().replace("-", "")
        if encoding != "utf8" and hasattr(stream, "reconfigure"):
            codecs.register_error("stacklab", _closest)
            stream.reconfigure(errors="stacklab")


_CLOSEST = {"─": "-", "┄": "-", "▶": ">", "✔": "+", "✘": "x", "–": "-", "↻": "~", "↺": "@", "■": "#"}
_CLOSEST |= {
    "·": "-",
    "…": "...",
    "«": '"',
    "»": '"',
    "×": "x",
    "→": "->",
    "│": "|",
    "\u202f": " ",
    "•": "*",
    "↓": "v",
    "—": "-",
    "━": "=",
    "€": "EUR",
    "¿": "",
    "¡": "",
}


def _closest(error: UnicodeError) -> tuple[str, int]:
    import unicodedata

    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    plain = "".join(_CLOSEST.get(letter, unicodedata.normalize("NFKD", letter)[0]) for letter in text)
    return plain.encode("ascii", "replace").decode("ascii"), error.end
