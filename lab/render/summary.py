"""El resumen de `stacklab run all`: una línea por flujo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lab.all_flows import OURS, Outcome, answerers
from lab.render.palette import BAD, GOOD
from lab.render.services import FIDELITY_STYLE, WORDS
from lab.render.terminal import write
from stack.model import Fidelity
from stack.spanish import seconds

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text


def show(screen: Console, outcomes: Sequence[Outcome]) -> None:
    """Escribe cómo acabó cada flujo, quién contestó y la cuenta de todos."""
    from rich.text import Text

    screen.print()
    screen.print(Text(" Todos los flujos", "bold"))
    for outcome in outcomes:
        last = outcome.result.finished
        good = last.status == "passed"
        mark, style = ("✔", GOOD) if good else ("✘", BAD)
        count = f"{last.proven} de {last.total}"
        line = Text.assemble("  ", (mark, style), f" {outcome.flow.title:<32} {count:>9}  ")
        line.append(f"{seconds(last.duration_ms / 1000):>7}", "dim")
        screen.print(line, soft_wrap=True)
        write(screen, answered(answerers(outcome.result)), indent=4)
        if missing := [hop.hop.id for hop in outcome.result.hops if hop.status != "proven"]:
            write(screen, f"sin probar: {', '.join(missing)}", BAD, indent=4)
    proven = sum(one.result.finished.proven for one in outcomes)
    total = sum(one.result.finished.total for one in outcomes)
    spent = seconds(sum(one.result.finished.duration_ms for one in outcomes) / 1000)
    mark, style = ("✔", f"bold {GOOD}") if proven == total else ("✘", f"bold {BAD}")
    screen.print(Text(f" {mark} {proven} de {total} pasos probados en {spent}", style))


def answered(counts: Mapping[str, int]) -> Text:
    """«contestaron: 9 Docker · 7 embebido»."""
    from rich.text import Text

    line = Text.assemble(("contestaron: ", "dim"))
    for position, (name, count) in enumerate(sorted(counts.items(), key=lambda item: -item[1])):
        line.append(" · " if position else "", "dim")
        if name == OURS:
            line.append(f"microservicio en {count}")
        else:
            line.append(f"{WORDS[Fidelity(name)]} en {count}", FIDELITY_STYLE[Fidelity(name)])
    return line
