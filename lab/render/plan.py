"""Lo que haría `stacklab up`, antes de hacerlo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lab.render.palette import GOOD, NOTE, PLACE
from lab.render.services import fidelity
from lab.render.terminal import ROOMY, write
from stack.plan import Action, Plan, Step

if TYPE_CHECKING:
    from rich.console import Console

_STYLES = {Action.KEEP: "dim", Action.WAIT: NOTE, Action.START: GOOD, Action.RESTART: NOTE}
_MARGIN, _ACTION, _TITLE = 2, 10, 20


def show(screen: Console, plan: Plan) -> None:
    """Escribe cada paso: qué se hace, con quién, en qué puertos y, si no es evidente, por qué."""
    from rich.text import Text

    titles = {step.name: step.service.title for step in plan.steps}
    wide = screen.width >= ROOMY
    for step in plan.steps:
        title = f"{step.service.title:<{_TITLE}}" if wide else f"{step.service.title} · "
        line = Text.assemble((f"{step.action:<{_ACTION}}", _STYLES[step.action]), title)
        line.append(fidelity(step.choice.fidelity, step.choice.product))
        ports = ", ".join(f"{name} {number}" for name, number in step.ports.items())
        line.append(f" · {ports}", PLACE)
        for why in _reasons(step, titles):
            line.append(f" · {why}", "dim")
        write(screen, line, indent=_MARGIN, hang=_ACTION + (_TITLE if wide else 0))
    screen.print()
    if all(step.action is Action.KEEP for step in plan.steps):
        write(screen, "No hay nada que hacer: todo está ya en marcha.")
    else:
        write(screen, "Esto haría. Todavía no ha hecho nada.")


def _reasons(step: Step, titles: Mapping[str, str]) -> list[str]:
    reasons = [step.reason] if step.reason else []
    if step.after and step.action in (Action.START, Action.RESTART):
        reasons.append(f"después de {', '.join(titles.get(name, name) for name in step.after)}")
    return reasons
