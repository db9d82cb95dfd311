"""`stacklab run`: ejecutar un flujo y probar cada paso."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab import context
from lab.context import Json, PerService, Ports, Project, Runtime
from stack.errors import StacklabError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from scenarios.engine.flow import Flow
    from scenarios.engine.runner import RunResult
    from scenarios.engine.stepping import Stepper
    from stack.laboratory import Laboratory

NOT_PROVEN = 1


def run(
    flow: Annotated[
        str,
        typer.Argument(metavar="FLUJO", help="Cuál: flujo-a…", autocompletion=context.complete_flows),
    ],
    auto: Annotated[bool, typer.Option("--auto", help="Sin pausas entre pasos.")] = False,
    json: Json = False,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FOTO", help="Tu propia foto (PNG, JPEG o WebP), si el flujo sube una."),
    ] = None,
    sabotage: Annotated[
        str | None,
        typer.Option("--sabotage", metavar="PASO", help="Estropea a propósito ese paso (A4) y mira cómo se nota."),
    ] = None,
    runtime: Runtime = "auto",
    per_service: PerService = None,
    port: Ports = None,
    project: Project = "default",
) -> None:
    """Arranca lo que el flujo necesita, lo ejecuta de verdad y prueba cada paso.

    En una terminal se para antes de cada paso: el sistema queda quieto y puedes mirar dentro. Enter sigue, c va
    hasta el final, ? explica más, e enseña la prueba entera y q lo deja. Al acabar, los servicios siguen en
    marcha para que los mires; se paran con `stacklab down`.

    Ejemplos:
      stacklab run flujo-a
      stacklab run flujo-a --auto --file foto.jpg
      stacklab run flujo-a --sabotage A4
      stacklab run flujo-a --json
    """
    chosen = context.flow_named(flow)
    if sabotage is not None:
        sabotage = sabotage.upper()
        if sabotage not in {hop.id for hop in chosen.hops}:
            from lab.spanish_help import unknown

            raise unknown("paso", sabotage, [hop.id for hop in chosen.hops], f"stacklab run {chosen.id}")
    if file is not None and "file" not in chosen.inputs:
        raise UsageError(f"{chosen.id} no sube ninguna foto", "", f"stacklab run {chosen.id}")
    if file is not None and not file.is_file():
        raise StacklabError(
            f"no encuentro el fichero {file}",
            "Sin la foto no hay nada que subir; sin --file se usa una dibujada.",
            f"stacklab run {chosen.id}",
        )
    lab = context.laboratory(project)
    options = {
        "runtime": runtime,
        "per_service": context.pairs(per_service, "--set"),
        "ports": context.ports(port),
    }
    perform = partial(
        _perform, chosen, lab, options, inputs={"file": file} if file is not None else {}, sabotage=sabotage
    )
    result = _in_json(perform) if json else _on_screen(perform, chosen, auto)
    from lab import history

    if sabotage is None and not result.finished.stopped:
        history.remember(lab.folder, chosen.id, result.finished.proven, result.finished.total)
    if not result.passed and not result.finished.stopped:
        raise typer.Exit(NOT_PROVEN)


def _in_json(perform: Callable[..., RunResult]) -> RunResult:
    import json

    from scenarios.engine.events import RunEvent, as_json

    def write(event: RunEvent) -> None:
        line = as_json(event)
        if line is not None:
            print(json.dumps(line, ensure_ascii=False), flush=True)

    return perform(on_event=write, on_service=lambda event: None)


def _on_screen(perform: Callable[..., RunResult], flow: Flow, auto: bool) -> RunResult:
    import sys

    from lab.render.run import RunView, intro
    from lab.render.services import ServicesView, memory
    from lab.render.terminal import terminal, write
    from scenarios.catalog import SERVICES
    from stack.model import Kind

    screen = terminal()
    intro(screen, flow)
    needed = [service for service in SERVICES if service.name in flow.services]
    count = sum(service.kind is Kind.SERVICE for service in needed)
    micro = sum(service.kind is Kind.MICROSERVICE for service in needed)
    total = memory(sum(one.embedded.memory_mb for one in needed if one.embedded is not None))
    write(screen, f"Servicios ({count}, y {micro} microservicios; {total} en total)", indent=1)
    view = RunView(screen)
    stepper = None
    if not auto and screen.is_terminal and sys.stdin.isatty():
        from lab.stepping import KeyStepper

        stepper = KeyStepper(screen, view)
    with ServicesView(screen) as services:
        result = perform(stepper=stepper, on_event=view, on_service=services)
    write(screen, "Todo sigue en marcha para que lo mires. Para parar: stacklab down", indent=3)
    return result


def _perform(
    flow: Flow,
    lab: Laboratory,
    options: dict[str, Any],
    *,
    inputs: dict[str, Path],
    sabotage: str | None,
    on_event: Callable[[Any], None],
    on_service: Callable[[Any], None],
    stepper: Stepper | None = None,
) -> RunResult:
    """Arranca, ejecuta y, si algo lo interrumpe, para lo que esta orden había arrancado."""
    from lab.interruption import one_at_a_time, stops_what_it_started
    from scenarios.engine.runner import run as run_flow

    with one_at_a_time(lab, on_service), stops_what_it_started(lab, on_service) as started:
        started += [one.name for one in lab.up(flow.services, on_event=on_service, **options) if one.started]
        return run_flow(flow, lab, inputs=inputs, stepper=stepper, sabotage=sabotage, on_event=on_event)
