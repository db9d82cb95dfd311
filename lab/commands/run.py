"""`stacklab run`: ejecutar un flujo y probar cada paso."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab import context
from lab.all_flows import ALL, Outcome, answerers, finished
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
        typer.Argument(
            metavar="FLUJO", help="Cuál: flujo-a… o all, para todos.", autocompletion=context.complete_flows
        ),
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
      stacklab run all
    """
    chosen = _chosen(flow, sabotage, file)
    lab = context.laboratory(project)
    options = {
        "runtime": runtime,
        "per_service": context.pairs(per_service, "--set"),
        "ports": context.ports(port),
    }
    everything = flow.lower() == ALL
    show = _in_json if json else partial(_on_screen, lab=lab, options=options, auto=auto or everything)
    fault = sabotage.upper() if sabotage else None
    outcomes = []
    for one in chosen:
        inputs = {"file": file} if file is not None and "file" in one.inputs else {}
        perform = partial(_perform, one, lab, options, inputs=inputs, sabotage=fault)
        outcomes.append(Outcome(one, show(perform, one)))
        _remember(lab, outcomes[-1], sabotage)
    if everything:
        _summary(outcomes, json)
    if not json:
        from lab.render.terminal import activation, order, terminal, write

        stop = f"Todo sigue en marcha para que lo mires. Para parar: {order('stacklab down')}"
        write(terminal(), stop, indent=3)
        if before := activation():
            write(terminal(), f"Antes, una vez en cada terminal: {order(before)}", "dim", indent=3)
    if any(not one.result.passed and not one.result.finished.stopped for one in outcomes):
        raise typer.Exit(NOT_PROVEN)


def _chosen(flow: str, sabotage: str | None, file: Path | None) -> list[Flow]:
    """Los flujos que se piden, con lo demás de la orden ya comprobado."""
    if flow.lower() == ALL:
        from scenarios.flows import FLOWS

        if sabotage is not None:
            raise UsageError("--sabotage estropea un paso de un flujo", "", "stacklab run flujo-a --sabotage A4")
        return list(FLOWS.values())
    chosen = context.flow_named(flow)
    if sabotage is not None and sabotage.upper() not in {hop.id for hop in chosen.hops}:
        from lab.spanish_help import unknown
        from scenarios.flows import FLOWS

        other = next((one.id for one in FLOWS.values() if sabotage.upper() in {hop.id for hop in one.hops}), None)
        if other is not None:
            raise UsageError(
                f"{sabotage.upper()} no es un paso de {chosen.id}: es de {other}",
                "",
                f"stacklab run {other} --sabotage {sabotage.upper()}",
            )
        raise unknown("paso", sabotage.upper(), [hop.id for hop in chosen.hops], f"stacklab run {chosen.id}")
    if file is not None and "file" not in chosen.inputs:
        raise UsageError(f"{chosen.id} no sube ninguna foto", "", f"stacklab run {chosen.id}")
    if file is not None and not file.is_file():
        raise StacklabError(
            f"no encuentro el fichero {file}",
            "Sin la foto no hay nada que subir; sin --file se usa una dibujada.",
            f"stacklab run {chosen.id}",
        )
    return [chosen]


def _remember(lab: Laboratory, outcome: Outcome, sabotage: str | None) -> None:
    from lab import history

    last = outcome.result.finished
    if sabotage is None and not last.stopped:
        history.remember(lab.folder, outcome.flow.id, last.proven, last.total, answerers(outcome.result))


def _summary(outcomes: list[Outcome], as_json: bool) -> None:
    if as_json:
        import json

        print(json.dumps(finished(outcomes), ensure_ascii=False), flush=True)
        return
    from lab.render.summary import show
    from lab.render.terminal import terminal

    show(terminal(), outcomes)


def _in_json(perform: Callable[..., RunResult], flow: Flow) -> RunResult:
    import json

    from scenarios.engine.events import RunEvent, as_json

    def write(event: RunEvent) -> None:
        line = as_json(event)
        if line is not None:
            print(json.dumps(line, ensure_ascii=False), flush=True)

    return perform(on_event=write, on_service=lambda event: None)


def _on_screen(
    perform: Callable[..., RunResult], flow: Flow, *, lab: Laboratory, options: dict[str, Any], auto: bool
) -> RunResult:
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
    total = memory(lab.memory_mb(flow.services, runtime=options["runtime"], per_service=options["per_service"]))
    outside = any(service.kind is Kind.PROVIDER for service in needed)
    others = (
        f", {micro} microservicios y un proveedor de fuera, simulado" if outside else f" y {micro} microservicios"
    )
    write(screen, f"Hacen falta {count} servicios{others}: {total} en total", indent=1)
    view = RunView(screen)
    stepper = None
    if not auto and screen.is_terminal and sys.stdin.isatty():
        from lab.stepping import KeyStepper

        stepper = KeyStepper(screen, view)
    with ServicesView(screen) as services:
        return perform(stepper=stepper, on_event=view, on_service=services)


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
